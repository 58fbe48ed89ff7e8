"""Kernels, classes, noise and compression against what can be worked out by hand."""

import numpy as np
import pytest
from scipy import ndimage

from napari_focusqc import optics
from napari_focusqc.errors import SettingsError


@pytest.mark.parametrize("radius", [0.6, 1.4, 3.0, 7.77, 28.1, 200.0])
def test_bokeh_is_a_uniform_disk(radius: float) -> None:
    kernel = optics.bokeh_kernel(radius)
    n = int(np.ceil(radius - 0.5))
    assert kernel.dtype == np.float32
    assert kernel.shape == (2 * n + 1, 2 * n + 1)
    assert kernel.sum(dtype=float) == pytest.approx(1, abs=1e-5)
    if radius > 1.3:  # the middle pixel lies wholly inside: its share is 1 px of π r²
        assert kernel[n, n] == pytest.approx(1 / (np.pi * radius**2), rel=1e-6)


@pytest.mark.parametrize("radius", [1.4, 3.0, 7.77, 28.1])
def test_bokeh_second_moment_is_a_quarter_of_the_radius_squared(radius: float) -> None:
    kernel = optics.bokeh_kernel(radius).astype(float)
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
    np.testing.assert_allclose(optics.bokeh_kernel(2.9), counted, atol=2e-5)


def test_bokeh_is_a_kernel_at_any_radius() -> None:
    radii = np.random.default_rng(0).uniform(0, 40, 2000)
    for radius in [*radii, np.nextafter(0.5, 1), np.nextafter(1.5, 0), 1.5, np.nextafter(1.5, 2)]:
        kernel = optics.bokeh_kernel(radius)
        assert np.isfinite(kernel).all()
        assert kernel.min() >= 0
        assert kernel.sum(dtype=float) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-7)


@pytest.mark.parametrize("radius", [0.0, 0.3, 0.5])
def test_a_disk_within_one_pixel_changes_nothing(radius: float) -> None:
    np.testing.assert_array_equal(optics.bokeh_kernel(radius), [[1]])


def test_gaussian_kernel_blurs_as_scipy_does() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (60, 50))
    ours = optics.blur(image, optics.gaussian_kernel(2.5))
    np.testing.assert_allclose(ours, ndimage.gaussian_filter(image, 2.5, mode="reflect"), atol=2e-3)
    np.testing.assert_array_equal(optics.gaussian_kernel(0), [[1]])


@pytest.mark.parametrize("shape", [(40, 31), (40, 31, 3), (5, 4, 3)])
def test_blur_is_a_convolution_with_reflected_borders(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, shape).astype(np.uint8)
    kernel = rng.uniform(size=(15, 9)).astype(np.float32)
    weights = kernel if len(shape) == 2 else kernel[..., None]
    expected = ndimage.convolve(image.astype(float), weights.astype(float), mode="reflect")
    np.testing.assert_allclose(optics.blur(image, kernel), expected, rtol=1e-5, atol=0.05)


def test_blur_gives_back_the_image_for_the_identity_and_a_level_for_a_level() -> None:
    image = np.random.default_rng(2).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    np.testing.assert_array_equal(optics.blur(image, optics.bokeh_kernel(0)), image)
    flat = np.full((20, 30), 77, np.uint8)
    np.testing.assert_allclose(optics.blur(flat, optics.bokeh_kernel(12)), 77, atol=1e-3)


def test_class_boundaries_by_hand() -> None:
    # 1.4 · e^(3/28) = 1.5583; class 15 starts at 1.4 · e^1.5 = 6.2744; class 28 ends at 1.4 · e³
    assert optics.radius_range(0) == (0, 0)
    assert optics.radius_range(1) == pytest.approx((1.4, 1.55826), abs=1e-4)
    assert optics.radius_range(15)[0] == pytest.approx(6.27436, abs=1e-4)
    assert optics.radius_range(28)[1] == pytest.approx(28.11975, abs=1e-4)
    assert optics.radius_range(29) == pytest.approx((28.11975, 200), abs=1e-4)
    assert optics.sigma_range(1)[0] == 0.926
    assert optics.sigma_range(29) == pytest.approx((18.59921, 132), abs=1e-4)


