"""A fault in the file costs the pixels it lies under, whichever window they are read in."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles.cores import core_grid
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.windows import GLASS, read_window

IMAGE = np.random.default_rng(0).integers(0, 200, (700, 900, 3), dtype=np.uint8)
BAD = Region(128, 256, 128, 64)
"""One tile of the file."""


class Faulty(ArraySlide):
    """A slide in tiles of 128 × 64 px, one of which cannot be decoded."""

    def __init__(self) -> None:
        super().__init__([IMAGE], mpp=0.25)
        self.tile_shapes = ((128, 64),)

    def read(self, region: Region, level: int = 0, z: int = 0, out: Any = None) -> Any:
        down = region.y < BAD.bottom and region.bottom > BAD.y
        if down and region.x < BAD.right and region.right > BAD.x:
            if out is not None:
                out[...] = 77
            raise UnreadableRegionError("a bad tile")
        return super().read(region, level, z, out)


def source(slide: ArraySlide, scale: float) -> LevelSource:
    return LevelSource.of(slide, core_grid(slide.shape, scale), 0)


def test_a_bad_tile_and_nothing_else_is_white() -> None:
    pixels, readable = read_window(source(Faulty(), 1.0), Region(100, 200, 300, 300))
    bad = np.zeros((300, 300), bool)
    bad[28:156, 56:120] = True
    np.testing.assert_array_equal(readable, ~bad)
    np.testing.assert_array_equal(pixels[~bad], IMAGE[100:400, 200:500][~bad])
    assert (pixels[bad] == GLASS).all()


def test_a_window_beside_it_is_whole() -> None:
    pixels, readable = read_window(source(Faulty(), 1.0), Region(256, 100, 50, 400))
    assert readable.all()
    np.testing.assert_array_equal(pixels, IMAGE[256:306, 100:500])


@pytest.mark.parametrize("scale", [1.0, 1.7, 2.0])
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 340), st.integers(0, 440), st.integers(1, 300), st.integers(1, 300))
def test_a_window_shows_what_the_whole_slide_does(
    scale: float, y: int, x: int, height: int, width: int
) -> None:
    faulty, sound = source(Faulty(), scale), source(ArraySlide([IMAGE], mpp=0.25), scale)
    whole = Region(0, 0, *faulty.shape)
    window = Region(y, x, height, width).clipped(faulty.shape)
    part = np.s_[window.y : window.bottom, window.x : window.right]
    pixels, readable = read_window(faulty, window)
    np.testing.assert_array_equal(readable, read_window(faulty, whole)[1][part])
    expected, _ = read_window(sound, window)
    np.testing.assert_array_equal(pixels[readable], expected[readable])


def test_a_pixel_with_any_share_in_a_bad_tile_is_lost() -> None:
    # 1.7 px each: BAD begins within rows 75 and columns 150, and ends within 150 and 188
    _, readable = read_window(source(Faulty(), 1.7), Region(0, 0, 400, 500))
    rows, cols = np.nonzero(~readable)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (75, 150, 150, 188)
