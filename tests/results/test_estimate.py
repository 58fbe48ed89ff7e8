"""The interval holds the truth as often as it says, on slides whose blur lies in patches."""

from dataclasses import replace

import numpy as np
import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.sampling import spread_order

SOURCE = MapSource("s", 0.25, "file", 0, "m", {"name": "w"}, 5.0, "all", "cpu", "0", "now")


def slide(blurred: np.ndarray, glass: np.ndarray | None = None) -> FocusMap:
    rows, cols = blurred.shape
    grid = TileGrid((32 * rows, 32 * cols), 1.0, 32, 32, 0, 0, rows, cols)
    reasons = np.full(blurred.shape, Reason.SCORED, np.uint8)
    if glass is not None:
        reasons[glass] = Reason.GLASS
    scores = np.where(blurred, 9.0, 1.0).astype(np.float32)
    return FocusMap(scores, reasons, np.ones(blurred.shape, np.float32), grid, SOURCE)


def sampled(full: FocusMap, seed: int, half_width: float) -> FocusMap:
    """Do as a quick run does."""
    order = spread_order(full.reasons != Reason.GLASS, seed)
    count, found = 0, full
    while count < len(order) and (not count or estimate(found).half_width > half_width):
        count += max(64, count // 2)
        run = np.zeros(full.scores.shape, bool)
        run[order[:count, 0], order[:count, 1]] = True
        reasons = np.where(run | (full.reasons == Reason.GLASS), full.reasons, Reason.NOT_RUN)
        found = replace(full, reasons=reasons.astype(np.uint8))
    return found


@pytest.mark.parametrize("share", [0.0, 0.03, 0.2, 0.5, 0.97])
def test_the_interval_holds_the_truth_in_19_of_20_slides(share: float) -> None:
    rng = np.random.default_rng(1)
    smooth = rng.normal(size=(16, 16)).repeat(5, 0).repeat(5, 1)
    blurred = smooth < np.quantile(smooth, share) if share else np.zeros((80, 80), bool)
    truth, held = blurred.mean(), 0
    for seed in range(80):
        found = estimate(sampled(slide(blurred), seed, 0.03))
        assert found.half_width <= 0.03
        assert found.scored_tiles < 6400 / 2
        held += abs(found.share - truth) <= found.half_width
    assert held >= 74


def test_a_slide_scored_whole_is_known_exactly() -> None:
    blurred = np.zeros((10, 10), bool)
    blurred[:3] = True
    found = estimate(slide(blurred, glass=np.eye(10, dtype=bool)))
    assert (found.share, found.half_width) == (27 / 90, 0.0)
    assert (found.scored_tiles, found.tiles, found.judged) == (90, 90, 90)


def test_nothing_scored_and_no_tissue_say_so() -> None:
    full = slide(np.zeros((8, 8), bool))
    nothing = replace(full, reasons=np.full((8, 8), Reason.NOT_RUN, np.uint8))
    assert estimate(nothing).half_width == 0.5
    glass = replace(full, reasons=np.full((8, 8), Reason.GLASS, np.uint8))
    assert (estimate(glass).tiles, estimate(glass).half_width) == (0, 0.0)


def test_without_a_threshold_it_is_refused() -> None:
    full = slide(np.zeros((8, 8), bool))
    with pytest.raises(SettingsError, match="weights w have no threshold"):
        estimate(replace(full, source=replace(SOURCE, threshold=None)))
