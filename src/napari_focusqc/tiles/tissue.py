"""Tissue or glass: a mask at about 1x, and how it was made.

Room: tiles. Otsu's threshold at 1x after DeepFocus [1]_, the luma rule after ConvFocus [2]_.

References
----------
.. [1] Senaras et al., "DeepFocus …", PLoS ONE 13(10), 2018, "whole slide" section.
.. [2] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from napari_focusqc.errors import SettingsError, UnreadableRegionError
from napari_focusqc.geometry import Region, level_downsample
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid

Along = NDArray[np.floating[Any]]
"""Positions along an axis, or a table of sums."""
OVERVIEW_MPP = 10.0
"""Micrometres per pixel of a 1x objective."""
LUMA = np.array([0.212, 0.715, 0.072], np.float32)
"""Weights of R, G, B in ConvFocus's luma."""
GLASS_LUMA = 0.8
"""ConvFocus: tissue has 0 < Y ≤ 0.8."""
DIM_GLASS_LUMA = 0.7
"""Otsu's brighter class is glass only above this: scanners with a dim lamp show glass grey."""
GLASS_CHROMA = 0.12
"""Glass is grey: its largest minus smallest channel stays below this (of 1)."""
PALE_SHARE = 0.87
"""Tissue is darker than this share of the glass: ConvFocus's 0.8 where glass has Y = 0.92."""
ONE_CLASS_GAP = 0.06
"""Two classes whose mean lumas are closer than this are one class."""
BAND_PX = 1 << 24
"""Pixels read at once while the overview is made."""
FAULT_PX = 128
"""Around a fault, regions are halved down to this side before they count as unreadable."""


@dataclass(frozen=True, slots=True, eq=False)
class TissueMask:
    """Where there is tissue.

    Parameters
    ----------
    mask
        bool (h, w), True where there is tissue (or where the overview could not be read).
    px_level0
        Level-0 pixels per mask pixel.
    how
        The rule and the threshold it used, in words.
    """

    mask: NDArray[np.bool_]
    px_level0: float
    how: str

    def fraction(self, grid: TileGrid) -> NDArray[np.float32]:
        """Return the share of each tile that is tissue, float32 (rows, cols), 0 to 1.

        Only the part of a tile inside the slide counts.
        """
        table = np.zeros((self.mask.shape[0] + 1, self.mask.shape[1] + 1))
        table[1:, 1:] = self.mask.cumsum(0).cumsum(1)
        tops, bottoms = self._edges(grid, axis=0)
        lefts, rights = self._edges(grid, axis=1)
        area = (bottoms - tops)[:, None] * (rights - lefts)[None, :]
        upper, lower = _between_rows(table, tops), _between_rows(table, bottoms)
        strips = (lower - upper).T
        inside = (_between_rows(strips, rights) - _between_rows(strips, lefts)).T
        return np.clip(inside / area, 0, 1).astype(np.float32)

    def _edges(self, grid: TileGrid, axis: int) -> tuple[Along, Along]:
        """Return where tiles start and stop along an axis, in mask pixels."""
        count, first = ((grid.rows, grid.row0), (grid.cols, grid.col0))[axis]
        start = (first + np.arange(count)) * grid.stride_level0
        limit = min(grid.shape[axis] / self.px_level0, self.mask.shape[axis])
        stop = np.minimum((start + grid.tile_level0) / self.px_level0, limit)
        # a tile that begins in what the overview rounded away shows its last pixel
        begin = start / self.px_level0
        return np.where(begin < limit, begin, max(limit - 1, 0)), stop


def _between_rows(table: Along, at: Along) -> Along:
    """Return rows of a cumulative table at positions between its rows, linearly."""
    low = np.clip(np.floor(at).astype(np.intp), 0, table.shape[0] - 2)
    share = (at - low)[:, None]
    return table[low] * (1 - share) + table[low + 1] * share


_REMEMBERED: WeakKeyDictionary[Slide, dict[tuple[str, float, int], TissueMask]] = (
    WeakKeyDictionary()
)


def tissue_mask(slide: Slide, rule: str, mpp: float, z: int = 0) -> TissueMask:
    """Find tissue on the whole slide.

    Parameters
    ----------
    slide
        Read at its coarsest level that is not coarser than 1x.
    rule
        ``"otsu"``, ``"luma"`` or ``"none"`` (everything is tissue).
    mpp
        Micrometres per pixel of level 0.
    z
        Index of the plane that is looked at.

    Raises
    ------
    SettingsError
        There is no such rule.
    RegionError
        There is no such plane.
    """
    if rule == "none":
        return TissueMask(np.ones((1, 1), bool), float(max(slide.shape)), "none: all is tissue")
    if rule not in ("otsu", "luma"):
        raise SettingsError(f"there is no tissue rule {rule!r}; choose otsu, luma or none")
    rgb, readable, px_level0 = _overview(slide, mpp, z)
    found, how = _otsu(rgb, readable) if rule == "otsu" else _luma(rgb)
    return TissueMask(found | ~readable, px_level0, how)


def remembered_tissue(slide: Slide, rule: str, mpp: float, z: int = 0) -> TissueMask:
    """Find tissue as `tissue_mask` does, but once for each slide while it is open."""
    known = _REMEMBERED.setdefault(slide, {})
    if (rule, mpp, z) not in known:
        known[rule, mpp, z] = tissue_mask(slide, rule, mpp, z)
    return known[rule, mpp, z]


