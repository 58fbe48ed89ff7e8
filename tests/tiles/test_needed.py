"""What a block needs of its slide: the file's tiles under wanted windows, each once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import reading
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.needed import needed_parts
from napari_focusqc.tiles.reading import Block, Reading, map_blocks

FILE_TILE_PX = 256


def grid_of(shape: tuple[int, int], scale: float = 1.0) -> TileGrid:
    return TileGrid.covering(shape, scale, 60, 32, "cover")


def area(parts: list[Region], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Count how many parts hold each model pixel of the slide."""
    count = np.zeros(shape, np.intp)
    for part in parts:
        count[part.y : part.bottom, part.x : part.right] += 1
    return count


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(60, 900), st.integers(60, 900)),
    st.sampled_from([1.0, 1.7, 2.0]),
    st.floats(0, 0.2),
    st.integers(0, 99),
)
def test_the_parts_hold_every_wanted_window_once_and_no_file_tile_in_vain(
    shape: tuple[int, int], scale: float, share: float, seed: int
) -> None:
    grid = grid_of(shape, scale)
    wanted = np.random.default_rng(seed).random((grid.rows, grid.cols)) < share
    wanted[0, 0] = True
    slide = ArraySlide([np.zeros((*shape, 3), np.uint8)], mpp=1)
    source = LevelSource.of(slide, grid, 0)
    window = Region(0, 0, grid.rows * 32 + 28, grid.cols * 32 + 28)
    held = area(needed_parts(source, grid, window, wanted), source.shape)
    assert held.max() == 1
    shown = np.zeros(source.shape, bool)
    for row, col in np.argwhere(wanted):
        y, x = (source.mirrored_from(axis, 32 * at, 60) for axis, at in ((0, row), (1, col)))
        shown[y : 32 * row + 60, x : 32 * col + 60] = True
    assert held[shown].all()
    first = [np.maximum(np.arange(side) * scale + 1e-6, 0) // FILE_TILE_PX for side in held.shape]
    tiles = first[0].astype(int)[:, None] * 100 + first[1].astype(int)
    assert set(tiles[held > 0].tolist()) == set(tiles[shown].tolist())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block_px", [300, 1024])
@pytest.mark.parametrize("shape", [(1500, 1300), (1025 + 28, 700)])
def test_each_compressed_tile_is_decoded_once_however_many_windows_lie_on_it(
    tmp_path, write_tiff, tissue_image, jpeg_decodes, monkeypatch, threads, block_px, shape
) -> None:
    monkeypatch.setattr(reading, "BLOCK_PX", block_px)
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(*shape)))
    grid = grid_of(shape)
    wanted = np.ones((grid.rows, grid.cols), bool)
    list(map_blocks(lambda block: block.row, slide, grid, wanted, Reading(threads)))
    assert len(jpeg_decodes) == np.prod([-(-side // FILE_TILE_PX) for side in shape])


def test_tiles_without_a_wanted_window_are_not_decoded(
    tmp_path, write_tiff, tissue_image, jpeg_decodes
) -> None:
    image = tissue_image(1536, 1536)
    slide = open_slide(write_tiff(tmp_path / "a.tif", image, compression="jpeg"))
    grid = grid_of((1536, 1536))
    wanted = np.zeros((grid.rows, grid.cols), bool)
    wanted[1, 1] = wanted[9, 23] = wanted[-1, -1] = True  # one file tile, two, and one mirrored

    def cut(block: Block) -> list[NDArray[np.uint8]]:
        return [
            block.pixels[32 * row : 32 * row + 60, 32 * col : 32 * col + 60].copy()
            for row, col in np.argwhere(block.wanted)
        ]

    found = [tile for tiles in map_blocks(cut, slide, grid, wanted, Reading(2)) for tile in tiles]
    assert len(jpeg_decodes) == 4
    whole = slide.read(Region(0, 0, 1536, 1536))
    mirrored = np.pad(whole, ((0, 60), (0, 60), (0, 0)), mode="reflect")
    for tile, (row, col) in zip(found, np.argwhere(wanted), strict=True):
        expected = mirrored[32 * row : 32 * row + 60, 32 * col : 32 * col + 60]
        assert np.array_equal(tile, expected)
