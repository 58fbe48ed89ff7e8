"""A real slide file whose defocus is known everywhere, built from tissue that is already installed.

Room: slides. A tiled, pyramidal JPEG TIFF as scanners write it, and its truth beside it.
"""

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import pooch
from numpy.typing import NDArray
from tifffile import TiffFile, TiffWriter, imwrite

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.progress import Progress
from napari_focusqc.slides.pyramid import halve
from napari_focusqc.slides.sample.layout import (
    CELL_PX,
    TILE_PX,
    SampleLayout,
    band_pixels,
    lay_out,
    tissue_field,
)

MPP = 0.25
"""µm/px of level 0."""

JPEG_QUALITY = 85

_NAME = "sample-slide-1"  # counts up when the slide changes, so that no old copy is shown


@dataclass(frozen=True, slots=True)
class SampleSlide:
    """The sample slide's two files.

    Parameters
    ----------
    slide
        The tiled, pyramidal JPEG TIFF.
    defocus
        The truth, see `true_defocus`.
    """

    slide: Path
    defocus: Path


def sample_slide(folder: Path | None = None) -> Generator[Progress[None], None, SampleSlide]:
    """Return the sample slide, building it the first time.

    Parameters
    ----------
    folder
        Where it is kept; the user's cache when None.

    Yields
    ------
    Progress; nothing where the slide is there already.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    folder = Path(pooch.os_cache("napari-focusqc")) if folder is None else folder
    sample = _files(folder / f"{_NAME}.tif")
    if sample.slide.is_file() and sample.defocus.is_file():
        return sample
    return (yield from build_sample_slide(sample.slide))


def _files(slide: Path) -> SampleSlide:
    """Return the two paths that belong together."""
    return SampleSlide(slide, slide.with_name(f"{slide.stem}-defocus-um.tif"))


def build_sample_slide(
    path: Path, layout: SampleLayout | None = None
) -> Generator[Progress[None], None, SampleSlide]:
    """Build the sample slide, the same bytes every time.

    Parameters
    ----------
    path
        The slide to write; the truth goes beside it as ``…-defocus-um.tif``.
    layout
        What lies where.

    Yields
    ------
    Progress, one per band of tiles.

    Raises
    ------
    OutputError
        The files cannot be written.
    """
    layout = layout or SampleLayout()
    sample = _files(path)
    radius_px = lay_out(layout)
    levels = yield from _encode(radius_px, layout)
    truth = (radius_px * MPP).astype(np.float32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_beside(sample.defocus, lambda part: _write_truth(part, truth))
        _write_beside(sample.slide, lambda part: _write_pyramid(part, levels, layout.side_px))
    except OSError as error:
        raise OutputError(
            f"the sample slide cannot be written to {path.parent} ({error.strerror or error}); "
            "choose a folder you may write to"
        ) from error
    return sample


def true_defocus(path: Path) -> tuple[NDArray[np.float32], float]:
    """Read the truth of a sample slide.

    Parameters
    ----------
    path
        `SampleSlide.defocus`.

    Returns
    -------
    float32 (h, w), radius of the blur disk, µm in the plane of the specimen, NaN on glass; and
    the level-0 pixels per pixel of it.

    Raises
    ------
    MapFileError
        The file is not the truth of a sample slide.
    """
    try:
        with TiffFile(path) as tiff:
            page = tiff.pages.first
            radius_um, pixels_per_cm = page.asarray(), page.resolution[0]
    except (OSError, ValueError) as error:
        raise MapFileError(
            f"{path} is not the defocus of a sample slide ({error}); build the sample again"
        ) from error
    if radius_um.ndim != 2 or radius_um.dtype != np.float32:
        raise MapFileError(f"{path} is not the defocus of a sample slide; build the sample again")
    return radius_um, round(1e4 / pixels_per_cm / MPP, 6)


def _encode(
    radius_px: NDArray[np.float64], layout: SampleLayout
) -> Generator[Progress[None], None, list[list[bytes]]]:
    """Return the JPEG tiles of every level, finest first."""
    radii = [float(radius) for radius in np.unique(radius_px[np.isfinite(radius_px)])]
    fields, tissue = {}, tissue_field()
    bands = layout.side_px // TILE_PX
    for number, radius in enumerate(radii):
        yield Progress(number, len(radii) + bands, "blurring tissue")
        fields[radius] = blur(tissue, bokeh_kernel(radius))
    half = np.empty((layout.side_px // 2, layout.side_px // 2, 3), np.uint8)
    tiles: list[bytes] = []
    for band in range(bands):
        yield Progress(len(radii) + band, len(radii) + bands, "writing the sample slide")
        pixels = band_pixels(radius_px, fields, band, np.random.default_rng((layout.seed, band)))
        tiles += _jpeg_tiles(pixels)
        half[band * TILE_PX // 2 : (band + 1) * TILE_PX // 2] = halve(pixels)
    levels = [tiles]
    while len(levels[-1]) > 1:
        levels.append(list(_jpeg_tiles(half)))
        half = halve(half)
    return levels


def _jpeg_tiles(image: NDArray[np.uint8]) -> Iterator[bytes]:
    """Yield the JPEG tiles of an image, row by row; a tile that is not full is padded white."""
    for y in range(0, image.shape[0], TILE_PX):
        for x in range(0, image.shape[1], TILE_PX):
            tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
            part = image[y : y + TILE_PX, x : x + TILE_PX]
            tile[: part.shape[0], : part.shape[1]] = part
            yield bytes(imagecodecs.jpeg8_encode(tile, JPEG_QUALITY, subsampling="420"))


def _write_beside(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under another name in the same folder and rename it when it is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_truth(path: Path, radius_um: NDArray[np.float32]) -> None:
    """Write the truth with its own µm/px."""
    per_cm = 1e4 / (MPP * CELL_PX)
    text = "radius of the blur disk in micrometres; NaN on glass"
    imwrite(
        path,
        radius_um,
        description=text,
        metadata=None,
        resolution=(per_cm, per_cm),
        resolutionunit="CENTIMETER",
    )


def _write_pyramid(path: Path, levels: list[list[bytes]], side_px: int) -> None:
    """Write the levels as pages, each half the one before, as libvips does."""
    with TiffWriter(path) as writer:
        for number, tiles in enumerate(levels):
            side, per_cm = side_px >> number, 1e4 / (MPP * 2**number)
            writer.write(
                iter(tiles),
                shape=(side, side, 3),
                dtype=np.uint8,
                photometric="rgb",
                tile=(TILE_PX, TILE_PX),
                compression="jpeg",
                subsampling=(2, 2),
                subfiletype=int(number > 0),
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
