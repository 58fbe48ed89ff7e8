"""Levels, planes and tiles of a TIFF slide, worked out by tifffile when it is opened.

Room: slides. Afterwards the file is read by offset alone. Everything that cannot be read rightly
is refused here, before any pixel is decoded.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tifffile import TiffFile, TiffPage, TiffPageSeries

from napari_focusqc.errors import FocusQCError, NotASlideError, TruncatedSlideError
from napari_focusqc.geometry import levels_shrink
from napari_focusqc.slides.tiff.directory import DAMAGED
from napari_focusqc.slides.tiff.level import TiffLevel, TiffPlane, joined
from napari_focusqc.slides.tiff.metadata import TiffFacts, read_facts, refuse_entities
from napari_focusqc.slides.tiff.ome import ome_root
from napari_focusqc.slides.tiff.pixels import (
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
from napari_focusqc.slides.tiff.series import (
    Page,
    open_tiff,
    picture_series,
    plane_pages,
    series_notes,
    slide_series,
)

MOST_PROFILE_BYTES = 16 << 20
"""A colour profile that claims more is not read."""

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
        with open_tiff(path) as tiff:
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
        with open_tiff(path) as tiff:
            refuse_entities(tiff.pages.first.description, path.name)
            ome = ome_root(tiff, path.name)
            series = slide_series(tiff)
            facts = read_facts(tiff, series, ome)
            levels = tuple(
                level_of(tiff, level, path, facts.rgb_channels) for level in series.levels
            )
            _check_pyramid(levels, path.name)
            profile, doubt = _icc_profile(series.keyframe)
            signed = ("int8 is read as −128 = black",) if levels[0].signed else ()
            facts, levels = _risen(facts, levels)
            return TiffLayout(
                levels,
                facts,
                compression=COMPRESSIONS[int(series.keyframe.compression)],
                associated=tuple(picture_series(tiff)),
                icc_profile=profile,
                notes=(*signed, *series_notes(tiff, series), *doubt),
            )
    except FocusQCError:
        raise
    except DAMAGED as error:
        raise _damaged(path.name, error) from error


def _icc_profile(page: TiffPage) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the bytes of the tag InterColorProfile, or a sentence why it is left out."""
    tag = page.tags.get(_ICC_PROFILE)
    if tag is None or tag.count == 0:
        return None, ()
    if tag.count > MOST_PROFILE_BYTES or not isinstance(tag.value, bytes):
        return None, ("its colour profile is damaged and is left out",)
    return tag.value, ()


def _risen(
    facts: TiffFacts, levels: tuple[TiffLevel, ...]
) -> tuple[TiffFacts, tuple[TiffLevel, ...]]:
    """Sort the planes by height where the file gives each its own."""
    heights = facts.z_um
    if heights is None or not len(set(heights)) == len(heights) == len(levels[0].planes):
        return facts, levels
    order = sorted(range(len(heights)), key=heights.__getitem__)
    return replace(facts, z_um=tuple(heights[z] for z in order)), tuple(
        replace(level, planes=tuple(level.planes[z] for z in order)) for level in levels
    )


def _damaged(name: str, error: BaseException) -> NotASlideError:
    """Return the refusal of a file that tifffile stumbles over."""
    return NotASlideError(
        f"{name} begins as a TIFF file but cannot be read as one "
        f"({str(error) or type(error).__name__}); copy or export it again"
    )


def level_of(
    tiff: TiffFile, series: TiffPageSeries, path: Path, rgb_channels: bool = False
) -> TiffLevel:
    """Work out one level, or a picture beside the slide.

    Parameters
    ----------
    tiff
        The open file.
    series
        The level as tifffile sees it.
    path
        Of the file.
    rgb_channels
        Whether the file calls its channels red, green and blue.

    Raises
    ------
    NotASlideError, TruncatedSlideError
        See `read_layout`.
    """
    page = series.keyframe
    check_pixels(page, path.name)
    tile = _tile(page)
    check_tile_size(page, tile, path.name)
    planes = plane_pages(series, path.name, rgb_channels)
    channels = len(planes[0])
    level = TiffLevel(
        shape=(int(page.imagelength), int(page.imagewidth)),
        tile=tile,
        samples=int(page.samplesperpixel) * channels,
        planar=is_planar(page) or channels > 1,
        inverted=is_inverted(page),
        signed=page.dtype == np.int8,
        premultiplied=is_premultiplied(page),
        planes=tuple(
            joined([_plane(tiff, page, frame, path.name) for frame in pages]) for pages in planes
        ),
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


def _plane(tiff: TiffFile, page: TiffPage, frame: Page, name: str) -> TiffPlane:
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
    if not levels_shrink(shapes) or len({len(level.planes) for level in levels}) > 1:
        sizes = ", ".join(f"{height} × {width}" for height, width in shapes)
        raise NotASlideError(f"the levels of {name} ({sizes} px) are no pyramid; export it again")