def test_classes_follow_each_other_without_gap() -> None:
    ranges = [optics.radius_range(c) for c in range(1, 30)]
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]


def test_a_class_keeps_its_size_in_micrometres() -> None:
    low, high = optics.radius_range(20, mpp=0.25)
    assert optics.radius_range(20, mpp=0.5) == pytest.approx((low / 2, high / 2))


@pytest.mark.parametrize("oof_class", range(30))
def test_class_of_radius_inverts_the_table(oof_class: int) -> None:
    low, high = optics.radius_range(oof_class, mpp=1.0)  # at 1 µm/px, px are µm
    assert optics.oof_class_of_radius(low) == oof_class
    if oof_class:
        assert optics.oof_class_of_radius(np.nextafter(low, 0)) == oof_class - 1
    if 0 < oof_class < 29:
        assert optics.oof_class_of_radius(np.nextafter(high, 0)) == oof_class


def test_class_of_radius_takes_arrays_and_ends_at_29() -> None:
    classes = optics.oof_class_of_radius(np.array([[0, 0.34], [0.36, 1e6]]))
    np.testing.assert_array_equal(classes, [[0, 0], [1, 29]])


@pytest.mark.parametrize("scale", [0.05, 0.25, 4.0])
def test_poisson_noise_has_the_mean_and_variance_of_counted_quanta(scale: float) -> None:
    noisy = optics.poisson_noise(np.full(200_000, 120.0), scale, np.random.default_rng(3))
    assert noisy.mean() == pytest.approx(120, abs=5 * np.sqrt(scale * 120 / noisy.size))
    assert noisy.var() == pytest.approx(scale * 120, rel=0.02)
    np.testing.assert_allclose(noisy / scale, np.rint(noisy / scale), atol=1e-3)


def test_poisson_noise_spares_black_and_can_be_none() -> None:
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(optics.poisson_noise(np.array([0, -3.0]), 0.2, rng), [0, 0])
    np.testing.assert_array_equal(optics.poisson_noise(np.array([9.5]), 0, rng), [9.5])


def _fine_energy(image: np.ndarray) -> float:
    return float(np.abs(ndimage.laplace(image.astype(float).mean(axis=2))).mean())


def test_jpeg_takes_fine_detail_and_does_it_the_same_way_twice() -> None:
    image = np.random.default_rng(5).integers(100, 156, (64, 80, 3)).astype(np.uint8)
    once, again = optics.jpeg(image, 70), optics.jpeg(image, 70)
    np.testing.assert_array_equal(once, again)
    assert once.shape == image.shape
    assert _fine_energy(optics.jpeg(image, 20)) < _fine_energy(once) < _fine_energy(image)
    assert abs(once.mean() - image.mean()) < 1


def test_degrade_blurs_first_so_that_noise_stays_sharp() -> None:
    image = np.full((96, 96, 3), 150, np.uint8)
    rough = optics.degrade(image, optics.bokeh_kernel(10), 0.25, 90, np.random.default_rng(6))
    smooth = optics.degrade(image, optics.bokeh_kernel(10), 0, 90, np.random.default_rng(6))
    assert smooth.std() < 0.5
    assert rough.astype(float).mean(axis=2).std() > 2


def test_degrade_repeats_with_its_seed() -> None:
    image = np.random.default_rng(7).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    kernel = optics.bokeh_kernel(2)
    first, second = (
        optics.degrade(image, kernel, 0.1, 80, np.random.default_rng(8)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "call",
    [
        lambda: optics.bokeh_kernel(-1),
        lambda: optics.bokeh_kernel(float("nan")),
        lambda: optics.gaussian_kernel(float("inf")),
        lambda: optics.radius_range(30),
        lambda: optics.radius_range(-1),
        lambda: optics.poisson_noise(np.ones(3), -0.1, np.random.default_rng()),
        lambda: optics.jpeg(np.zeros((8, 8, 3), np.uint8), 0),
    ],
)
def test_impossible_sizes_are_refused(call) -> None:
    with pytest.raises(SettingsError):
        call()
