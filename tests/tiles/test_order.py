"""Blocks come outwards from what is looked at; the coarse picture lies on the slide's own grid."""

import numpy as np

from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.order import every_nth, outwards

GRID = TileGrid((10_000, 10_000), 1.0, 60, 32, 10, 20, 12, 12)
BLOCKS = [
    (slice(row, row + 3), slice(col, col + 3)) for row in range(0, 12, 3) for col in range(0, 12, 3)
]


def test_blocks_in_view_come_first_and_then_their_neighbours() -> None:
    view = TileGrid((10_000, 10_000), 1.0, 60, 32, 14, 27, 1, 1)  # tile (4, 7) of the grid
    order = [(rows.start // 3, cols.start // 3) for rows, cols in outwards(BLOCKS, GRID, view)]
    assert order[0] == (1, 2)
    assert sorted(order) == sorted((rows.start // 3, cols.start // 3) for rows, cols in BLOCKS)
    rings = [max(abs(row - 1), abs(col - 2)) for row, col in order]
    assert rings == sorted(rings)


def test_a_view_of_all_changes_nothing() -> None:
    assert outwards(BLOCKS, GRID, GRID) == BLOCKS


def test_the_coarse_tiles_of_a_part_are_those_of_the_whole() -> None:
    whole = TileGrid((10_000, 10_000), 1.0, 60, 32, 0, 0, 40, 40)
    coarse = every_nth(np.ones((40, 40), bool), whole, 4)
    assert coarse.sum() == 100
    part = every_nth(np.ones((12, 12), bool), GRID, 4)
    assert np.array_equal(part, coarse[10:22, 20:32])
