"""Whether a tile holds enough to show focus at all.

Room: tiles. Gets pixels, knows no network.
"""

from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError

MIN_STRUCTURE = 8.0
"""A sharp tile whose luma has a smaller standard deviation (grey levels) shows no focus at all."""

CELL_UM = 2.0
"""Structure is measured on the means of squares of about this side: noise and the finest detail,
which blur takes first, are averaged away; what is larger than a nucleus's rim stays."""

MAX_CELL_PX = 32


def has_structure(tile: NDArray[np.uint8]) -> bool:
    """Say whether a sharp tile, uint8 (H, W, 3), holds enough contrast to show focus."""
    return float(tile.mean(axis=2).std()) >= MIN_STRUCTURE


def cell_px(mpp: float) -> int:
    """Return the side of a cell, px: the power of two nearest to `CELL_UM`, 1 to `MAX_CELL_PX`.

    So 8 px at 0.25 µm/px and 4 px at 0.5; a power of two, because it must divide a model's stride.
    """
    return int(2 ** min(max(round(log2(CELL_UM / mpp)), 0), log2(MAX_CELL_PX)))


def structure_of(tiles: NDArray[np.uint8], mpp: float) -> NDArray[np.float32]:
    """Measure the structure of tiles: how much their cells' mean luma varies, in % of the mean.

    Relative, so that a darker lamp or a thicker section is no poorer than a bright one.

    A tile is laid out in whole cells from its top left corner; a remainder at its right and bottom
    edge is left out. Luma is the plain mean of red, green and blue.

    Parameters
    ----------
    tiles
        uint8 (N, T, T, 3), RGB, T at least one cell.
    mpp
        µm/px of the tiles.

    Returns
    -------
    float32 (N,), %, 0 and more. It is computed from whole numbers, so it depends on the
    tile's own pixels alone, to the last bit.
    """
    cell = cell_px(mpp)
    sums = np.stack([_cell_sums(tile, cell) for tile in tiles]).reshape(len(tiles), -1)
    first, second = sums.sum(axis=1), (sums * sums).sum(axis=1)
    return _variation(first, second, sums.shape[1])


@dataclass(frozen=True, slots=True)
class StructureRule:
    """Which tiles of a block hold too little to be judged.

    Parameters
    ----------
    least
        Tiles with less structure are abstained, %; 0 abstains none.
    mpp
        µm/px of the blocks.
    """

    least: float
    mpp: float

    def too_little(
        self, pixels: NDArray[np.uint8], shape: tuple[int, int], tile_px: int, stride_px: int
    ) -> NDArray[np.bool_]:
        """Say which tiles have too little; arguments as in `structure_of_block`."""
        if self.least <= 0:
            return np.zeros(shape, bool)
        found = structure_of_block(pixels, shape, tile_px, stride_px, self.mpp)
        return np.asarray(found < np.float32(self.least))


def structure_of_block(
    pixels: NDArray[np.uint8], shape: tuple[int, int], tile_px: int, stride_px: int, mpp: float
) -> NDArray[np.float32]:
    """Measure every tile of a block at once; equal to `structure_of` on each, to the last bit.

    Parameters
    ----------
    pixels
        uint8 (h, w, 3), tile (r, c) starts at (r, c) × `stride_px`.
    shape
        (rows, cols) of tiles, all inside `pixels`.
    tile_px, stride_px
        Side and step of the tiles, px.
    mpp
        µm/px of the block.

    Returns
    -------
    float32 (rows, cols), %.

    Raises
    ------
    SettingsError
        The stride is no multiple of the cell, so cells would not lie on the tiles' grid.
    """
    cell = cell_px(mpp)
    if stride_px % cell:
        raise SettingsError(
            f"structure at {mpp:g} µm/px is measured in cells of {cell} px, of which a stride of "
            f"{stride_px} px is no multiple; set the least structure to 0, or use another model"
        )
    sums = _cell_sums(pixels, cell)
    side, step = tile_px // cell, stride_px // cell
    first, second = (_window_sums(each, shape, side, step) for each in (sums, sums * sums))
    return _variation(first, second, side * side)


def _cell_sums(pixels: NDArray[np.uint8], cell: int) -> NDArray[np.int64]:
    """Add up the samples of each whole cell, all three channels: int64 (rows, cols)."""
    rows, cols = pixels.shape[0] // cell, pixels.shape[1] // cell
    whole = pixels[: rows * cell, : cols * cell].reshape(rows, cell, cols * cell * 3)
    bands = whole.sum(axis=1, dtype=np.uint16)
    sums: NDArray[np.int64] = bands.reshape(rows, cols, cell * 3).sum(axis=2, dtype=np.int64)
    return sums


def _window_sums(
    values: NDArray[np.int64], shape: tuple[int, int], side: int, step: int
) -> NDArray[np.int64]:
    """Add up squares of side × side values, `step` apart, by cumulative sums."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1), np.int64)
    total[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    top, left = np.arange(shape[0]) * step, np.arange(shape[1]) * step
    up, down = total[top], total[top + side]
    right = left + side
    return down[:, right] - down[:, left] - up[:, right] + up[:, left]


def _variation(
    first: NDArray[np.int64], second: NDArray[np.int64], count: int
) -> NDArray[np.float32]:
    """Return 100 × standard deviation / mean of `count` sums, from their sum and that of squares.

    What is black throughout does not vary.
    """
    spread = np.sqrt((count * second - first * first).astype(np.float64))
    return np.asarray(100 * spread / np.maximum(first, 1), np.float32)
