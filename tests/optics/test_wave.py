"""The lens out of focus against Airy, Rayleigh, rays, and a plain Fourier transform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.signal import fftconvolve
from scipy.special import j1

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics import wave
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.optics.objective import RGB_UM, Objective
from napari_focusqc.optics.wave import TAIL, blur_channels, defocus_kernels, relative_kernels

HEIGHTS = st.floats(-8, 8)
APERTURES = st.floats(0.2, 0.95)


def _one(
    z_um: float, mpp: float, na: float = 0.75, um: float = 0.54, index: float = 1.0
) -> NDArray[np.float64]:
    kernel, *_ = defocus_kernels(Objective(na, (um, um, um), index), z_um, mpp)
    return kernel.astype(float)


def _distances(kernel: NDArray[np.float64], mpp: float) -> NDArray[np.float64]:
    n = kernel.shape[0] // 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1] * mpp
    return np.hypot(y, x)


def _energy_radius(kernel: NDArray[np.float64], mpp: float, share: float) -> float:
    distance = _distances(kernel, mpp).ravel()
    order = np.argsort(distance)
    return float(np.interp(share, np.cumsum(kernel.ravel()[order]), distance[order]))


def _by_fourier_transform(
    z_um: float, mpp: float, na: float, um: float, half: int
) -> NDArray[np.float64]:
    """|FFT(pupil)|², 8 samples per pixel, summed over pixels by Simpson's rule; all light is 1."""
    fine, side = 8, 2048
    frequency = np.fft.fftfreq(side, mpp / fine)
    radius = np.hypot(frequency[:, None], frequency)
    rim = np.clip((na / um - radius) * side * mpp / fine + 0.5, 0, 1)
    path = np.sqrt(np.maximum(1 - (um * radius) ** 2, 0))
    field = np.fft.ifft2(rim * np.exp(2j * np.pi / um * z_um * path))
    intensity = np.fft.fftshift(abs(field) ** 2)
    simpson = np.array([1, 4, 2, 4, 2, 4, 2, 4, 1]) / 3
    summed = fftconvolve(intensity / intensity.sum(), np.outer(simpson, simpson), mode="same")
    at = side // 2 + np.arange(-half, half + 1) * fine
    return summed[np.ix_(at, at)]


@given(z_um=HEIGHTS, na=APERTURES, mpp=st.floats(0.1, 1.0))
@settings(max_examples=25, deadline=None)
def test_a_kernel_holds_all_light_is_square_even_and_not_negative(
    z_um: float, na: float, mpp: float
) -> None:
    for kernel in defocus_kernels(Objective(na), z_um, mpp):
        assert kernel.dtype == np.float32
        assert kernel.shape[0] == kernel.shape[1] and kernel.shape[0] % 2 == 1
        assert kernel.sum(dtype=float) == pytest.approx(1, abs=1e-5)
        assert kernel.min() >= 0
        np.testing.assert_array_equal(kernel, kernel.T)
        np.testing.assert_array_equal(kernel, kernel[::-1])


@pytest.mark.parametrize("um", RGB_UM)
def test_in_focus_it_is_the_airy_pattern_over_pixels(um: float) -> None:
    kernel = _one(0, 0.25, um=um)
    n, fine = kernel.shape[0] // 2, 24
    at = (np.arange((2 * n + 1) * fine) + 0.5) / fine - n - 0.5
    v = 2 * np.pi * 0.75 / um * 0.25 * np.hypot(at[:, None], at)
    airy = (2 * j1(v) / v) ** 2 / (4 * np.pi) * (2 * np.pi * 0.75 / um * 0.25) ** 2
    pixels = airy.reshape(2 * n + 1, fine, 2 * n + 1, fine).mean(axis=(1, 3))
    inside = _distances(kernel, 1) < n - 1
    np.testing.assert_allclose(
        kernel[inside] * (1 - TAIL), pixels[inside], atol=5e-4 * pixels.max()
    )


