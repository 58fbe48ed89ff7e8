"""Pictures of maps share a scale where their weights share one."""

from collections.abc import Callable

import numpy as np

from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.scale import score_limits

MakeMap = Callable[..., FocusMap]

OURS = {"name": "w", "threshold": 5.0, "command": "focusqc train focuslitenn"}
THEIRS = OURS | {"command": ""}


def test_our_own_weights_share_one_scale_whatever_a_map_shows(make_map: MakeMap) -> None:
    for scores in ([[0.1, 0.2]], [[3.0, 500.0]], [[np.nan, np.nan]]):
        assert score_limits(make_map(scores, [[0, 0]], weights=OURS)) == (0.0, 29.0)


def test_a_probability_is_shown_from_0_to_1(make_map: MakeMap) -> None:
    for weights in (OURS, THEIRS):
        found = score_limits(make_map([[0.2, 0.4]], [[0, 0]], model="deepfocus", weights=weights))
        assert found == (0.0, 1.0)


def test_a_model_unknown_here_spans_its_own_percentiles(make_map: MakeMap) -> None:
    scores = np.linspace(-50, 50, 101)[None]
    found = score_limits(make_map(scores, scores * 0, model="later", weights=OURS))
    assert found == (-49.0, 49.0)


def test_weights_of_others_span_their_own_percentiles(make_map: MakeMap) -> None:
    """Also once they are calibrated: a fitted threshold does not make classes of their scores."""
    scores = np.linspace(-50, 50, 101)[None]
    for weights in ({}, THEIRS):
        found = score_limits(make_map(scores, scores * 0, weights=weights, threshold=3.0))
        assert found == (-49.0, 49.0)


def test_limits_always_rise(make_map: MakeMap) -> None:
    assert score_limits(make_map([[7.0, 7.0]], [[0, 0]], weights={})) == (6.5, 7.5)
    assert score_limits(make_map([[np.nan, np.inf]], [[1, 0]], weights={})) == (0.0, 1.0)
