"""Unsharp masking against its own formula."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusqc.optics.sharpening import unsharp_mask


def test_a_wave_gains_what_the_formula_says() -> None:
    x = np.arange(240)
    for period, amount, sigma in ((4, 1.0, 1.0), (12, 0.5, 2.0), (40, 2.0, 1.5)):
        wave = np.broadcast_to(100 + 20 * np.cos(2 * np.pi * x / period), (9, 240))[..., None]
        gain = 1 + amount * (1 - np.exp(-2 * (np.pi * sigma / period) ** 2))
        sharp = unsharp_mask(wave, amount, sigma)[:, 40:200]
        np.testing.assert_allclose(sharp, 100 + gain * (wave[:, 40:200] - 100), atol=0.05)


def test_it_is_done_channel_by_channel_and_image_by_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3)).astype(np.uint8)
    sharp = unsharp_mask(images, 0.7, 1.3)
    assert sharp.dtype == np.float32
    plane = images[1, ..., 2].astype(float)
    expected = plane + 0.7 * (plane - ndimage.gaussian_filter(plane, 1.3, mode="reflect"))
    np.testing.assert_allclose(sharp[1, ..., 2], expected, atol=1e-2)


@pytest.mark.parametrize(("amount", "radius_px"), [(0.0, 2.0), (1.0, 0.0)])
def test_no_amount_or_no_radius_changes_nothing(amount: float, radius_px: float) -> None:
    image = np.random.default_rng(1).integers(0, 256, (8, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(unsharp_mask(image, amount, radius_px), image)


def test_a_level_stays() -> None:
    np.testing.assert_allclose(unsharp_mask(np.full((9, 9, 3), 77), 1.5, 2), 77, atol=1e-4)
