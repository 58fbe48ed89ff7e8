"""What a lens makes of a point out of focus: scalar wave optics of a circular pupil.

Room: optics. Micrometres in, kernels out; geometric optics is in `kernels`.

The model, and what it leaves out:

- The lens is free of aberrations except, if asked for, a focal shift per colour. A distance from
  focus is the phase that the angular spectrum gathers on the way (Goodman [1]_, section 3.10;
  Gibson and Lanni [2]_ with all layers as designed), exact in angle, not the paraxial parabola.
  The pupil is evenly bright; light is scalar, good up to a numerical aperture of about 0.8.
- Imaging is **incoherent**: intensities add. A real bright-field microscope is partially coherent
  (its condenser is stopped down below the objective): its images keep more contrast at some
  distances and gain fringes. That is not modelled, nor is the thickness of the section.
- The pixel is a square that counts all light falling on it.
- Grey levels count as light. With a camera's gamma they do not, and the blur ignores that, as
  the disks of ConvFocus do.

References
----------
.. [1] Goodman, "Introduction to Fourier Optics", 3rd edition, 2005, sections 3.10 and 6.4.
.. [2] Gibson and Lanni, "Experimental test of an analytical model of aberration in an oil-immersion
   objective lens …", J Opt Soc Am A 8(10), 1991.
.. [3] Born and Wolf, "Principles of Optics", 7th edition, 1999, sections 8.5.2 and 8.8.
"""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray
from scipy import fft
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicSpline
from scipy.special import j0

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.kernels import blur
from napari_focusqc.optics.objective import Objective

TAIL = 0.01
"""Share of the light that a kernel leaves out. An Airy pattern ends slowly: 2 / (π v) of its light
lies beyond the optical distance v, so a tenth of this share would need ten times the kernel."""

MAX_HALF_PX = 512
"""A larger kernel is refused."""

KEPT = 8192
"""Kernels that are kept for the next time they are asked for: making one takes some 5 ms."""

_MAX_V = 1024
"""Largest optical distance from the axis; 80 µm of defocus for blue light at NA 0.75."""

_V_STEP = 0.1
"""Optical distance between radial samples; the intensity's Nyquist step, λ / (4 NA), is π / 2."""

_MARGIN = 1.2 * 2 / np.pi / TAIL
"""Optical distance beyond the geometric disk within which a kernel is cut."""

_FAINT = 1e-4
"""What is added to the power of the sharp lens before another is divided by it."""


def defocus_kernels(
    objective: Objective, z_um: float, mpp: float
) -> tuple[NDArray[np.float32], ...]:
    """Return the point spread functions of the three channels, summed over square pixels.

    The point spread function is |Fourier transform of the pupil|² with the phase
    2π/λ · z · √(n² − NA² ρ²) at the radius ρ of the pupil, 0…1. The pupil is round, so its
    transform is one of Hankel, done by Gauss–Legendre quadrature; no grid in the pupil is seen.

    Parameters
    ----------
    objective
        The lens.
    z_um
        Height of the plane in focus above the object, µm, signed: positive where the focus lies
        above the tissue, on the side of the objective. Without `focal_shift_um` the sign changes
        nothing.
    mpp
        µm/px of the image, in the object.

    Returns
    -------
    Red, green, blue: float32 (2n + 1, 2n + 1) each with its own n, sum 1, not negative. Each is
    cut at the circle that holds 1 − `TAIL` of the light. At z = 0 it is the Airy pattern, the
    limit of diffraction, not the identity.

    Raises
    ------
    SettingsError
        `z_um` or `mpp` makes no sense, or the kernel would be larger than `MAX_HALF_PX`.
    """
    _check_scale(z_um, mpp)
    return tuple(_kernel(*channel, mpp) for channel in _channels(objective, z_um))


