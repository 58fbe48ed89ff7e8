"""Every beginning of the order is spread over the slide, and every tile comes once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.tiles.sampling import spread_order


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 99))
def test_every_wanted_tile_comes_once(rows: int, cols: int, share: float, seed: int) -> None:
    wanted = np.random.default_rng(seed).random((rows, cols)) < share
    order = spread_order(wanted, seed)
    assert sorted(map(tuple, order.tolist())) == sorted(map(tuple, np.argwhere(wanted).tolist()))
    assert np.array_equal(order, spread_order(wanted, seed))


def test_another_seed_draws_other_tiles() -> None:
    wanted = np.ones((32, 32), bool)
    assert not np.array_equal(spread_order(wanted, 0)[:64], spread_order(wanted, 1)[:64])


@pytest.mark.parametrize("seed", range(5))
def test_a_round_takes_one_tile_of_each_part_of_the_slide(seed: int) -> None:
    first = spread_order(np.ones((64, 64), bool), seed)[:64]
    parts = {(row // 8, col // 8) for row, col in first.tolist()}
    assert len(parts) == 64  # an 8 × 8 square of tiles is a stratum


def test_each_tile_is_as_likely_as_any_other() -> None:
    wanted, drawn = np.ones((8, 8), bool), np.zeros((8, 8))
    for seed in range(600):
        for row, col in spread_order(wanted, seed)[:16].tolist():
            drawn[row, col] += 1
    assert drawn.sum() == 600 * 16
    assert abs(drawn / 600 - 0.25).max() < 0.08  # four and a half standard deviations
