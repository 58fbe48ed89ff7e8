"""Proximity against numbers worked by hand, and against equation 1 pixel by pixel."""

from collections.abc import Sequence
from math import exp, hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.training.proximity import TRAINING_FACTOR, proximity_map

Centres = Sequence[tuple[float, float]]


def by_definition(
    centres: Centres, shape: tuple[int, int], distance_px: float, decay: float
) -> NDArray[np.float64]:
    """Work equation 1 out for each pixel and each centre, and take the largest."""
    found = np.zeros(shape)
    for row, column in np.ndindex(shape):
        for y, x in centres:
            apart = hypot(row - y, column - x)
            if apart <= distance_px:
                value = (exp(decay * (1 - apart / distance_px)) - 1) / (exp(decay) - 1)
                found[row, column] = max(found[row, column], value)
    return found


def test_proximity_by_hand() -> None:
    """(e^{3 (1 − D / 15)} − 1) / (e³ − 1) with e³ − 1 = 19.0855."""
    row = proximity_map(np.array([[0.0, 20.0]]), (1, 41))[0]
    assert row.dtype == np.float32
    assert row[20] == 1
    assert row[[15, 25]] == pytest.approx(0.334759, abs=1e-6)  # 5 px: (e² − 1) / 19.0855
    assert row[[10, 30]] == pytest.approx(0.090031, abs=1e-6)  # 10 px: (e − 1) / 19.0855
    assert row[[6, 34]] == pytest.approx(0.011601, abs=1e-6)  # 14 px: (e^0.2 − 1) / 19.0855
    assert (row[[5, 35]] == 0).all() and (row[:5] == 0).all() and (row[36:] == 0).all()


def test_a_centre_between_pixels_is_kept_where_it_is() -> None:
    """3 and 4 px, less or more a quarter: √(2.75² + 3.75²) = 4.65027 px of 15."""
    found = proximity_map(np.array([[10.25, 10.25]]), (30, 30))
    assert found[13, 14] == pytest.approx((np.exp(3 * (1 - 4.650269 / 15)) - 1) / 19.085537)
    assert found[10, 10] == found.max() < 1


def test_the_nearest_of_overlapping_nuclei_counts() -> None:
    centres = np.array([[12.0, 10.0], [12.0, 16.0]])
    one, other = (proximity_map(centre[None], (25, 27)) for centre in centres)
    both = proximity_map(centres, (25, 27))
    np.testing.assert_array_equal(both, np.maximum(one, other))
    assert both[12, 13] == one[12, 13] == other[12, 13]


@settings(max_examples=25, deadline=None)
@given(
    centres=st.lists(st.tuples(st.floats(-30, 50), st.floats(-30, 60)), max_size=6),
    shape=st.tuples(st.integers(1, 24), st.integers(1, 32)),
    distance_px=st.floats(0.1, 25),
    decay=st.floats(0.01, 8),
)
def test_the_map_is_what_equation_1_says(
    centres: Centres, shape: tuple[int, int], distance_px: float, decay: float
) -> None:
    found = proximity_map(
        np.array(centres).reshape(-1, 2), shape, distance_px=distance_px, decay=decay
    )
    expected = by_definition(centres, shape, distance_px, decay)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.shape == shape and found.min() >= 0 and found.max() <= 1


def test_a_crops_map_is_a_crop_of_the_map() -> None:
    """Centres outside the crop reach into it."""
    centres = np.random.default_rng(0).uniform(0, 120, (40, 2))
    whole = proximity_map(centres, (120, 120))
    crop = proximity_map(centres - (30, 45), (60, 50))
    np.testing.assert_allclose(crop, whole[30:90, 45:95], atol=1e-6)


def test_without_nuclei_the_map_is_zero() -> None:
    assert not proximity_map(np.empty((0, 2)), (5, 7)).any()


def test_whole_pixels_may_be_whole_numbers() -> None:
    centres = np.array([[3, 4], [9, 1]])
    np.testing.assert_array_equal(
        proximity_map(centres, (12, 12)), proximity_map(centres.astype(np.float32), (12, 12))
    )


def test_targets_are_five_times_proximity() -> None:
    assert TRAINING_FACTOR == 5


@pytest.mark.parametrize(
    "centres", [np.zeros(2), np.zeros((3, 3)), np.array([[1.0, np.nan]]), np.array([[np.inf, 1.0]])]
)
def test_centres_that_are_no_points_are_refused(centres: NDArray[np.float64]) -> None:
    with pytest.raises(TrainingError, match=r"give one \(y, x\) in pixels for each nucleus"):
        proximity_map(centres, (8, 8))


@pytest.mark.parametrize(
    ("distance_px", "decay"), [(0, 3), (-1, 3), (np.inf, 3), (np.nan, 3), (15, 0), (15, 101)]
)
def test_a_fall_without_a_shape_is_refused(distance_px: float, decay: float) -> None:
    with pytest.raises(TrainingError, match=r"both must be above 0, and the decay at most 100"):
        proximity_map(np.zeros((1, 2)), (8, 8), distance_px=distance_px, decay=decay)
