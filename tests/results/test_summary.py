"""A map's few numbers, each with its denominator."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import OutputError
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.summary import summarise, write_summary

MakeMap = Callable[..., FocusMap]


def test_the_summary_of_a_small_map(make_map: MakeMap) -> None:
    """Six tiles, 16 µm apart: two sharp, one blurred, glass, unreadable, abstained."""
    summary = summarise(make_map())
    assert summary.tiles == {
        "not run": 0,
        "in focus": 2,
        "out of focus": 1,
        "glass": 1,
        "unreadable": 1,
        "abstained": 1,
        "scored": 0,
    }
    assert summary.area_mm2["in focus"] == pytest.approx(2 * 0.016**2)
    assert summary.judged_tiles == 3
    assert summary.out_of_focus_share == pytest.approx(1 / 3)
    assert summary.median_score == 1.5
    assert summary.p90_score == pytest.approx(2.3)
    assert summary.partial_tiles == 1
    assert summary.lines()[0] == "out of focus: 33.3% of 3 scored tiles (score above 2)"


def test_glass_alone_has_no_share_rather_than_none_blurred(make_map: MakeMap) -> None:
    summary = summarise(make_map(np.full((3, 3), np.nan), np.ones((3, 3))))
    assert summary.out_of_focus_share is None
    assert summary.median_score is None
    assert summary.p90_score is None
    text = "\n".join(summary.lines())
    assert "no tile was scored" in text
    assert "%" not in text
    assert "glass: 9 tiles" in text


@pytest.mark.parametrize("reason", [1, 2, 3, 4])
def test_tiles_without_a_score_never_move_the_share(reason: int, make_map: MakeMap) -> None:
    scored = summarise(make_map([[1.0, 3.0]], [[0, 0]]))
    more = summarise(make_map([[1.0, 3.0] + [np.nan] * 8], [[0, 0] + [reason] * 8]))
    assert more.out_of_focus_share == scored.out_of_focus_share == 0.5
    assert more.median_score == scored.median_score


def test_without_a_threshold_there_are_scores_but_no_share(make_map: MakeMap) -> None:
    summary = summarise(make_map(threshold=None))
    assert summary.out_of_focus_share is None
    assert summary.tiles["scored"] == 3
    assert summary.median_score == 1.5
    assert "no threshold" in summary.lines()[0]


def test_another_threshold_gives_another_share(make_map: MakeMap) -> None:
    summary = summarise(make_map(), threshold=0.5)
    assert summary.threshold == 0.5
    assert summary.out_of_focus_share == pytest.approx(2 / 3)


def test_scores_that_are_not_finite_do_not_spoil_the_percentiles(make_map: MakeMap) -> None:
    summary = summarise(make_map([[1.0, np.inf, np.nan]], [[0, 0, 0]]))
    assert summary.median_score == 1.0
    assert summary.tiles["out of focus"] == 1
    assert summary.tiles["scored"] == 1
    assert summary.judged_tiles == 2


def test_the_radii_are_those_of_the_scored_tiles(
    make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    scores, reasons = [[0.5, 2.0, 3.0, 9.0, np.nan]], [[0, 0, 0, 3, 1]]
    summary = summarise(make_map(scores, reasons, weights=calibrated))
    assert summary.median_blur_radius_um == 2.5
    assert summary.p90_blur_radius_um == pytest.approx(2.5 + 0.8 * 2)
    sentence = "equivalent blur radius: median 2.5 µm, 90 % of tiles at or below 4.1 µm"
    assert sentence in summary.lines()


def test_without_a_calibration_or_a_score_there_is_no_radius(
    make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    bare, glass = summarise(make_map()), summarise(make_map([[np.nan]], [[1]], weights=calibrated))
    for summary in (bare, glass):
        assert (summary.median_blur_radius_um, summary.p90_blur_radius_um) == (None, None)
        assert "radius" not in "".join(summary.lines())


def test_the_json_holds_summary_grid_and_source(tmp_path: Path, make_map: MakeMap) -> None:
    focus_map = make_map()
    summary = summarise(focus_map)
    values = json.loads(write_summary(summary, focus_map, tmp_path / "s.json").read_text("utf-8"))
    assert values["format"] == 1
    assert values["summary"] == summary.to_dict()
    assert values["source"] == focus_map.source.to_dict()
    assert values["grid"]["shape"] == [160, 200]


def test_json_of_a_glass_slide_says_null(tmp_path: Path, make_map: MakeMap) -> None:
    focus_map = make_map([[np.nan]], [[1]])
    text = write_summary(summarise(focus_map), focus_map, tmp_path / "s.json").read_text("utf-8")
    assert '"out_of_focus_share": null' in text


def test_a_source_that_json_cannot_hold_is_refused(tmp_path: Path, make_map: MakeMap) -> None:
    focus_map = make_map(weights={"figure": float("nan")})
    with pytest.raises(OutputError, match="JSON"):
        write_summary(summarise(focus_map), focus_map, tmp_path / "s.json")
    assert list(tmp_path.iterdir()) == []
