"""Which image of a TIFF file is the slide, which lie beside it, and which page is which plane.

Room: slides. tifffile groups pages of a kind into series; what each of them means is said here.
"""

import re
from math import prod
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

from napari_focusqc.errors import NotASlideError, TruncatedSlideError

PICTURES = ("macro", "overview", "thumbnail")
LABEL = "label"

_FLAT = ("YX", "YXS", "SYX")
_QPI_TYPE = re.compile(r"<ImageType>\s*(\w+)\s*</ImageType>")

Page = TiffPage | TiffFrame


def open_tiff(path: Path) -> TiffFile:
    """Open a TIFF file by its bytes: by its name alone tifffile would take it for an NDPI file."""
    return TiffFile(path, is_ndpi=False)


def slide_series(tiff: TiffFile) -> TiffPageSeries:
    """Return the series that is the slide: the largest that is no picture beside it.

    Writers put label and macro before it or after it. Of equals the first is taken.
    """
    slides = [series for series in tiff.series if picture_name(series) is None]
    return max(slides or tiff.series, key=lambda series: int(prod(_extent(series))))


def _extent(series: TiffPageSeries) -> tuple[int, int]:
    """Return (height, width) of a series, px."""
    return int(series.keyframe.imagelength), int(series.keyframe.imagewidth)


def picture_series(tiff: TiffFile) -> dict[str, TiffPageSeries]:
    """Return the 8-bit grey or RGB pictures beside the slide.

    Returns
    -------
    By name in lower case, as OpenSlide writes them; of two that bear one name the first.
    """
    slide = slide_series(tiff)
    found: dict[str, TiffPageSeries] = {}
    for series in tiff.series:
        name = picture_name(series)
        flat = series.dtype == np.uint8 and series.axes in _FLAT and len(series.pages) == 1
        if name is not None and flat and series is not slide:
            found.setdefault(name, series)
    return found


def picture_name(series: TiffPageSeries) -> str | None:
    """Return ``"label"`` or one of `PICTURES` by what a series is called, or None.

    A picture of a QPTIFF file that does not say what it is counts as a label, which is withheld.
    """
    name = series.name.lower()
    if series.kind == "qpi" and name in ("macro", LABEL):
        stated = _QPI_TYPE.search(series.keyframe.description)
        name = stated[1].lower() if stated else LABEL
    if LABEL in name:
        return LABEL
    words = re.findall("[a-z]+", name)
    return next((picture for picture in PICTURES if picture in words), None)


def series_notes(tiff: TiffFile, slide: TiffPageSeries) -> tuple[str, ...]:
    """Say what of the file is not read, one sentence each."""
    times = dict(zip(slide.axes, slide.shape, strict=True)).get("T", 1)
    notes = []
    if times > 1:
        notes.append(f"the file has {times} time points, of which the first is read")
    others = sum(series is not slide and picture_name(series) is None for series in tiff.series)
    if others:
        notes.append(f"the file has {others + 1} images, of which the largest is read")
    return tuple(notes)


def plane_pages(series: TiffPageSeries, name: str, rgb_channels: bool) -> list[list[Page]]:
    """Choose the pages of every focal plane: each Z (or unnamed) index, the first of every time.

    Parameters
    ----------
    series
        A level of the slide.
    name
        The file's name.
    rgb_channels
        Whether the file calls its three channels red, green and blue.

    Returns
    -------
    For each plane its page, or the three pages of its colours.

    Raises
    ------
    NotASlideError
        The series has several channels, or keeps its planes in an unusual way.
    TruncatedSlideError
        A plane is missing.
    """
    sizes = {a: int(n) for a, n in zip(series.axes, series.shape, strict=True) if a not in "YXS"}
    stack = next((axis for axis in "ZIQ" if axis in sizes), None)
    kept = {stack, "C"} if rgb_channels and sizes.get("C") == 3 else {stack}
    for axis in sizes.keys() - kept - {"T"}:
        if sizes[axis] > 1:
            raise NotASlideError(
                f"{name} has {sizes[axis]} separate channels or positions (axis {axis}); "
                "a slide needs RGB or one grey channel"
            )
    if len(series.pages) != prod(sizes.values()):
        raise NotASlideError(
            f"{name} keeps {prod(sizes.values())} planes in {len(series.pages)} pages; "
            "export it with one page per plane"
        )
    pages = np.arange(len(series.pages)).reshape(tuple(sizes.values()))
    chosen = pages[tuple(slice(None) if axis in kept else 0 for axis in sizes)]
    axes = [axis for axis in sizes if axis in kept]
    if "C" in axes:
        chosen = np.moveaxis(chosen, axes.index("C"), -1)
    frames = [series.pages[int(page)] for page in chosen.ravel()]
    if None in frames:
        raise TruncatedSlideError(f"plane {frames.index(None)} of {name} is missing; export again")
    colours = 3 if "C" in axes else 1
    found = [frame for frame in frames if frame is not None]
    return [found[at : at + colours] for at in range(0, len(found), colours)]
