"""Pictures of maps share a scale where their weights share one."""

from collections.abc import Callable

import numpy as np

from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.scale import score_limits

MakeMap = Callable[..., FocusMap]


def test_our_own_weights_share_one_scale_whatever_a_map_shows(make_map: MakeMap) -> None:
    ours = {"name": "w", "threshold": 5.0}
    for scores in ([[0.1, 0.2]], [[3.0, 500.0]], [[np.nan, np.nan]]):
        assert score_limits(make_map(scores, [[0, 0]], weights=ours)) == (0.0, 29.0)


def test_weights_of_others_span_their_own_percentiles(make_map: MakeMap) -> None:
    scores = np.linspace(-50, 50, 101)[None]
    found = score_limits(make_map(scores, scores * 0, weights={}, threshold=3.0))
    assert found == (-49.0, 49.0)


def test_limits_always_rise(make_map: MakeMap) -> None:
    assert score_limits(make_map([[7.0, 7.0]], [[0, 0]], weights={})) == (6.5, 7.5)
    assert score_limits(make_map([[np.nan, np.inf]], [[1, 0]], weights={})) == (0.0, 1.0)
