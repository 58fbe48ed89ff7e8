"""Blocks hold the slide's own pixels, whatever the blocks, threads, levels or faults."""

import threading
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles import reading
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import Block, Reading, map_blocks

RNG = np.random.default_rng(1)
IMAGE = RNG.integers(0, 256, (700, 900, 3), dtype=np.uint8)


Found = dict[tuple[int, int], NDArray[np.uint8] | None]


def tiles(slide: ArraySlide, grid: TileGrid, wanted: NDArray[np.bool_], threads: int = 2) -> Found:
    """Return the wanted tiles by their place on the slide's grid, None where unreadable."""

    def cut(block: Block) -> Found:
        found: Found = {}
        for row, col in np.argwhere(block.wanted):
            y, x = row * grid.stride_px, col * grid.stride_px
            tile = block.pixels[y : y + grid.tile_px, x : x + grid.tile_px].copy()
            place = (int(grid.row0 + block.row + row), int(grid.col0 + block.col + col))
            found[place] = tile if block.readable[row, col] else None
        return found

    parts = list(map_blocks(cut, slide, grid, wanted, Reading(threads)))
    assert sorted(min(part) for part in parts) == [min(part) for part in parts]
    return {place: tile for part in parts for place, tile in part.items()}


def grid_of(shape: tuple[int, int], scale: float = 1.0, edges: str = "cover") -> TileGrid:
    return TileGrid.covering(shape, scale, 60, 32, edges)


def test_every_tile_is_the_window_of_the_image() -> None:
    grid = grid_of((700, 900), edges="whole")
    found = tiles(ArraySlide([IMAGE], mpp=1), grid, np.ones((grid.rows, grid.cols), bool))
    assert len(found) == grid.rows * grid.cols
    for (row, col), tile in found.items():
        assert np.array_equal(tile, IMAGE[row * 32 : row * 32 + 60, col * 32 : col * 32 + 60])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 64, 4096]))
@example(129, 160, 32)
def test_beyond_the_border_the_image_is_mirrored(height: int, width: int, block_px: int) -> None:
    """Of 129 rows one is left for the last tiles: what they mirror lies in the block above."""
    image = IMAGE[:height, :width]
    grid = grid_of((height, width))
    with patch.object(reading, "BLOCK_PX", block_px):
        found = tiles(ArraySlide([image], mpp=1), grid, np.ones((grid.rows, grid.cols), bool))
    below, right = (grid.rows - 1) * 32 + 60 - height, (grid.cols - 1) * 32 + 60 - width
    mirrored = np.pad(image, ((0, max(below, 0)), (0, max(right, 0)), (0, 0)), mode="reflect")
    for (row, col), tile in found.items():
        assert np.array_equal(tile, mirrored[row * 32 : row * 32 + 60, col * 32 : col * 32 + 60])


@pytest.mark.parametrize("block_px", [32, 100, 4096])
@pytest.mark.parametrize("scale", [1.0, 1.445, 2.0])
@pytest.mark.parametrize("threads", [1, 3])
def test_tiles_do_not_depend_on_blocks_threads_or_region(
    monkeypatch: pytest.MonkeyPatch, block_px: int, scale: float, threads: int
) -> None:
    slide = ArraySlide([IMAGE], mpp=1)
    grid = grid_of((700, 900), scale)
    expected = tiles(slide, grid, np.ones((grid.rows, grid.cols), bool))
    monkeypatch.setattr(reading, "BLOCK_PX", block_px)
    part = grid.within(Region(150, 200, 300, 400))
    found = tiles(slide, part, np.ones((part.rows, part.cols), bool), threads)
    assert found.keys() <= expected.keys()
    assert len(found) == part.rows * part.cols
    assert all(np.array_equal(tile, expected[place]) for place, tile in found.items())


def test_a_finer_slide_is_averaged_from_the_nearest_finer_level() -> None:
    half = IMAGE.reshape(350, 2, 450, 2, 3).mean((1, 3)).astype(np.uint8)
    marked = np.full_like(half, 7)
    grid = grid_of((700, 900), 4.0, "whole")
    wanted = np.ones((grid.rows, grid.cols), bool)
    assert (tiles(ArraySlide([IMAGE, marked], mpp=1), grid, wanted)[0, 0] == 7).all()
    grid = grid_of((700, 900), 1.9, "whole")
    wanted = np.ones((grid.rows, grid.cols), bool)
    assert not (tiles(ArraySlide([IMAGE, marked], mpp=1), grid, wanted)[0, 0] == 7).any()


def test_only_blocks_with_a_wanted_tile_are_read() -> None:
    class Counting(ArraySlide):
        reads = 0

        def read(self, region: Region, level: int = 0, z: int = 0, out=None):
            type(self).reads += 1
            return super().read(region, level, z, out)

    grid = grid_of((700, 900))
    wanted = np.zeros((grid.rows, grid.cols), bool)
    assert tiles(Counting([IMAGE], mpp=1), grid, wanted) == {}
    assert Counting.reads == 0
    wanted[3, 4] = True
    assert list(tiles(Counting([IMAGE], mpp=1), grid, wanted)) == [(3, 4)]
    assert Counting.reads == 1


class Faulty(ArraySlide):
    """An image whose pixel (100, 100) cannot be decoded."""

    def read(self, region: Region, level: int = 0, z: int = 0, out=None):
        if region.y <= 100 < region.bottom and region.x <= 100 < region.right:
            raise UnreadableRegionError("a bad tile")
        return super().read(region, level, z, out)


def test_a_bad_tile_spoils_only_the_windows_over_it() -> None:
    grid = grid_of((700, 900), edges="whole")
    found = tiles(Faulty([IMAGE], mpp=1), grid, np.ones((grid.rows, grid.cols), bool))
    for (row, col), tile in found.items():
        y, x = row * 32, col * 32
        if y <= 100 < y + 60 and x <= 100 < x + 60:
            assert tile is None
        else:
            assert np.array_equal(tile, IMAGE[y : y + 60, x : x + 60])


def test_closing_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_PX", 64)
    grid = grid_of((700, 900))
    wanted = np.ones((grid.rows, grid.cols), bool)
    blocks = map_blocks(
        lambda block: block.row, ArraySlide([IMAGE], mpp=1), grid, wanted, Reading(3)
    )
    next(blocks)
    blocks.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("focusqc")]


def test_an_error_of_the_function_reaches_the_caller_and_leaves_no_thread() -> None:
    def fail(block: Block) -> None:
        raise ZeroDivisionError

    grid = grid_of((700, 900))
    wanted = np.ones((grid.rows, grid.cols), bool)
    with pytest.raises(ZeroDivisionError):
        list(map_blocks(fail, ArraySlide([IMAGE], mpp=1), grid, wanted, Reading(3)))
    assert not [t for t in threading.enumerate() if t.name.startswith("focusqc")]
