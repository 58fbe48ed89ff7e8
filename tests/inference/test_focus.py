"""Scores of blocks: the right tiles, the same numbers, honest failures."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_focusqc.errors import DeviceError, InferenceError
from napari_focusqc.inference.device import choose_device, usable_cores
from napari_focusqc.inference.focus import BlockScorer
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import Block
from napari_focusqc.tiles.structure import StructureRule

CPU = torch.device("cpu")
GRID = TileGrid((1000, 1000), 1.0, 60, 32, 0, 0, 4, 5)
PIXELS = np.random.default_rng(0).integers(0, 256, (4 * 32 + 28, 5 * 32 + 28, 3), dtype=np.uint8)


class Mean(nn.Module):
    """Scores a tile by its mean, so that the truth is numpy's."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3))


def block(wanted: np.ndarray, readable: np.ndarray | None = None) -> Block:
    return Block(2, 3, wanted, np.ones_like(wanted) if readable is None else readable, PIXELS)


def run(one: Block, network: nn.Module, batch: int) -> np.ndarray:
    with BlockScorer(network, CPU, GRID, batch) as score:
        found = score(one)
    assert (found.row, found.col) == (2, 3)
    return found.scores


@given(st.integers(1, 40))
@settings(max_examples=10, deadline=None)
def test_each_score_is_of_its_own_window_whatever_the_batch(batch: int) -> None:
    scores = run(block(np.ones((4, 5), bool)), Mean(), batch)
    truth = [
        [PIXELS[r * 32 : r * 32 + 60, c * 32 : c * 32 + 60].mean() for c in range(5)]
        for r in range(4)
    ]
    assert scores == pytest.approx(np.array(truth), abs=1e-4)


def test_unwanted_and_unreadable_tiles_are_nan() -> None:
    wanted, readable = np.ones((4, 5), bool), np.ones((4, 5), bool)
    wanted[0, 1] = readable[3, 2] = False
    scores = run(block(wanted, readable), Mean(), 8)
    assert np.argwhere(np.isnan(scores)).tolist() == [[0, 1], [3, 2]]


def test_tiles_with_too_little_structure_are_abstained_and_never_reach_the_network() -> None:
    class Counting(Mean):
        seen = 0

        def forward(self, images: Tensor) -> Tensor:
            self.seen += len(images)
            return super().forward(images)

    pixels = PIXELS.copy()
    pixels[:92, :92] = 200
    wanted, readable = np.ones((4, 5), bool), np.ones((4, 5), bool)
    wanted[0, 0] = readable[0, 1] = False
    one, network = Block(2, 3, wanted, readable, pixels), Counting()
    with BlockScorer(network, CPU, GRID, 8, StructureRule(1.0, 0.25)) as score:
        found = score(one)
    flat = np.zeros((4, 5), bool)
    flat[:2, :2] = True
    assert np.array_equal(found.abstained, flat & wanted & readable)
    assert np.array_equal(np.isnan(found.scores), flat)
    assert network.seen == 20 - 4
    plain = run(one, Mean(), 8)
    assert np.array_equal(found.scores[~flat], plain[~flat])


def test_without_a_rule_nothing_is_abstained() -> None:
    flat = Block(0, 0, np.ones((4, 5), bool), np.ones((4, 5), bool), np.zeros_like(PIXELS))
    with BlockScorer(Mean(), CPU, GRID, 8) as score:
        found = score(flat)
    assert not found.abstained.any()
    assert not np.isnan(found.scores).any()


def test_an_error_of_torch_becomes_a_sentence() -> None:
    class Full(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise RuntimeError("out of memory\nlong trace")

    with pytest.raises(InferenceError, match=r"on cpu \(out of memory\); try a smaller batch"):
        run(block(np.ones((4, 5), bool)), Full(), 8)


def test_the_batch_is_halved_until_memory_suffices() -> None:
    class Small(Mean):
        sizes: list[int]

        def forward(self, images: Tensor) -> Tensor:
            self.sizes.append(len(images))
            if len(images) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().forward(images)

    network = Small()
    network.sizes, network.most = [], 2
    found = run(block(np.ones((4, 5), bool)), network, 16)
    assert network.sizes == [16, 8, 4, *[2] * 10]
    assert np.array_equal(found, run(block(np.ones((4, 5), bool)), Mean(), 2))
    network.most = 0
    with pytest.raises(InferenceError, match="out of memory.*try a smaller batch"):
        run(block(np.ones((4, 5), bool)), network, 16)


def test_auto_finds_a_device_and_a_missing_one_is_named() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(DeviceError, match=f"'{missing}' is not on this machine; it has .*cpu"):
        choose_device(missing)


def test_at_most_eight_cores_are_taken() -> None:
    assert 1 <= usable_cores() <= 8


def test_torch_has_as_many_threads_after_as_before() -> None:
    before = torch.get_num_threads()
    run(block(np.ones((4, 5), bool)), Mean(), 4)
    assert torch.get_num_threads() == before


def test_a_score_that_is_not_finite_is_refused() -> None:
    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.mean((1, 2, 3)) / 0

    with pytest.raises(InferenceError, match="not finite on cpu"):
        run(block(np.ones((4, 5), bool)), Broken(), 8)
