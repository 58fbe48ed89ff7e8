"""Peaks are found where they were put, and are named where there is none or more than one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import find_peaks

from napari_focusqc.results.focus_height import (
    SECOND_PEAK,
    StackReason,
    merit_heights,
    network_heights,
    peak_of,
    peaks_of,
)

Z = np.array([-4.0, -2.0, -1.0, 0.0, 1.5, 3.0])


def curve(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1.9, 1.4), st.floats(0.3, 5))
def test_the_top_of_a_parabola_is_found_between_planes(top: float, steep: float) -> None:
    height, reason = peak_of((100 - steep * (Z - top) ** 2).astype(np.float32), Z)
    assert reason == StackReason.MEASURED
    assert height == pytest.approx(top, abs=2e-3 / steep)


def test_two_equal_planes_have_their_peak_between_them() -> None:
    assert peak_of(curve(1, 2, 2, 1), np.arange(4.0)) == (1.5, StackReason.MEASURED)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((3, 2, 1), StackReason.END),
        ((1, 2, 3), StackReason.END),
        ((1, 2), StackReason.END),
        ((1, 9, 2, 8, 1), StackReason.DOUBLE),
        ((9, 1, 8), StackReason.DOUBLE),
        ((1, 9, 2, 3.5), StackReason.DOUBLE),
        ((1, 9, 2, 2.5), StackReason.MEASURED),
        ((100, 101, 100), StackReason.EVEN),
        ((0, 0, 0), StackReason.EVEN),
    ],
)
def test_what_is_no_single_peak_inside_is_named(
    values: tuple[float, ...], reason: StackReason
) -> None:
    height, found = peak_of(curve(*values), np.arange(float(len(values))))
    assert found == reason
    assert np.isnan(height) == (reason != StackReason.MEASURED)


def test_both_peaks_are_told() -> None:
    assert peaks_of(curve(1, 9, 2, 8, 1)).tolist() == [1, 3]
    assert peaks_of(curve(9, 1, 8)).tolist() == [0, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True))
def test_peaks_are_those_of_scipys_prominence(values: list[int]) -> None:
    low, slack = min(values), SECOND_PEAK * (max(values) - min(values))
    known, _ = find_peaks([low, *values, low], prominence=slack)
    assert peaks_of(curve(*values)).tolist() == (known - 1).tolist()


def test_only_measured_tiles_have_heights() -> None:
    curves = np.stack([curve(1, 3, 1), curve(1, 2, 3)], axis=1)[:, None]
    found = np.full((1, 2), StackReason.MEASURED, np.uint8)
    heights, reasons = merit_heights(curves, np.arange(3.0), found)
    assert reasons.tolist() == [[StackReason.MEASURED, StackReason.END]]
    assert heights[0, 0] == 1
    found[0, 0] = StackReason.GLASS
    heights, reasons = merit_heights(np.full_like(curves, np.nan), np.arange(3.0), found * 0 + 1)
    assert np.isnan(heights).all()
    assert (reasons == StackReason.GLASS).all()


def test_the_pairs_nearest_to_focus_tell_its_height() -> None:
    z = np.array([0.0, 2.0, 4.0, 6.0, 8.0])
    right = (5.0 - z).astype(np.float32)
    assert network_heights(right[:, None, None], z)[0, 0] == 5
    far_off = right.copy()
    far_off[[0, 4]] = (3.0, -7.0)  # far planes are told nearer than they are, or anything
    assert network_heights(far_off[:, None, None], z)[0, 0] == 5
    assert network_heights(right[:1, None, None], z[:1])[0, 0] == 5


def test_without_pairs_or_distances_there_is_no_height() -> None:
    assert np.isnan(network_heights(np.empty((0, 2, 3), np.float32), np.empty(0))).all()
    lost = np.full((4, 2, 3), np.nan, np.float32)
    assert np.isnan(network_heights(lost, np.arange(4.0))).all()


def test_every_reason_has_words() -> None:
    assert len({each.words for each in StackReason}) == len(StackReason)
