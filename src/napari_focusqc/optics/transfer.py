"""What a lens with spherical aberration lets through, at many distances from focus at once.

Room: optics. Radial transfer functions, not kernels: a stack of thick tissue needs hundreds, and
multiplying spectra is quicker than convolving. The model is that of `wave` with one phase more:
with spherical aberration the two sides of focus differ, as they do in a real microscope.

References
----------
.. [1] Goodman, "Introduction to Fourier Optics", 3rd edition, 2005, sections 6.3 and 6.4.
.. [2] Born and Wolf, "Principles of Optics", 7th edition, 1999, section 9.2.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import hankel

MAX_V = 1024
"""Largest optical distance from the axis, 2π NA r / λ; about 40 µm of blur at NA 0.75."""
MAX_SPHERICAL = 1.0

_V_STEP = 0.5
"""Intensity times J₀ turns by 4 per optical unit at most, so this samples it."""
_MARGIN = 192
"""Optical distance looked at beyond the disk of rays; a third of a percent of the light lies beyond
it."""
_FAINT = 1e-4
"""As in `wave`: added to the power of the sharp lens before another is divided by it."""


@dataclass(frozen=True, slots=True)
class AberratedLens:
    """A lens that was not made for its cover glass.

    Parameters
    ----------
    objective
        The lens as it should be.
    spherical
        A of the phase 2π A (6ρ⁴ − 6ρ² + 1) in the pupil, ρ = 0…1, waves at each colour: Zernike's
        primary spherical aberration, which leaves the best focus where it was. 20 µm of cover glass
        too much make about 0.1 at NA 0.75. Above 0 the rim of the pupil is in focus in higher
        planes than its middle.

    Raises
    ------
    SettingsError
        The aberration is larger than `MAX_SPHERICAL` waves.
    """

    objective: Objective
    spherical: float = 0.0

    def __post_init__(self) -> None:
        if not abs(self.spherical) <= MAX_SPHERICAL:
            raise SettingsError(
                f"the spherical aberration is {self.spherical} waves; it must lie within "
                f"{MAX_SPHERICAL:g} either way"
            )


def transfers(
    lens: AberratedLens, z_um: NDArray[np.float64], frequencies: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the incoherent transfer function of each colour.

    Parameters
    ----------
    lens
        The lens.
    z_um
        Heights of the plane in focus above the object, shape (Z,), µm, signed as in
        `wave.defocus_kernels`.
    frequencies
        Distances from the origin of the spectrum, shape (F,), cycles per µm in the object.

    Returns
    -------
    float64 (3, Z, F): red, green, blue; 1 at frequency 0, real because the lens is round.

    Raises
    ------
    SettingsError
        A distance is not finite, or too far for wave optics.
    """
    return np.stack([_transfer(lens, *each, frequencies) for each in _colours(lens, z_um)])


def relative_transfers(
    lens: AberratedLens, z_um: NDArray[np.float64], frequencies: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return what takes an image that a faultless lens saw in focus to `z_um` of this one.

    The division by the sharp transfer function is that of `wave.relative_kernels`, and so is what
    happens where nothing came through.

    Parameters
    ----------
    lens, z_um, frequencies
        As for `transfers`; the frequencies rise evenly from 0.

    Returns
    -------
    float32 (3, Z, F).

    Raises
    ------
    SettingsError
        As `transfers`.
    """
    faultless = replace(lens, spherical=0.0)
    colours = _colours(lens, z_um)
    top = np.stack([_transfer(lens, *colour, frequencies) for colour in colours])
    # cut at the same distance from the axis, so that in focus the quotient is 1
    sharp = [(um, np.zeros(1), v_max) for um, _, v_max in colours]
    under = np.stack([_transfer(faultless, *colour, frequencies) for colour in sharp])
    # over the plane each frequency counts as often as its circle is long
    overall = (top * under * frequencies).sum(axis=2) / (under**2 * frequencies).sum(axis=2)
    quotient = (top * under + _FAINT * overall[..., None]) / (under**2 + _FAINT)
    return np.asarray(quotient / quotient[..., :1], np.float32)


def _colours(
    lens: AberratedLens, z_um: NDArray[np.float64]
) -> list[tuple[float, NDArray[np.float64], int]]:
    """Return of each colour the wavelength, its own distances, and how far its light is looked at.

    The last is an optical distance: v = 2π NA r / λ.
    """
    objective, found = lens.objective, []
    for um, shift in zip(objective.wavelengths_um, objective.focal_shift_um, strict=True):
        own = z_um + shift
        farthest = float(np.abs(own).max(initial=0))
        rays = 2 * np.pi * objective.na / um * objective.blur_radius_um(farthest)
        # the aberration turns rays by its phase's slope, at the rim 2π · 12
        reach = rays + 24 * np.pi * abs(lens.spherical) + _MARGIN
        if not reach <= MAX_V:
            raise SettingsError(
                f"a defocus of {farthest:g} µm is too far for wave optics; stay closer to focus"
            )
        found.append((um, own, int(np.ceil(reach / 64)) * 64))
    return found


def _transfer(
    lens: AberratedLens,
    wavelength_um: float,
    z_um: NDArray[np.float64],
    v_max: int,
    frequencies: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return (Z, F) of one colour: from pupil to intensity to frequencies, twice by Hankel."""
    na, index = lens.objective.na, lens.objective.index
    rho, weights, v, bessel = hankel(v_max, _V_STEP)
    slope = (na * rho) ** 2
    path = -slope / (np.sqrt(index**2 - slope) + index)
    waves = np.outer(path, z_um / wavelength_um)
    waves += lens.spherical * (6 * rho**4 - 6 * rho**2 + 1)[:, None]
    field = (rho * weights)[:, None] * np.exp(2j * np.pi * waves)  # (R, Z)
    intensity = (bessel @ field.real) ** 2 + (bessel @ field.imag) ** 2  # (V, Z)
    ring = v * np.where(v == v[-1], 0.5, 1)
    ring[0] = _V_STEP / 12  # Euler and Maclaurin's term, for the integrand begins with a slope
    turns = np.outer(wavelength_um / na * frequencies, v)
    return np.asarray((j0(turns) @ (ring[:, None] * intensity) / (ring @ intensity)).T, np.float64)
