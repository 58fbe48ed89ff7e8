"""Slides to try things on: one made on this machine, one downloaded when the user asks for it.

Room: plugin. Both are long work the first time, hence generators; `widgets.samples` shows their
progress, and the plain functions are for scripts and tests.
"""

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pooch
from requests import RequestException

from napari_focusqc.errors import DownloadError
from napari_focusqc.plugin.layers import UM, LayerData, slide_layers
from napari_focusqc.progress import Progress, finish
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.sample_slide import MPP, sample_slide, true_defocus

R = TypeVar("R")
Work = Generator[Progress[None], None, R]

CMU_NAME = "CMU-1-Small-Region.svs"
CMU_URL = f"https://openslide.cs.cmu.edu/download/openslide-testdata/Aperio/{CMU_NAME}"
CMU_SHA256 = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7"
TIMEOUT_S = 30.0


def sample_slide_layers() -> list[LayerData]:
    """Return the layers of `sample_slide_with_truth`, waiting for them."""
    return finish(sample_slide_with_truth())


def cmu_small_region_layers() -> list[LayerData]:
    """Return the layer of `cmu_small_region`, waiting for it."""
    return finish(cmu_small_region())


def sample_slide_with_truth(folder: Path | None = None) -> Work[list[LayerData]]:
    """Build the sample slide the first time, and show it with its true defocus.

    Parameters
    ----------
    folder
        Where it is kept; the user's cache when None.

    Returns
    -------
    The slide's layer, and a hidden one of the blur-disk radius, µm, clear on glass.
    """
    sample = yield from sample_slide(folder)
    radius_um, px_per_cell = true_defocus(sample.defocus)
    cell_um = px_per_cell * MPP
    truth = {
        "name": "true defocus (µm)",
        "colormap": "viridis",
        "blending": "translucent",
        "opacity": 0.6,
        "visible": False,
        "scale": (cell_um, cell_um),
        "translate": ((cell_um - MPP) / 2, (cell_um - MPP) / 2),
        "units": (UM, UM),
        "axis_labels": ("y", "x"),
    }
    return [*slide_layers(open_slide(sample.slide)), (radius_um, truth, "image")]


def cmu_small_region(folder: Path | None = None) -> Work[list[LayerData]]:
    """Download OpenSlide's CMU-1-Small-Region (CC0, 2 MB) the first time, and show it.

    Parameters
    ----------
    folder
        Where it is kept; the user's cache when None.

    Raises
    ------
    DownloadError
        It cannot be fetched, or is not the file that was promised.
    """
    yield Progress(0, 0, f"downloading {CMU_NAME}")
    return slide_layers(open_slide(fetch(CMU_URL, CMU_NAME, CMU_SHA256, folder)))


def fetch(url: str, name: str, sha256: str, folder: Path | None = None) -> Path:
    """Return a file from the network, or from the cache where it was fetched before.

    Parameters
    ----------
    url
        Where it is.
    name
        What it is called in the cache.
    sha256
        Of the right file, hex; another is thrown away.
    folder
        Where it is kept; the user's cache when None.

    Raises
    ------
    DownloadError
        It cannot be fetched or written, or is not the file that was promised.
    """
    kept = Path(pooch.os_cache("napari-focusqc")) if folder is None else folder
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=name,
            path=kept,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT_S),
        )
    except (RequestException, OSError) as error:
        raise DownloadError(
            f"{name} could not be fetched from {url} ({error}); see whether this machine is "
            "online, or open a slide of your own"
        ) from error
    except ValueError as error:
        raise DownloadError(
            f"what came from {url} is not the {name} that was promised (its checksum differs); "
            "try again later, or open a slide of your own"
        ) from error
    return Path(path)
