"""Facts about the grid: where tiles lie, and that a part of it is the same tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region, level_downsample, model_scale
from napari_focusqc.tiles.grid import TileGrid

sides = st.integers(1, 3000)


@pytest.mark.parametrize(
    ("side", "tiles"), [(235, 1), (362, 1), (363, 2), (490, 2), (491, 3), (1024, 7), (1025, 7)]
)
def test_whole_edges_count_tiles_as_the_paper_does(side: int, tiles: int) -> None:
    grid = TileGrid.covering((side, 235), 1.0, 235, 128, "whole")
    assert (grid.rows, grid.cols) == (tiles, 1)
    assert not grid.partial().any()


def test_whole_edges_refuse_an_image_smaller_than_a_tile() -> None:
    with pytest.raises(RegionError, match="at least 235 × 235"):
        TileGrid.covering((234, 1000), 1.0, 235, 128, "whole")


@given(sides, sides)
def test_cover_edges_reach_the_last_pixel_and_not_a_tile_more(height: int, width: int) -> None:
    grid = TileGrid.covering((height, width), 1.0, 235, 128, "cover")
    for side, count in ((height, grid.rows), (width, grid.cols)):
        assert (count - 1) * 128 + 235 >= side
        assert count == 1 or (count - 2) * 128 + 235 < side


@given(sides, sides)
def test_partial_marks_exactly_the_tiles_that_cross_the_border(height: int, width: int) -> None:
    grid = TileGrid.covering((height, width), 1.0, 235, 128, "cover")
    crosses = [
        [r * 128 + 235 > height or c * 128 + 235 > width for c in range(grid.cols)]
        for r in range(grid.rows)
    ]
    assert np.array_equal(grid.partial(), crosses)


@given(
    st.integers(300, 3000),
    st.integers(300, 3000),
    st.floats(0.5, 4),
    st.data(),
)
def test_a_region_is_covered_by_the_strides_of_its_tiles(
    height: int, width: int, scale: float, data: st.DataObject
) -> None:
    whole = TileGrid.covering((height, width), scale, 235, 128, "cover")
    y = data.draw(st.integers(0, height - 1))
    x = data.draw(st.integers(0, width - 1))
    region = Region(
        y, x, data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x))
    )
    part = whole.within(region)
    assert part.row0 >= 0 and part.row0 + part.rows <= whole.rows
    assert part.col0 >= 0 and part.col0 + part.cols <= whole.cols
    margin = (235 - 128) / 2 * scale
    last = part.row0 + part.rows
    assert part.row0 == 0 or part.row0 * part.stride_level0 + margin <= region.y + 1e-6
    assert last == whole.rows or last * part.stride_level0 + margin >= region.bottom - 1e-6


def test_a_region_of_one_tile_is_that_tile() -> None:
    whole = TileGrid.covering((3000, 3000), 1.0, 235, 128, "cover")
    part = whole.within(Region(5 * 128 + 54, 7 * 128 + 54, 120, 120))
    assert (part.row0, part.col0, part.rows, part.cols) == (5, 7, 1, 1)


def test_a_region_outside_the_slide_is_refused() -> None:
    grid = TileGrid.covering((500, 500), 1.0, 235, 128, "cover")
    with pytest.raises(RegionError, match="lies outside"):
        grid.within(Region(500, 0, 10, 10))


def test_first_centre_is_half_a_tile_from_the_corner() -> None:
    grid = TileGrid.covering((3000, 3000), 2.0, 235, 128, "cover")
    assert grid.first_centre_level0 == (235.0, 235.0)
    assert grid.within(Region(1000, 0, 10, 10)).first_centre_level0[0] % 256 == 235 % 256


@pytest.mark.parametrize(
    ("mpp", "scale"),
    [
        (0.25, 1.0),
        (0.25 * 1.15, 1.0),
        (np.nextafter(0.25 * 1.15, 1), 0.25 / np.nextafter(0.25 * 1.15, 1)),
        (0.25 / 1.15, 1.0),
        (np.nextafter(0.25 / 1.15, 0), 0.25 / np.nextafter(0.25 / 1.15, 0)),
        (0.125, 2.0),
    ],
)
def test_a_slide_within_15_percent_is_used_as_it_is(mpp: float, scale: float) -> None:
    assert model_scale(mpp, 0.25) == scale


@pytest.mark.parametrize(
    ("level", "down"), [((250, 300), 1), ((125, 150), 2), ((62, 75), 4), ((31, 37), 8)]
)
def test_rounded_level_sizes_give_whole_downsamples(level: tuple[int, int], down: int) -> None:
    assert level_downsample((250, 300), level) == down
