"""A calibration turns scores into radii that never fall, and refuses to be nonsense."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.calibration import Calibration
from napari_focusqc.models.card import WeightsCard

SOUND: dict[str, tuple[float, ...]] = {
    "score": (0.0, 10.0, 29.0),
    "radius_um": (0.0, 1.0, 20.0),
    "low_um": (0.0, 0.8, 12.0),
    "high_um": (0.3, 1.3, 40.0),
}
CURVE = Calibration(**SOUND, note="made by hand")


def test_between_knots_the_radius_is_on_the_straight_line() -> None:
    assert CURVE.radius_um_of([0, 5, 10, 19.5, 29]).tolist() == [0.0, 0.5, 1.0, 10.5, 20.0]
    low, high = CURVE.interval_um_of(5.0)
    assert (float(low), float(high)) == pytest.approx((0.4, 0.8))


def test_beyond_the_knots_the_ends_hold_and_nan_stays_nan() -> None:
    found = CURVE.radius_um_of(np.array([[-1e9, -np.inf], [np.inf, np.nan]], np.float32))
    assert found.dtype == np.float32
    assert np.array_equal(found, np.array([[0, 0], [20, np.nan]]), equal_nan=True)
    assert CURVE.radius_um_of(3.0).shape == ()


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    size = draw(st.integers(2, 24))
    finite = st.floats(-1e6, 1e6)
    scores = draw(st.lists(finite, min_size=size, max_size=size, unique=True))
    sides = st.lists(st.floats(0, 100), min_size=size, max_size=size)
    low, radius, high = np.sort([sorted(draw(sides)) for _ in range(3)], axis=0).tolist()
    return Calibration(tuple(sorted(scores)), tuple(radius), tuple(low), tuple(high))


@given(calibrations(), st.lists(st.floats(allow_nan=False), min_size=1, max_size=50))
def test_radii_never_fall_and_stay_between_the_first_and_the_last(
    curve: Calibration, more: list[float]
) -> None:
    scores = np.sort(np.concatenate([more, curve.score, np.nextafter(curve.score, -np.inf)]))
    radii = curve.radius_um_of(scores)
    low, high = curve.interval_um_of(scores)
    assert (np.diff(radii) >= 0).all()
    assert radii.min() >= np.float32(curve.radius_um[0])
    assert radii.max() <= np.float32(curve.radius_um[-1])
    slack = 1e-5 * (1 + radii)
    assert (low <= radii + slack).all()
    assert (radii <= high + slack).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": (0.0, 10.0)}, "as many scores as radii"),
        (dict.fromkeys(SOUND, (1.0,)), "at least two"),
        (dict.fromkeys(SOUND, ()), "at least two"),
        ({"score": (0.0, 10.0, 10.0)}, "do not rise"),
        ({"score": (0.0, 10.0, float("inf"))}, "not finite"),
        ({"high_um": (0.3, float("nan"), 40.0)}, "not finite"),
        ({"radius_um": (0.0, 21.0, 20.0)}, "fall"),
        ({"radius_um": (-1.0, 1.0, 20.0), "low_um": (-2.0, 0.8, 12.0)}, "negative"),
        ({"low_um": (0.0, 1.1, 12.0)}, "outside their own bounds"),
        ({"high_um": (0.3, 0.9, 40.0)}, "outside their own bounds"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(change: dict[str, Any], words: str) -> None:
    with pytest.raises(WeightsError, match=words) as refusal:
        Calibration(**{**SOUND, **change})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "values", [[], 3, None, {"score": [1, 2]}, {**SOUND, "score": 3}, {**SOUND, "score": ["a"] * 3}]
)
def test_plain_values_of_another_kind_are_refused(values: Any) -> None:
    with pytest.raises(WeightsError, match="calibration cannot be read"):
        Calibration.from_dict(values)


def test_plain_values_come_back() -> None:
    assert Calibration.from_dict(asdict(CURVE)) == CURVE


def card(**more: Any) -> WeightsCard:
    return WeightsCard("w", "focuslitenn", 0.25, {}, **more)


def test_a_card_brings_calibration_limit_and_tables_back() -> None:
    tables = {"Recall": {"columns": ["µm", "recall"], "rows": [[0.5, 0.1], [1.0, 0.9]]}}
    full = card(calibration=CURVE, min_structure=3.25, tables=tables)
    assert WeightsCard.from_json(full.to_json()) == full
    plain = WeightsCard.from_json('{"name": "w", "model": "m", "mpp": 0.25, "network": {}}')
    assert (plain.calibration, plain.min_structure, plain.tables) == (None, None, {})


@pytest.mark.parametrize(
    ("found", "put"),
    [
        ('"min_structure": 3.0', '"min_structure": -1'),
        ('"min_structure": 3.0', '"min_structure": NaN'),
        ('"min_structure": 3.0', '"min_structure": "much"'),
        ('"score": [', '"score": [99, '),
        ('"tables": {}', '"tables": []'),
    ],
)
def test_a_card_that_says_nonsense_is_refused(found: str, put: str) -> None:
    text = card(calibration=CURVE, min_structure=3.0).to_json()
    assert found in text
    with pytest.raises(WeightsError):
        WeightsCard.from_json(text.replace(found, put))