def relative_kernels(
    objective: Objective, z_um: float, mpp: float
) -> tuple[NDArray[np.float32], ...]:
    """Return kernels that take an image already seen in focus through this lens to `z_um`.

    A real sharp field has been through the lens once; `defocus_kernels` would blur it by the
    limit of diffraction a second time, so that z = 0 would be softer than the field. The way out
    is to divide by the transfer function in focus. That is sound: the transfer function out of
    focus is nowhere larger than in focus, by the triangle inequality on the pupil's
    autocorrelation, so the quotient lifts no frequency. Where both vanish, beyond the lens's
    cut-off, it is drawn to the factor that fits all frequencies best, which is 1 in focus and
    falls to 0: what lies there never came through the lens, so nothing true can be said of it.

    Parameters
    ----------
    objective, z_um, mpp
        As for `defocus_kernels`; in focus means z = −`focal_shift_um` in each channel.

    Returns
    -------
    As `defocus_kernels`, but with small negative values; the identity where nothing is out of
    focus.

    Raises
    ------
    SettingsError
        As `defocus_kernels`.
    """
    _check_scale(z_um, mpp)
    return tuple(_relative(*channel, mpp) for channel in _channels(objective, z_um))


def blur_channels(
    image: NDArray[Any], kernels: tuple[NDArray[np.float32], ...]
) -> NDArray[np.float32]:
    """Convolve every channel with its own kernel, as `kernels.blur` does.

    Parameters
    ----------
    image
        (H, W, C), any real dtype.
    kernels
        C of them.

    Returns
    -------
    float32 (H, W, C), the image's unit, neither rounded nor clipped.

    Raises
    ------
    SettingsError
        There are not as many kernels as channels.
    """
    if image.ndim != 3 or image.shape[2] != len(kernels):
        raise SettingsError(
            f"an image of shape {image.shape} came with {len(kernels)} kernels; give (H, W, C) "
            "and a kernel for each channel"
        )
    result = np.empty(image.shape, np.float32)
    for channel, kernel in enumerate(kernels):
        result[..., channel] = blur(image[..., channel], kernel)
    return result


def _check_scale(z_um: float, mpp: float) -> None:
    """Refuse a distance or a resolution that makes no sense."""
    if not np.isfinite(z_um):
        raise SettingsError(f"the defocus is {z_um} µm; it must be finite")
    if not 0 < mpp < np.inf:
        raise SettingsError(f"the resolution is {mpp} µm/px; it must be above 0 and finite")


def _channels(objective: Objective, z_um: float) -> list[tuple[Objective, float, float]]:
    """Return each channel's lens without shifts, its wavelength and its distance, not signed.

    Distances are rounded to a picometre, so that sums that differ in their last bit share a kernel.
    """
    plain = replace(objective, focal_shift_um=(0.0, 0.0, 0.0))
    distances = [round(abs(z_um + shift), 6) for shift in objective.focal_shift_um]
    wavelengths = objective.wavelengths_um
    return [(plain, *each) for each in zip(wavelengths, distances, strict=True)]


@lru_cache(maxsize=KEPT)
def _relative(
    objective: Objective, wavelength_um: float, z_um: float, mpp: float
) -> NDArray[np.float32]:
    """Return one channel's kernel from in focus to `z_um`; shared, so it cannot be written to."""
    if z_um == 0:
        return np.ones((1, 1), np.float32)
    sharp = _kernel(objective, wavelength_um, 0.0, mpp)
    kernel = _quotient(_kernel(objective, wavelength_um, z_um, mpp), sharp)
    kernel.setflags(write=False)
    return kernel


@lru_cache(maxsize=KEPT)
def _kernel(
    objective: Objective, wavelength_um: float, z_um: float, mpp: float
) -> NDArray[np.float32]:
    """Return one channel's kernel; lengths inside are optical: v = 2π NA r / λ."""
    per_um = 2 * np.pi * objective.na / wavelength_um
    reach = per_um * objective.blur_radius_um(z_um) + _MARGIN
    if reach > _MAX_V:
        raise SettingsError(
            f"a defocus of {z_um:g} µm is too far for wave optics; blur by a disk of "
            f"{objective.blur_radius_um(z_um):.4g} µm instead"
        )
    rounded = int(np.ceil(reach / 64)) * 64  # so that neighbouring distances share a table
    v, intensity = _point_spread(objective, wavelength_um, z_um, rounded)
    light = cumulative_simpson(2 * np.pi * v * intensity, dx=_V_STEP, initial=0)
    cut = float(np.interp(1 - TAIL, light, v))
    pixel = per_um * mpp
    n = max(int(np.ceil(cut / pixel - 0.5)), 0)
    if n == 0:
        return np.ones((1, 1), np.float32)
    if n > MAX_HALF_PX:
        raise SettingsError(
            f"at {mpp:g} µm/px a defocus of {z_um:g} µm needs a kernel of {2 * n + 1} px; blur at "
            "a coarser resolution"
        )
    return _over_pixels(CubicSpline(v, intensity), cut, pixel, n)


