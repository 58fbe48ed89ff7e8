"""A coarse picture fills the gaps between its tiles, and gives way to the tiles themselves."""

import numpy as np

from napari_focusqc.plugin.layers import fill_block
from napari_focusqc.results.focus_map import BlockUpdate, Reason

NAN = np.float32(np.nan)


def test_a_score_of_one_in_four_fills_the_gap_after_it_but_no_glass() -> None:
    scores, part = np.full((9, 9), NAN), np.full((8, 8), NAN, np.float32)
    reasons = np.full((8, 8), Reason.NOT_RUN, np.uint8)
    part[0, 0], part[4, 4] = 3, 5
    reasons[0, 0] = reasons[4, 4] = Reason.SCORED
    reasons[1, 1], reasons[0, 4] = Reason.GLASS, Reason.ABSTAINED
    fill_block(scores, BlockUpdate(1, 1, part, reasons, 4))
    assert np.isnan(scores[0]).all()
    gap = scores[1:5, 1:5]
    assert np.isnan(gap[1, 1])
    assert (gap == 3).sum() == 15
    assert np.isnan(scores[1:5, 5:]).all()
    assert (scores[5:, 5:] == 5).all()


def test_the_tiles_themselves_take_its_place() -> None:
    scores = np.full((4, 4), 7.0)
    part = np.arange(16, dtype=np.float32).reshape(4, 4)
    part[2, 2] = NAN
    fill_block(scores, BlockUpdate(0, 0, part, np.full((4, 4), Reason.SCORED, np.uint8)))
    np.testing.assert_array_equal(scores, part)
