"""Proximity of a pixel depends on what is around it, not on how the slide was cut."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.inference.nuclei import missing_light, proximity_of
from napari_focusqc.models.micronet import TOTAL_STRIDE_PX, MicroNet

RNG = np.random.default_rng(2)
IMAGE = RNG.integers(0, 256, (430, 440, 3), dtype=np.uint8)


def thin() -> MicroNet:
    torch.manual_seed(0)
    return MicroNet((2, 2, 2, 2, 2)).eval()


def test_what_is_white_is_nothing_and_what_is_black_is_one() -> None:
    pixels = np.array([[[255, 0, 204]], [[51, 255, 255]]], np.uint8)
    found = missing_light(pixels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[[0], [0.8]], [[1], [0]], [[0.2], [0]]], atol=1e-7)


def test_the_device_is_the_networks_own_unless_it_is_told() -> None:
    one, other = (
        proximity_of(thin(), IMAGE[:32, :32], device=device)
        for device in (None, torch.device("cpu"))
    )
    np.testing.assert_array_equal(one, other)


def test_a_part_is_that_of_the_whole() -> None:
    whole = proximity_of(thin(), IMAGE)
    part = proximity_of(thin(), IMAGE, part=np.s_[101:230, 300:440])
    assert part.shape == (129, 140)
    np.testing.assert_allclose(part, whole[101:230, 300:440], rtol=0, atol=1e-6)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2), st.integers(0, 2))
def test_a_cut_changes_nothing_far_enough_inside(down: int, right: int) -> None:
    top, left = TOTAL_STRIDE_PX * down, TOTAL_STRIDE_PX * right
    network, margin = thin(), MicroNet.receptive_field_px // 2
    whole = proximity_of(network, IMAGE)
    cut = proximity_of(network, np.ascontiguousarray(IMAGE[top:, left:]))
    inside = whole[top + margin : -margin, left + margin : -margin]
    assert inside.size > 1000
    np.testing.assert_allclose(cut[margin:-margin, margin:-margin], inside, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (50, 333)])
def test_small_images_have_a_proximity_for_every_pixel(size: tuple[int, int]) -> None:
    found = proximity_of(thin(), IMAGE[: size[0], : size[1]])
    assert found.shape == size
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
