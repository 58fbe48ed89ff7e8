"""Kernels and the convolution with them against what can be worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusqc.optics.kernels import blur, bokeh_kernel, gaussian_kernel


@pytest.mark.parametrize("radius", [0.6, 1.4, 3.0, 7.77, 28.1, 200.0])
def test_bokeh_is_a_uniform_disk(radius: float) -> None:
    kernel = bokeh_kernel(radius)
    n = int(np.ceil(radius - 0.5))
    assert kernel.dtype == np.float32
    assert kernel.shape == (2 * n + 1, 2 * n + 1)
    assert kernel.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    if radius > 1.3:  # the middle pixel lies wholly inside: its share is 1 px of π r²
        assert kernel[n, n] == pytest.approx(1 / (np.pi * radius**2), rel=1e-6)


@pytest.mark.parametrize("radius", [1.4, 3.0, 7.77, 28.1])
def test_bokeh_second_moment_is_a_quarter_of_the_radius_squared(radius: float) -> None:
    kernel = bokeh_kernel(radius).astype(float)
    n = kernel.shape[0] // 2
    at = np.arange(-n, n + 1)
    for axis in (0, 1):
        along = kernel.sum(axis=1 - axis)
        assert along @ at == pytest.approx(0, abs=1e-6)
        # a disk has r²/4 along each axis; gathering light over pixels adds 1/12
        assert along @ at**2 == pytest.approx(radius**2 / 4 + 1 / 12, abs=0.04)


def test_bokeh_equals_counting_fine_points() -> None:
    fine = np.arange(-3.5 + 1 / 256, 3.5, 1 / 128)
    inside = (fine[:, None] ** 2 + fine[None, :] ** 2 <= 2.9**2).astype(float)
    counted = inside.reshape(7, 128, 7, 128).mean(axis=(1, 3)) / (np.pi * 2.9**2)
    np.testing.assert_allclose(bokeh_kernel(2.9), counted, atol=2e-5)


def test_bokeh_is_a_kernel_at_any_radius() -> None:
    radii = np.random.default_rng(0).uniform(0, 40, 2000)
    for radius in [*radii, np.nextafter(0.5, 1), np.nextafter(1.5, 0), 1.5, np.nextafter(1.5, 2)]:
        kernel = bokeh_kernel(radius)
        assert np.isfinite(kernel).all()
        assert kernel.min() >= 0
        assert kernel.sum(dtype=float) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-7)


@pytest.mark.parametrize("radius", [0.0, 0.3, 0.5])
def test_a_disk_within_one_pixel_changes_nothing(radius: float) -> None:
    np.testing.assert_array_equal(bokeh_kernel(radius), [[1]])


def test_gaussian_kernel_blurs_as_scipy_does() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (60, 50))
    ours = blur(image, gaussian_kernel(2.5))
    np.testing.assert_allclose(ours, ndimage.gaussian_filter(image, 2.5, mode="reflect"), atol=2e-3)
    np.testing.assert_array_equal(gaussian_kernel(0), [[1]])


@pytest.mark.parametrize("shape", [(40, 31), (40, 31, 3), (5, 4, 3)])
def test_blur_is_a_convolution_with_reflected_borders(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, shape).astype(np.uint8)
    kernel = rng.uniform(size=(15, 9)).astype(np.float32)
    weights = kernel if len(shape) == 2 else kernel[..., None]
    expected = ndimage.convolve(image.astype(float), weights.astype(float), mode="reflect")
    np.testing.assert_allclose(blur(image, kernel), expected, rtol=1e-5, atol=0.05)


def test_blur_gives_back_the_image_for_the_identity_and_a_level_for_a_level() -> None:
    image = np.random.default_rng(2).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    np.testing.assert_array_equal(blur(image, bokeh_kernel(0)), image)
    flat = np.full((20, 30), 77, np.uint8)
    np.testing.assert_allclose(blur(flat, bokeh_kernel(12)), 77, atol=1e-3)
