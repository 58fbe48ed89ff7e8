"""Slides to try things on: one made on this machine, one downloaded when the user asks for it.

Room: plugin. Both are long work the first time, hence generators; `widgets.samples` shows their
progress, and the plain functions are for scripts and tests.
"""

from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from napari_focusqc.plugin.layers import slide_layers
from napari_focusqc.plugin.placing import UM, LayerData
from napari_focusqc.progress import Progress, finish
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.sample.download import CMU_SMALL_REGION, fetch_cmu_small_region
from napari_focusqc.slides.sample.slide import MPP, sample_slide, true_defocus

R = TypeVar("R")
Work = Generator[Progress[None], None, R]


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
    return [*slide_layers(open_slide(sample.slide)), true_defocus_layer(sample.defocus)]


def true_defocus_layer(defocus: Path) -> LayerData:
    """Show the truth of a sample slide: the blur-disk radius, µm, clear on glass; hidden.

    Parameters
    ----------
    defocus
        See `slides.sample.slide.true_defocus`.

    Raises
    ------
    MapFileError
        The file is not the truth of a sample slide.
    """
    radius_um, px_per_cell = true_defocus(defocus)
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
    return radius_um, truth, "image"


def cmu_small_region(folder: Path | None = None) -> Work[list[LayerData]]:
    """Download OpenSlide's CMU-1-Small-Region the first time, and show it.

    Parameters
    ----------
    folder
        Where it is kept; the user's cache when None.

    Raises
    ------
    DownloadError, OutputError
        See `fetch_cmu_small_region`.
    """
    yield Progress(0, 0, f"downloading {CMU_SMALL_REGION}")
    return slide_layers(open_slide(fetch_cmu_small_region(folder)))