def _otsu(rgb: NDArray[np.float32], readable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], str]:
    """Split by Otsu's threshold, unless the brighter class is no glass or there is one class.

    A whole slide always has glass, a field need not: without this guard Otsu would call the
    paler half of an all-tissue field glass. And where dark nuclei or a strong stain pull Otsu's
    threshold down, pale tissue would go with the glass: whatever is clearly darker than the
    glass of this slide is tissue, too.
    """
    luma = rgb @ LUMA
    values = luma[readable]
    if values.size == 0 or values.max() == values.min():
        return _one_class(rgb, readable, "otsu: one even colour")
    limit = float(threshold_otsu(values))  # type: ignore[no-untyped-call]
    bright = luma > limit
    gap = values[values > limit].mean() - values[values <= limit].mean()
    if gap < ONE_CLASS_GAP:
        return _one_class(rgb, readable, "otsu: one class only")
    if not _is_glass(rgb[bright & readable]):
        return np.ones_like(bright), f"otsu: no glass (brighter class is coloured), Y > {limit:.3f}"
    limit = max(limit, PALE_SHARE * float(np.percentile(values[values > limit], 90)))
    return luma <= limit, f"otsu: tissue has Y ≤ {limit:.3f}"


def _one_class(
    rgb: NDArray[np.float32], readable: NDArray[np.bool_], why: str
) -> tuple[NDArray[np.bool_], str]:
    """Call an image without contrast all glass or all tissue."""
    glass = readable.any() and _is_glass(rgb[readable])
    return np.full(readable.shape, not glass), f"{why}, all {'glass' if glass else 'tissue'}"


def _is_glass(rgb: NDArray[np.float32]) -> bool:
    """Say whether pixels (N, 3) look like empty slide: bright and grey."""
    luma = float(np.median(rgb @ LUMA))
    red, green, blue = rgb.T
    most, least = (pick(pick(red, green), blue) for pick in (np.maximum, np.minimum))
    chroma = float(np.median(most - least))
    return luma > DIM_GLASS_LUMA and chroma < GLASS_CHROMA


def _luma(rgb: NDArray[np.float32]) -> tuple[NDArray[np.bool_], str]:
    """Apply ConvFocus's rule: 0 < Y ≤ 0.8."""
    luma = rgb @ LUMA
    return (luma > 0) & (luma <= GLASS_LUMA), f"luma: tissue has 0 < Y ≤ {GLASS_LUMA}"


def _overview(
    slide: Slide, mpp: float, z: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """Average the slide down to about 1x, band by band.

    Returns
    -------
    float32 (h, w, 3) in [0, 1]; bool (h, w), False where it could not be read; level-0 pixels
    per pixel.
    """
    factors = [level_downsample(slide.shape, shape) for shape in slide.level_shapes]
    fine = [index for index, down in enumerate(factors) if down * mpp <= OVERVIEW_MPP]
    level = fine[-1] if fine else 0
    step = max(int(OVERVIEW_MPP / (factors[level] * mpp)), 1)
    height, width = slide.level_shapes[level]
    rgb = np.ones((-(-height // step), -(-width // step), 3), np.float32)
    readable = np.ones(rgb.shape[:2], bool)
    for region in _bands(Region(0, 0, height, width), step, int(BAND_PX**0.5)):
        for part, pixels in _read_around_faults(slide, (level, z), region, step):
            cell = np.s_[
                part.y // step : -(-part.bottom // step), part.x // step : -(-part.right // step)
            ]
            if pixels is None:
                readable[cell] = False
            else:
                rgb[cell] = _cell_means(pixels, step)
    return rgb, readable, step * factors[level]


def _bands(whole: Region, step: int, side: int) -> Iterator[Region]:
    """Cut a region that starts on a cell into squares of about `side` px, whole cells each."""
    side = max(side // step, 1) * step
    for y in range(whole.y, whole.bottom, side):
        for x in range(whole.x, whole.right, side):
            yield Region(y, x, min(side, whole.bottom - y), min(side, whole.right - x))


def _read_around_faults(
    slide: Slide, at: tuple[int, int], region: Region, step: int
) -> Iterator[tuple[Region, NDArray[np.uint8] | None]]:
    """Read a region whole, or where it cannot be decoded in ever smaller parts.

    `at` is (level, plane). Yields each part with its pixels, or with None where it is unreadable.
    """
    try:
        yield region, slide.read(region, *at)
        return
    except UnreadableRegionError:
        side = max(region.height, region.width)
    if side <= max(FAULT_PX, step):
        yield region, None
        return
    for part in _bands(region, step, side // 2):
        yield from _read_around_faults(slide, at, part, step)


def _cell_means(pixels: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """Average cells of step × step; the last row and column may hold fewer pixels."""
    down, across = (-(-side // step) for side in pixels.shape[:2])
    # adding whole rows, then whole columns, is ten times as fast as np.add.reduceat
    bands = np.zeros((down, *pixels.shape[1:]), np.uint32)
    for first in range(min(step, pixels.shape[0])):
        rows = pixels[first::step]
        bands[: len(rows)] += rows
    sums = np.zeros((down, across, 3), np.uint32)
    for first in range(min(step, pixels.shape[1])):
        columns = bands[:, first::step]
        sums[:, : columns.shape[1]] += columns
    heights, widths = (
        np.minimum(step, side - step * np.arange(count))
        for side, count in zip(pixels.shape, (down, across), strict=False)
    )
    means: NDArray[np.float64] = sums / (255.0 * heights[:, None, None] * widths[:, None])
    return means.astype(np.float32)
