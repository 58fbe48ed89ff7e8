"""Proximity of a pixel depends on what is around it, not on how the slide was cut."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.inference.nuclei import PATCH_PX, locally_standardised, proximity_of
from napari_focusqc.models.micronet import TOTAL_STRIDE_PX, MicroNet

RNG = np.random.default_rng(2)
IMAGE = RNG.integers(0, 256, (620, 640, 3), dtype=np.uint8)
HALF = PATCH_PX // 2


def thin() -> MicroNet:
    torch.manual_seed(0)
    return MicroNet((2, 2, 2, 2, 2)).eval()


def test_a_pixel_loses_the_mean_around_it_and_is_divided_by_the_deviation() -> None:
    found = locally_standardised(IMAGE)
    around = IMAGE[300 - HALF : 300 + HALF + 1, 310 - HALF : 310 + HALF + 1].astype(float)
    expected = (IMAGE[300, 310] - around.mean((0, 1))) / around.std((0, 1))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 300, 310], expected, rtol=1e-6)


def test_glass_does_not_become_contrast() -> None:
    glass = np.full((300, 300, 3), 242, np.uint8)
    glass[::2, ::2] = 243
    assert np.abs(locally_standardised(glass)).max() < 1


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2), st.integers(0, 2))
def test_a_cut_changes_nothing_far_enough_inside(down: int, right: int) -> None:
    top, left = TOTAL_STRIDE_PX * down, TOTAL_STRIDE_PX * right
    network, margin = thin(), HALF + MicroNet.receptive_field_px // 2
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