def _point_spread(
    objective: Objective, wavelength_um: float, z_um: float, v_max: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return optical distances from the axis and the intensity there, all light being 1."""
    rho, weights, v, bessel = hankel(v_max, _V_STEP)
    # √(n² − NA² ρ²) less its value on the axis, written so that nothing cancels
    slope = (objective.na * rho) ** 2
    path = -slope / (np.sqrt(objective.index**2 - slope) + objective.index)
    phase = 2 * np.pi / wavelength_um * z_um * path
    amplitude = bessel @ (2 * rho * weights * np.stack([np.cos(phase), np.sin(phase)])).T
    # Parseval: over the plane the squared amplitude of this pupil sums to 4π
    return v, np.asarray((amplitude**2).sum(axis=1) / (4 * np.pi), np.float64)


@lru_cache(maxsize=4)
def hankel(v_max: int, step: float) -> tuple[NDArray[np.float64], ...]:
    """Return what leads from a round pupil to the amplitude around the axis.

    With n nodes Gauss–Legendre is exact for a phase of up to n across half the pupil. The
    integrand turns by v from the Bessel function and by at most v from the defocus.

    Parameters
    ----------
    v_max, step
        Largest optical distance from the axis, 2π NA r / λ, and the distance between two.

    Returns
    -------
    float64: radii ρ in the pupil, 0 to 1, (R,); their weights, (R,); distances v, (V,); and
    J₀(v ρ), (V, R).
    """
    nodes, weights = leggauss(v_max // 2 + 24)
    rho, v = (nodes + 1) / 2, np.arange(0, v_max + step, step)
    return rho, weights / 2, v, j0(v[:, None] * rho)


def _over_pixels(intensity: CubicSpline, cut: float, pixel: float, n: int) -> NDArray[np.float32]:
    """Integrate a round intensity, none beyond `cut`, over (2n + 1)² pixels; sum 1."""
    nodes, weights = leggauss(int(pixel / 2) + 4)  # the intensity turns by 2 per unit at most
    at = (np.arange(n + 1)[:, None] + nodes / 2) * pixel
    y, x = np.tril_indices(n + 1)  # an eighth of the plane; the rest mirrors it
    distance = np.hypot(at[y][:, :, None], at[x][:, None, :])
    seen = np.where(distance <= cut, intensity(np.minimum(distance, cut)), 0)
    quarter = np.empty((n + 1, n + 1))
    quarter[y, x] = quarter[x, y] = np.maximum(np.einsum("kab,a,b", seen, weights, weights), 0)
    half = np.concatenate([quarter[:0:-1], quarter])
    whole = np.concatenate([half[:, :0:-1], half], axis=1)
    kernel = np.asarray(whole / whole.sum(), np.float32)
    kernel.setflags(write=False)
    return kernel


def _quotient(blurred: NDArray[np.float32], sharp: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the kernel that turns `sharp` into `blurred`; the size of the larger, sum 1."""
    n = max(blurred.shape[0], sharp.shape[0]) // 2
    side = fft.next_fast_len(4 * n + 1, real=True)
    top, under = (_transfer(kernel, side) for kernel in (blurred, sharp))
    overall = np.vdot(top, under) / np.vdot(under, under)
    quotient = (top * under + _FAINT * overall) / (under**2 + _FAINT)
    around = fft.fftshift(fft.irfft2(quotient, (side, side)))
    middle = side // 2
    kernel = around[middle - n : middle + n + 1, middle - n : middle + n + 1]
    return np.asarray(kernel / kernel.sum(), np.float32)


def _transfer(kernel: NDArray[np.float32], side: int) -> NDArray[np.float64]:
    """Return the real transfer function of a symmetric kernel on a grid of `side` frequencies."""
    n = kernel.shape[0] // 2
    padded = np.zeros((side, side))
    padded[: 2 * n + 1, : 2 * n + 1] = kernel
    return np.asarray(fft.rfft2(np.roll(padded, (-n, -n), (0, 1))).real, np.float64)
