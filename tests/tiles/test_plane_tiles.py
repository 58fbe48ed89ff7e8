"""Strips hold every wanted tile once, in all planes, whatever the region."""

import numpy as np

from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.plane_tiles import STRIP, read_strip, strips


def stack(planes: int, height: int, width: int) -> ArraySlide:
    pixels = np.random.default_rng(0).integers(0, 256, (planes, height, width, 3), np.uint8)
    return ArraySlide([pixels], mpp=0.25)


def test_every_wanted_tile_is_in_one_strip() -> None:
    grid = TileGrid.covering((64, 700), 1.0, 32, 32, "cover")
    wanted = np.random.default_rng(0).random((grid.rows, grid.cols)) < 0.5
    seen = np.zeros_like(wanted, int)
    for row, cols in strips(grid, wanted):
        assert len(cols) <= STRIP
        seen[row, cols] += 1
    assert np.array_equal(seen, wanted.astype(int))


def test_a_region_cuts_strips_where_the_slide_does() -> None:
    grid = TileGrid.covering((32, 32 * 40), 1.0, 32, 32, "cover")
    part = grid.within(Region(0, 32 * 5, 32, 32 * 20))
    everything = np.ones((part.rows, part.cols), bool)
    cut = [(cols + part.col0).tolist() for _, cols in strips(part, everything)]
    assert [each[0] for each in cut] == [5, 8, 16, 24]


def test_pixels_are_the_planes_own() -> None:
    slide = stack(3, 64, 96)
    grid = TileGrid.covering(slide.shape, 1.0, 32, 32, "cover")
    strip = read_strip(slide, grid, (0, 2), (1, np.array([0, 2])))
    assert strip.readable.tolist() == [True, True]
    for index, plane in enumerate((0, 2)):
        for place, col in enumerate((0, 2)):
            expected = slide.read(Region(32, 32 * col, 32, 32), z=plane)
            assert np.array_equal(strip.pixels[index, place], expected)
