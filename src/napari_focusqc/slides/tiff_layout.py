"""Levels, planes and tiles of a TIFF slide, worked out by tifffile when it is opened.

Room: slides. Afterwards the file is read by offset alone. Everything that cannot be read rightly
is refused here, before any pixel is decoded.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

from napari_focusqc.errors import FocusQCError, NotASlideError, TruncatedSlideError
from napari_focusqc.slides.tiff_associated import associated_series
from napari_focusqc.slides.tiff_directory import DAMAGED
from napari_focusqc.slides.tiff_level import TiffLevel, TiffPlane
from napari_focusqc.slides.tiff_metadata import TiffFacts, read_facts, refuse_entities
from napari_focusqc.slides.tiff_pixels import (
    COMPRESSIONS,
    band_rows,
    banded,
    check_pixels,
    check_tile_size,
    decoder,
    is_banded,
    is_inverted,
    is_planar,
    is_premultiplied,
)

_ICC_PROFILE = 34675


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """A TIFF slide before anything of it is decoded.

    Parameters
    ----------
    levels
        Finest first.
    facts
        What the file says of itself.
    compression
        Of level 0, in words.
    associated
        Names of the pictures beside the slide.
    icc_profile
        The scanner's colour profile, or None.
    notes
        How the pixels are read, where it is not plain.
    """

    levels: tuple[TiffLevel, ...]
    facts: TiffFacts
    compression: str
    associated: tuple[str, ...]
    icc_profile: bytes | None
    notes: tuple[str, ...]


def is_decodable(path: Path) -> bool:
    """Say whether the compression of the file's first page is one of `COMPRESSIONS`.

    Raises
    ------
    NotASlideError
        tifffile finds no page.
    """
    try:
        with TiffFile(path) as tiff:
            return int(tiff.pages.first.compression) in COMPRESSIONS
    except DAMAGED as error:
        raise _damaged(path.name, error) from error


def read_layout(path: Path) -> TiffLayout:
    """Work out the levels, planes and tiles of a TIFF slide.

    Raises
    ------
    NotASlideError
        It is no 8-bit grey or RGB image, its compression is unknown, or it is damaged.
    TruncatedSlideError
        Tiles lie beyond the end of the file, or fewer are listed than the image needs.
    """
    try:
        with TiffFile(path) as tiff:
            refuse_entities(tiff.pages.first.description, path.name)
            series = tiff.series[0]
            levels = tuple(_level(tiff, level, path) for level in series.levels)
            _check_pyramid(levels, path.name)
            page = series.levels[0].keyframe
            return TiffLayout(
                levels,
                read_facts(tiff, page),
                compression=COMPRESSIONS[int(page.compression)],
                associated=tuple(associated_series(tiff)),
                icc_profile=_icc_profile(page),
                notes=("int8 is read as −128 = black",) if levels[0].signed else (),
            )
    except FocusQCError:
        raise
    except DAMAGED as error:
        raise _damaged(path.name, error) from error


def _icc_profile(page: TiffPage) -> bytes | None:
    """Return the bytes of the tag InterColorProfile, or None."""
    profile = page.tags.valueof(_ICC_PROFILE)
    return bytes(profile) if isinstance(profile, bytes) and profile else None


def _damaged(name: str, error: BaseException) -> NotASlideError:
    """Return the refusal of a file that tifffile stumbles over."""
    return NotASlideError(
        f"{name} begins as a TIFF file but cannot be read as one "
        f"({str(error) or type(error).__name__}); copy or export it again"
    )


def _level(tiff: TiffFile, series: TiffPageSeries, path: Path) -> TiffLevel:
    """Work out one level."""
    page = series.keyframe
    check_pixels(page, path.name)
    tile = _tile(page)
    check_tile_size(page, tile, path.name)
    level = TiffLevel(
        shape=(int(page.imagelength), int(page.imagewidth)),
        tile=tile,
        samples=int(page.samplesperpixel),
        planar=is_planar(page),
        inverted=is_inverted(page),
        signed=page.dtype == np.int8,
        premultiplied=is_premultiplied(page),
        planes=tuple(_plane(tiff, page, frame, path.name) for frame in _frames(series, path.name)),
    )
    for plane in level.planes:
        _check_tiles(level, plane, path)
    return level


def _tile(page: TiffPage) -> tuple[int, int]:
    """Return (height, width) of a page's tiles, strips or bands, px."""
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    rows = band_rows(page) if is_banded(page) else int(page.rowsperstrip)
    return min(rows, int(page.imagelength)), int(page.imagewidth)


def _frames(series: TiffPageSeries, name: str) -> list[TiffPage | TiffFrame]:
    """Choose one page per focal plane: every Z (or unnamed) index, the first of every time.

    Raises
    ------
    NotASlideError
        The series has several channels, or keeps its planes in an unusual way.
    TruncatedSlideError
        A plane is missing.
    """
    sizes = {a: int(n) for a, n in zip(series.axes, series.shape, strict=True) if a not in "YXS"}
    stack = next((axis for axis in "ZIQ" if axis in sizes), None)
    for axis in sizes.keys() - {stack, "T"}:
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
    chosen = pages[tuple(slice(None) if axis == stack else 0 for axis in sizes)]
    frames = [series.pages[int(page)] for page in chosen.ravel()]
    if None in frames:
        raise TruncatedSlideError(f"plane {frames.index(None)} of {name} is missing; export again")
    return [frame for frame in frames if frame is not None]


def _plane(tiff: TiffFile, page: TiffPage, frame: TiffPage | TiffFrame, name: str) -> TiffPlane:
    """Collect the tiles of one plane.

    Raises
    ------
    NotASlideError
        The plane lies in another file.
    """
    if frame.parent is not tiff:
        raise NotASlideError(
            f"the planes of {name} lie in several files; export them into one OME-TIFF"
        )
    offsets = np.asarray(frame.dataoffsets, np.int64)
    counts = np.asarray(frame.databytecounts, np.int64)
    if is_banded(page):
        return banded(page, offsets, counts, name)
    return TiffPlane(offsets, counts, decoder(page, frame.jpegtables))


def _check_tiles(level: TiffLevel, plane: TiffPlane, path: Path) -> None:
    """Refuse a plane whose tiles are not all in the file.

    Raises
    ------
    TruncatedSlideError
        Saying how many tiles or bytes there are, and how many there should be.
    """
    needed = level.grid[0] * level.grid[1] * (level.samples if level.planar else 1)
    listed = min(len(plane.offsets), len(plane.counts))
    if listed < needed:
        raise TruncatedSlideError(
            f"{path.name} lists {listed} of the {needed} tiles its image needs; copy it again"
        )
    end, size = int((plane.offsets + plane.counts)[:needed].max()), path.stat().st_size
    if end > size or int(plane.offsets.min()) < 0 or int(plane.counts.min()) < 0:
        raise TruncatedSlideError(
            f"{path.name} has {size} bytes, but its tiles reach to byte {end}; copy it again"
        )


def _check_pyramid(levels: tuple[TiffLevel, ...], name: str) -> None:
    """Refuse levels that do not shrink, or differ in their planes.

    Raises
    ------
    NotASlideError
        Naming the shapes found.
    """
    shapes = [level.shape for level in levels]
    shrinks = all(
        fine[0] >= coarse[0] and fine[1] >= coarse[1] and fine != coarse
        for fine, coarse in pairwise(shapes)
    )
    if not shrinks or len({len(level.planes) for level in levels}) > 1:
        sizes = ", ".join(f"{height} × {width}" for height, width in shapes)
        raise NotASlideError(f"the levels of {name} ({sizes} px) are no pyramid; export it again")
