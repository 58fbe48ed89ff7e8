"""Noise, then JPEG, after the blur."""

import numpy as np
from scipy import ndimage

from napari_focusqc.optics.camera import degrade
from napari_focusqc.optics.compression import jpeg
from napari_focusqc.optics.kernels import bokeh_kernel


def _fine_energy(image: np.ndarray) -> float:
    return float(np.abs(ndimage.laplace(image.astype(float).mean(axis=2))).mean())


def test_jpeg_takes_fine_detail_and_does_it_the_same_way_twice() -> None:
    image = np.random.default_rng(5).integers(100, 156, (64, 80, 3)).astype(np.uint8)
    once, again = jpeg(image, 70), jpeg(image, 70)
    np.testing.assert_array_equal(once, again)
    assert once.shape == image.shape
    assert _fine_energy(jpeg(image, 20)) < _fine_energy(once) < _fine_energy(image)
    assert abs(once.mean() - image.mean()) < 1


def test_degrade_blurs_first_so_that_noise_stays_sharp() -> None:
    image = np.full((96, 96, 3), 150, np.uint8)
    rough = degrade(image, bokeh_kernel(10), 0.25, 90, np.random.default_rng(6))
    smooth = degrade(image, bokeh_kernel(10), 0, 90, np.random.default_rng(6))
    assert smooth.std() < 0.5
    assert rough.astype(float).mean(axis=2).std() > 2


def test_degrade_repeats_with_its_seed() -> None:
    image = np.random.default_rng(7).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    kernel = bokeh_kernel(2)
    first, second = (degrade(image, kernel, 0.1, 80, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
