"""A known blur beside a map, by hand."""

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.focus_protocols import TileTruth, tile_truth, truth_correlation
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

SOURCE = MapSource("s", 0.25, "given", 0, "m", {}, None, "none", "cpu", "0", "2026-01-01")


def map_of(scores: list[list[float]]) -> FocusMap:
    array = np.array(scores, np.float32)
    grid = TileGrid((1000, 1000), 1.0, 100, 50, 0, 0, *array.shape)
    reasons = np.where(np.isnan(array), Reason.GLASS, Reason.SCORED).astype(np.uint8)
    return FocusMap(array, reasons, np.ones_like(array), grid, SOURCE)


def test_truth_is_the_mean_under_the_window_and_nan_beside_glass() -> None:
    blur = np.arange(40, dtype=np.float32).reshape(4, 10)
    blur[3, 9] = np.nan
    mean = tile_truth(blur, 50.0, map_of([[0, 0, 0], [0, 0, 0]])).mean_um
    assert mean[0, 0] == blur[0:2, 0:2].mean()
    assert mean[1, 2] == blur[1:3, 2:4].mean()
    blur[2, 3] = np.nan
    assert np.isnan(tile_truth(blur, 50.0, map_of([[0, 0, 0], [0, 0, 0]])).mean_um[1, 2])


def test_a_tile_that_straddles_two_blurs_or_glass_is_not_uniform() -> None:
    blur = np.full((4, 10), 2, np.float32)
    blur[:, 2], blur[:, 9] = 3, np.nan
    truth = tile_truth(blur, 50.0, map_of([[0] * 9]))
    assert truth.uniform[0].tolist() == [True, False, False, True, True, True, True, True, False]


def truth_of(mean: list[float], uniform: list[bool]) -> TileTruth:
    return TileTruth(np.array([mean], np.float32), np.array([uniform]))


def test_correlation_is_of_ranks_over_scored_tiles_with_a_truth() -> None:
    focus_map = map_of([[1, 2, 9, np.nan, 4, 0]])
    truth = truth_of([1, 5, np.nan, 0, 80, 90], [True, True, False, True, True, False])
    found = truth_correlation(focus_map, truth)
    assert (found.spearman, found.tiles) == (1.0, 3)
    every = truth_correlation(focus_map, truth, uniform_only=False)
    assert every.tiles == 4
    assert every.spearman < 1


def test_too_few_tiles_are_refused() -> None:
    with pytest.raises(EvaluationError, match="only 2 scored tiles"):
        truth_correlation(map_of([[1, 2]]), truth_of([0, 1], [True, True]))