@pytest.mark.parametrize("um", RGB_UM)
def test_the_first_dark_ring_has_rayleighs_radius(um: float) -> None:
    mpp = 0.02
    kernel = _one(0, mpp, um=um)
    ray = kernel[kernel.shape[0] // 2, kernel.shape[0] // 2 :]
    first = int(np.flatnonzero(np.diff(ray) > 0)[0])
    assert first * mpp == pytest.approx(0.61 * um / 0.75, abs=mpp)
    assert ray[first] < 2e-3 * ray[0]


@pytest.mark.parametrize("z_um", [0.0, 1.0, 3.0, -6.0])
@pytest.mark.parametrize(
    ("na", "um", "mpp"), [(0.75, 0.54, 0.25), (0.75, 0.46, 0.25), (0.5, 0.62, 0.5)]
)
def test_it_is_the_squared_fourier_transform_of_the_pupil(
    z_um: float, na: float, um: float, mpp: float
) -> None:
    kernel = _one(z_um, mpp, na, um)
    expected = _by_fourier_transform(z_um, mpp, na, um, kernel.shape[0] // 2)
    inside = kernel > 0
    # the transform is periodic: what leaves its 64 or 128 µm comes back in on the other side
    assert expected[inside].sum() == pytest.approx(1 - TAIL, abs=0.005)
    off = abs(kernel * (1 - TAIL) - expected)[inside]
    assert off.sum() < 0.006
    assert off.max() < 0.012 * expected.max()


@given(z_um=HEIGHTS, na=APERTURES)
@settings(max_examples=10, deadline=None)
def test_above_and_below_focus_are_the_same_without_colour_errors(z_um: float, na: float) -> None:
    above, below = (defocus_kernels(Objective(na), z, 0.25) for z in (z_um, -z_um))
    for one, other in zip(above, below, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("na", "index"), [(0.25, 1.0), (0.5, 1.0), (0.75, 1.0), (0.75, 1.52)])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_far_from_focus_the_light_lies_where_rays_take_it(
    na: float, index: float, share: float
) -> None:
    # the pupil is evenly bright, so a share s of the light leaves below sin θ = √s NA / n
    z_um = 15 / na**2
    kernel = _one(z_um, 0.5, na, index=index)
    radius = z_um * np.tan(np.arcsin(np.sqrt(share) * na / index))
    assert _energy_radius(kernel, 0.5, share) == pytest.approx(radius, rel=0.05)


def test_far_from_focus_a_narrow_beam_gives_the_disk_of_geometric_optics() -> None:
    objective, mpp = Objective(0.2, (0.2, 0.2, 0.2)), 0.5
    kernel = defocus_kernels(objective, 50, mpp)[0].astype(float)
    radius = objective.blur_radius_um(50)
    assert radius == pytest.approx(50 * np.tan(np.arcsin(0.2)))
    disk = bokeh_kernel(radius / mpp).astype(float)
    grown = np.pad(disk, (kernel.shape[0] - disk.shape[0]) // 2)
    assert abs(kernel - grown).sum() / 2 < 0.2  # the share of light that lies elsewhere
    for share in (0.25, 0.5, 0.9):
        assert _energy_radius(kernel, mpp, share) == pytest.approx(
            _energy_radius(disk, mpp, share), rel=0.06
        )


def _strehl(z_um: float, na: float, um: float) -> float:
    """Return the intensity on the axis by its integral over t = cos θ, weight 2t, ends c and 1.

    Born and Wolf, section 8.8.2, without the paraxial step that makes it (sin(u/4) / (u/4))².
    """
    k, c = 2 * np.pi / um, np.sqrt(1 - na**2)
    parts = [
        quad(lambda t, f=f: 2 * t * f(k * z_um * t), c, 1, limit=200)[0] for f in (np.cos, np.sin)
    ]
    return (parts[0] ** 2 + parts[1] ** 2) / na**4


@pytest.mark.parametrize("na", [0.5, 0.75, 0.9])
def test_the_light_on_the_axis_falls_as_the_integral_says(na: float) -> None:
    mpp, um = 0.02 * 0.75 / na, 0.54
    zero = um / (1 - np.sqrt(1 - na**2))  # there the rim is one wavelength late: the first dark
    heights = np.linspace(0, zero, 9)
    kernels = [_one(z, mpp, na, um) for z in heights]
    middle = [kernel[kernel.shape[0] // 2, kernel.shape[0] // 2] for kernel in kernels]
    ratio = np.array(middle) / middle[0]
    assert (np.diff(ratio) < 0).all()
    np.testing.assert_allclose(ratio, [_strehl(z, na, um) for z in heights], atol=0.01)
    # Rayleigh's quarter wave: a rim late by λ/4 leaves (sin(π/4) / (π/4))² = 0.81
    assert ratio[2] == pytest.approx((np.sin(np.pi / 4) / (np.pi / 4)) ** 2, abs=0.015)


@given(z_um=st.floats(0, 6), na=st.floats(0.4, 0.9))
@settings(max_examples=15, deadline=None)
def test_pixels_a_third_as_wide_add_up_to_the_pixels(z_um: float, na: float) -> None:
    fine, coarse = (_one(z_um, mpp, na) for mpp in (0.1, 0.3))
    n = coarse.shape[0] // 2
    grown = np.pad(fine, 3 * n + 1 - fine.shape[0] // 2) if 6 * n + 3 > fine.shape[0] else fine
    spare = (grown.shape[0] - 6 * n - 3) // 2
    grown = grown[spare : grown.shape[0] - spare, spare : grown.shape[1] - spare]
    summed = grown.reshape(2 * n + 1, 3, 2 * n + 1, 3).sum(axis=(1, 3))
    assert abs(summed - coarse).sum() < 2e-3
    assert abs(summed - coarse).max() < 1e-3 * coarse.max()


@given(z_um=HEIGHTS, na=APERTURES, finer=st.floats(1.2, 3), wider=st.floats(1, 3))
@settings(max_examples=15, deadline=None)
def test_the_inner_sampling_does_not_show(
    z_um: float, na: float, finer: float, wider: float
) -> None:
    usual = _one(z_um, 0.25, na)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wave, "_V_STEP", wave._V_STEP / finer)
        patch.setattr(wave, "_MARGIN", wave._MARGIN * wider)
        other = _one(z_um, 0.25, na)
    spare = (other.shape[0] - usual.shape[0]) // 2
    small, large = sorted((usual, other), key=len)
    small = np.pad(small, abs(spare))
    assert abs(small - large).sum() < 2e-3
    assert abs(small - large).max() < 2e-4 * large.max()


def test_a_focal_shift_moves_one_channel_and_tells_above_from_below() -> None:
    objective = Objective(focal_shift_um=(0, 0, 0.5))
    plain = Objective()
    above, below = (defocus_kernels(objective, z, 0.25) for z in (1, -1))
    np.testing.assert_array_equal(above[0], defocus_kernels(plain, 1, 0.25)[0])
    np.testing.assert_array_equal(above[2], defocus_kernels(plain, 1.5, 0.25)[2])
    np.testing.assert_array_equal(below[2], defocus_kernels(plain, 0.5, 0.25)[2])


@pytest.mark.parametrize("z_um", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_a_relative_kernel_takes_the_sharp_kernel_to_the_blurred(z_um: float, mpp: float) -> None:
    objective = Objective()
    kernels = zip(
        defocus_kernels(objective, 0, mpp),
        relative_kernels(objective, z_um, mpp),
        defocus_kernels(objective, z_um, mpp),
        strict=True,
    )
    for sharp, relative, blurred in kernels:
        assert relative.sum(dtype=float) == pytest.approx(1, abs=1e-5)
        both = fftconvolve(sharp.astype(float), relative.astype(float))
        spare = (both.shape[0] - blurred.shape[0]) // 2
        inner = both[spare : both.shape[0] - spare, spare : both.shape[1] - spare]
        assert abs(inner - blurred).max() < 0.03 * blurred.max()
        assert abs(np.fft.fft2(relative.astype(float), (256, 256))).max() < 1.02


def test_nothing_out_of_focus_is_relatively_the_identity() -> None:
    shifted = Objective(focal_shift_um=(0.0, 0.3, -0.5))
    kernels = relative_kernels(shifted, 0.5, 0.25)
    np.testing.assert_array_equal(kernels[2], [[1]])
    assert kernels[0].shape[0] > 1
    near = relative_kernels(Objective(), 1e-4, 0.25)
    assert all(kernel.max() > 0.999 for kernel in near)


def test_each_channel_is_blurred_by_its_own_kernel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    kernels = defocus_kernels(Objective(), 2, 0.5)
    blurred = blur_channels(image, kernels)
    assert blurred.dtype == np.float32 and blurred.shape == image.shape
    for channel in range(3):
        np.testing.assert_array_equal(
            blurred[..., channel], blur(image[..., channel], kernels[channel])
        )


@pytest.mark.parametrize(
    "call",
    [
        lambda: Objective(na=0),
        lambda: Objective(na=1.0),
        lambda: Objective(na=float("nan")),
        lambda: Objective(wavelengths_um=(0.6, 0.5, 0)),
        lambda: Objective(focal_shift_um=(0, 0, float("inf"))),
        lambda: defocus_kernels(Objective(), float("nan"), 0.25),
        lambda: defocus_kernels(Objective(), 1, 0),
        lambda: defocus_kernels(Objective(), 1e9, 0.25),
        lambda: defocus_kernels(Objective(), 1, 1e-6),
        lambda: blur_channels(np.zeros((4, 4, 3)), defocus_kernels(Objective(), 1, 1)[:2]),
        lambda: blur_channels(np.zeros((4, 4)), defocus_kernels(Objective(), 1, 1)),
    ],
)
def test_impossible_lenses_and_distances_are_refused(call) -> None:
    with pytest.raises(SettingsError):
        call()


def test_pixels_wider_than_the_whole_spread_see_no_blur() -> None:
    for kernel in defocus_kernels(Objective(), 0, 1e3):
        np.testing.assert_array_equal(kernel, [[1]])
