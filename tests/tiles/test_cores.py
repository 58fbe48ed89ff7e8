"""Cores part the slide, and their windows hold all that decides on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.tiles.cores import CORE_PX, Core, core_grid, cores
from napari_focusqc.tiles.grid import model_shape

SIDES = st.integers(1, 4000)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, st.sampled_from([1.0, 1.9, 2.0]))
def test_every_pixel_is_in_one_core(height: int, width: int, scale: float) -> None:
    shape = model_shape((height, width), scale)
    seen = np.zeros(shape, np.uint8)
    for core in cores(core_grid((height, width), scale), 128):
        part = core.inside
        seen[part.y : part.bottom, part.x : part.right] += 1
    assert (seen == 1).all()


def test_a_window_reaches_as_far_as_the_slide() -> None:
    found = list(cores(core_grid((2000, 1000), 1.0), 128))
    assert found[0] == Core(Region(0, 0, 768, 768), Region(0, 0, 896, 896))
    assert found[3] == Core(Region(768, 768, 768, 232), Region(640, 640, 1024, 360))
    assert found[3].place == np.s_[128:896, 128:360]


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([1.0, 1.9]))
def test_a_region_has_the_cores_of_the_slide_that_it_touches(
    y: int, x: int, height: int, width: int, scale: float
) -> None:
    shape, region = (4100, 4100), Region(y, x, height, width)
    side = CORE_PX * scale

    def touches(core: Core) -> bool:
        tops = (core.inside.y // CORE_PX * side, core.inside.x // CORE_PX * side)
        inside = region.clipped(shape)
        return (
            tops[0] < inside.bottom
            and tops[0] + side > inside.y
            and tops[1] < inside.right
            and tops[1] + side > inside.x
        )

    every = list(cores(core_grid(shape, scale), 128))
    found = list(cores(core_grid(shape, scale, region), 128))
    assert found == [core for core in every if touches(core)]


def test_a_region_beside_the_slide_is_refused() -> None:
    with pytest.raises(RegionError, match="lies outside"):
        core_grid((100, 100), 1.0, Region(200, 0, 10, 10))
