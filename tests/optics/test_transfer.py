"""Transfer functions against Hopkins's, against kernels of the wave module, and in a mirror."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import fft

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.objective import RGB_UM, Objective
from napari_focusqc.optics.transfer import AberratedLens, relative_transfers, transfers
from napari_focusqc.optics.wave import defocus_kernels

PLAIN = AberratedLens(Objective(0.75))
FREQUENCIES = np.linspace(0, 4, 161)


def strehl(lens: AberratedLens, z_um: float) -> float:
    """Return the intensity on the axis, as a share of that of a faultless lens in focus."""
    frequencies = np.linspace(0, 2 * 0.75 / RGB_UM[1], 400)
    seen, sharp = (
        (transfers(each, np.array([z]), frequencies)[1, 0] * frequencies).sum()
        for each, z in ((lens, z_um), (PLAIN, 0.0))
    )
    return float(seen / sharp)


def test_in_focus_it_is_the_overlap_of_two_circles() -> None:
    found = transfers(PLAIN, np.zeros(1), FREQUENCIES)[:, 0]
    for curve, um in zip(found, RGB_UM, strict=True):
        share = np.minimum(FREQUENCIES * um / (2 * 0.75), 1)
        expected = 2 / np.pi * (np.arccos(share) - share * np.sqrt(1 - share**2))
        np.testing.assert_allclose(curve, expected, atol=0.006)


@pytest.mark.parametrize("z_um", [0.0, 1.5, -6.0])
def test_it_is_the_spectrum_of_the_wave_modules_kernel(z_um: float) -> None:
    mpp, side = 0.12, 1024  # fine enough that no frequency folds back
    frequencies = np.fft.rfftfreq(side, mpp)
    found = transfers(PLAIN, np.array([z_um]), frequencies)[:, 0] * np.sinc(frequencies * mpp)
    for curve, kernel in zip(found, defocus_kernels(PLAIN.objective, z_um, mpp), strict=True):
        n, padded = kernel.shape[0] // 2, np.zeros((side, side))
        padded[: 2 * n + 1, : 2 * n + 1] = kernel
        spectrum = fft.rfft2(np.roll(padded, (-n, -n), (0, 1)))[0].real
        np.testing.assert_allclose(curve, spectrum, atol=0.012)  # kernels leave out 1 % of light


@settings(max_examples=10, deadline=None)
@given(z_um=st.floats(-8, 8), waves=st.floats(-0.2, 0.2), na=st.floats(0.3, 0.85))
def test_the_other_aberration_sees_the_other_side_of_focus(
    z_um: float, waves: float, na: float
) -> None:
    one, other = (
        transfers(AberratedLens(Objective(na), sign * waves), np.array([sign * z_um]), FREQUENCIES)
        for sign in (1, -1)
    )
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert abs(one).max() <= 1 + 1e-9


def test_with_aberration_the_sides_of_focus_differ_and_without_they_do_not() -> None:
    def sides(waves: float) -> float:
        both = transfers(AberratedLens(Objective(0.75), waves), np.array([-3.0, 3.0]), FREQUENCIES)
        return float(abs(both[:, 0] - both[:, 1]).max())

    assert sides(0.0) < 1e-9
    assert sides(0.1) > 0.1


@pytest.mark.parametrize("waves", [0.03, 0.08])
def test_a_small_aberration_costs_what_marechal_says_and_leaves_the_best_focus(
    waves: float,
) -> None:
    lens = AberratedLens(Objective(0.75), waves)
    # the mean square of 6ρ⁴ − 6ρ² + 1 over the pupil is a fifth
    assert strehl(lens, 0.0) == pytest.approx(np.exp(-((2 * np.pi * waves) ** 2) / 5), abs=0.02)
    assert strehl(lens, 0.0) > max(strehl(lens, -0.5), strehl(lens, 0.5))


def test_above_zero_the_rim_of_the_pupil_is_in_focus_higher_up() -> None:
    """Phases of defocus and aberration turn against each other at the rim, not in the middle."""
    rho = np.linspace(0, 1, 201)

    def flatness(z_um: float, zone: NDArray[np.bool_]) -> float:
        slope = (0.75 * rho) ** 2
        defocus = z_um / RGB_UM[1] * -slope / (np.sqrt(1 - slope) + 1)
        return float(np.ptp((defocus + 0.1 * (6 * rho**4 - 6 * rho**2 + 1))[zone]))

    heights = np.linspace(-3, 3, 121)
    rim, middle = (
        heights[np.argmin([flatness(z, zone) for z in heights])] for zone in (rho > 0.8, rho < 0.4)
    )
    assert rim > 0.3 > -0.3 > middle


def test_a_field_in_focus_stays_as_it_is() -> None:
    found = relative_transfers(PLAIN, np.array([0.0, 4.0]), FREQUENCIES)
    np.testing.assert_allclose(found[:, 0], 1, atol=1e-5)
    np.testing.assert_array_equal(found[:, 1, 0], 1)  # light is neither lost nor won
    assert abs(found[:, 1]).max() < 1.001


def test_a_colour_that_focuses_elsewhere_is_shifted() -> None:
    shifted = AberratedLens(Objective(0.75, focal_shift_um=(0.0, 0.0, 1.0)))
    at, beside = (
        transfers(lens, np.array([z]), FREQUENCIES) for lens, z in ((shifted, 2.0), (PLAIN, 3.0))
    )
    np.testing.assert_array_equal(at[2], beside[2])


def test_what_no_lens_does_is_refused() -> None:
    with pytest.raises(SettingsError, match="too far for wave optics"):
        transfers(PLAIN, np.array([200.0]), FREQUENCIES)
    with pytest.raises(SettingsError, match="too far"):
        transfers(PLAIN, np.array([np.nan]), FREQUENCIES)
    with pytest.raises(SettingsError, match="aberration is 1.5 waves"):
        AberratedLens(Objective(0.75), 1.5)
