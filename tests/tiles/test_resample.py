"""Area averaging is exact and does not depend on the rectangle asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_focusqc.tiles.resample import area_average, source_span

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (120, 130, 3), dtype=np.uint8)


def shrink(factor: float, start: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    (top, bottom), (left, right) = (
        source_span(first, count, factor) for first, count in zip(start, size, strict=True)
    )
    return area_average(IMAGE[top:bottom, left:right], factor, start, size)


def test_a_whole_factor_is_the_mean_of_each_square() -> None:
    mean = IMAGE.reshape(60, 2, 65, 2, 3).mean((1, 3))
    assert np.array_equal(shrink(2.0, (0, 0), (60, 65)), np.rint(mean))


def test_a_fractional_factor_weighs_pixels_by_their_area() -> None:
    row = np.array([10, 20, 40], np.uint8)[None, :, None].repeat(3, 2).repeat(3, 0)
    shrunk = area_average(row, 1.5, (0, 0), (2, 2))
    assert shrunk[0, :, 0].tolist() == [round((10 + 20 / 2) / 1.5), round((20 / 2 + 40) / 1.5)]


def test_factor_one_changes_nothing() -> None:
    assert np.array_equal(shrink(1.0, (3, 4), (20, 30)), IMAGE[3:23, 4:34])


@pytest.mark.parametrize("factor", [1.1, 1.445, 2.0, 2.004, 3.0])
@given(data=st.data())
def test_a_part_equals_the_same_part_of_the_whole(factor: float, data: st.DataObject) -> None:
    height, width = int(120 / factor), int(130 / factor)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    size = (data.draw(st.integers(1, height - y)), data.draw(st.integers(1, width - x)))
    whole = shrink(factor, (0, 0), (height, width))
    assert np.array_equal(shrink(factor, (y, x), size), whole[y : y + size[0], x : x + size[1]])
