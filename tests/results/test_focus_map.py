"""What a map says of its tiles."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import CalibrationError, WeightsError
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.tiles.grid import TileGrid

MakeMap = Callable[..., FocusMap]


def test_every_reason_has_its_own_verdict(make_map: MakeMap) -> None:
    focus_map = make_map(
        scores=[[1.0, 2.0, 2.1, np.nan, np.nan, np.nan, np.nan]], reasons=[[0, 0, 0, 1, 2, 3, 4]]
    )
    assert focus_map.verdicts().tolist() == [
        [
            Verdict.IN_FOCUS,
            Verdict.IN_FOCUS,
            Verdict.OUT_OF_FOCUS,
            Verdict.GLASS,
            Verdict.UNREADABLE,
            Verdict.ABSTAINED,
            Verdict.NOT_RUN,
        ]
    ]


def test_a_score_at_the_threshold_is_in_focus_and_the_next_above_is_not(make_map: MakeMap) -> None:
    above = np.nextafter(np.float32(2.0), np.float32(3.0))
    verdicts = make_map(scores=[[2.0, above]], reasons=[[0, 0]], threshold=2.0).verdicts()
    assert verdicts.tolist() == [[Verdict.IN_FOCUS, Verdict.OUT_OF_FOCUS]]


def test_without_a_threshold_nothing_is_in_or_out_of_focus(make_map: MakeMap) -> None:
    verdicts = make_map(threshold=None).verdicts()
    assert verdicts.tolist() == [[6, 6, 3], [6, 4, 5]]
    assert make_map(threshold=None).verdicts(threshold=1.0).tolist() == [[1, 2, 3], [2, 4, 5]]


def test_a_score_of_nan_is_neither_sharp_nor_blurred(make_map: MakeMap) -> None:
    verdicts = make_map(scores=[[np.nan, np.inf]], reasons=[[0, 0]]).verdicts()
    assert verdicts.tolist() == [[Verdict.SCORED, Verdict.OUT_OF_FOCUS]]


def test_the_words_of_the_verdicts() -> None:
    assert [verdict.words for verdict in Verdict] == [
        "not run",
        "in focus",
        "out of focus",
        "glass",
        "unreadable",
        "abstained",
        "scored",
    ]


def test_the_first_centre_lies_half_a_tile_inside_the_slide(make_map: MakeMap) -> None:
    grid = TileGrid((4000, 4000), 2.0, 100, 64, 3, 5, 2, 3)
    focus_map = make_map(grid=grid, mpp=0.25)
    assert focus_map.stride_um == 32.0
    assert focus_map.first_centre_um == pytest.approx((3 * 32 + 25, 5 * 32 + 25))


def test_radii_are_where_scores_are_and_nan_elsewhere(
    make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    found = make_map(weights=calibrated).blur_radius_um()
    assert found.dtype == np.float32
    truth = np.array([[0.25, 1.5, np.nan], [3.5, np.nan, np.nan]], np.float32)
    assert np.array_equal(found, truth, equal_nan=True)


@pytest.mark.parametrize("reason", [1, 2, 3, 4])
def test_a_tile_without_a_score_has_no_radius(
    reason: int, make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    assert np.isnan(make_map([[1.0]], [[reason]], weights=calibrated).blur_radius_um()).all()


def test_scores_of_weights_without_calibration_are_no_micrometres(make_map: MakeMap) -> None:
    with pytest.raises(CalibrationError, match="the weights w have no calibration, so scores"):
        make_map().blur_radius_um()


def test_a_damaged_calibration_is_named(make_map: MakeMap, calibrated: dict[str, Any]) -> None:
    damaged = calibrated | {"calibration": calibrated["calibration"] | {"score": [0, 3, 1]}}
    with pytest.raises(WeightsError, match="scores that do not rise"):
        make_map(weights=damaged).blur_radius_um()
