"""Stacks of tissue that is too thick to be in focus all at once.

Room: optics. A sharp field is taken apart into layers, each with what lies at its height; every
plane of a stack sees each layer through the lens at its own distance. By Beer and Lambert's law the
shares of light that layers let through are multiplied. That one layer scatters what the next one
gets is left out, and so is that a depth in the medium is a smaller travel of the stage: all heights
are those of the stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.limits import check_size
from napari_focusqc.optics.transfer import AberratedLens, relative_transfers

LAYER_UM = 1.0
"""Greatest distance between layers: about the depth of field, so that a stack shows none singly."""
STRUCTURE_UM = 5.0
"""What lies closer together than this is of one height: a nucleus does not fall apart."""
MAX_THICKNESS_UM = 50.0
FREQUENCIES = 512
"""Samples of a transfer function from 0 to the highest frequency of the image."""

_FINE = 8192
"""As many are looked up; what lies between the samples is a cubic spline."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Tissue in layers.

    Parameters
    ----------
    light
        float32 (K, H, W, 3), share of the light that each layer lets through, above 0 to 1; the
        product of all is the sharp field.
    heights_um
        float64 (K,), height of each layer, µm, rising from 0.
    """

    light: NDArray[np.float32]
    heights_um: NDArray[np.float64]


def relief(
    shape: tuple[int, int], thickness_um: float, mpp: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw the height of every pixel of a field: smooth, and each height as likely as another.

    Parameters
    ----------
    shape
        (height, width), px.
    thickness_um
        Of the section, µm, 0 to `MAX_THICKNESS_UM`.
    mpp
        µm/px.
    rng
        Where it comes from.

    Returns
    -------
    float32 (height, width), µm, 0 to the thickness.

    Raises
    ------
    SettingsError
        The thickness lies outside its range.
    """
    check_size("thickness", thickness_um)
    if thickness_um > MAX_THICKNESS_UM:
        raise SettingsError(
            f"the tissue is {thickness_um} µm thick; it must be at most {MAX_THICKNESS_UM:g} µm"
        )
    grain = rng.standard_normal(shape, np.float32)
    noise = gaussian_filter(grain, STRUCTURE_UM / mpp, mode="wrap", truncate=3)
    noise -= noise.mean()
    return np.asarray(thickness_um * ndtr(noise / noise.std()), np.float32)


def section(field: NDArray[np.uint8], height_um: NDArray[np.float32]) -> Section:
    """Take a field apart.

    A pixel between two layers has a part in both, by its distance from each.

    Parameters
    ----------
    field
        Sharp, uint8 (H, W, 3); 255 is clear glass.
    height_um
        (H, W), from `relief`.
    """
    highest = float(height_um.max())
    count = int(np.ceil(highest / LAYER_UM)) + 1
    heights = np.linspace(0, highest, count)
    density = -np.log(np.maximum(field, 1).astype(np.float32) / 255)
    place = height_um * ((count - 1) / highest) if highest else height_um
    shares = (np.maximum(1 - np.abs(place - layer), 0) for layer in range(count))
    return Section(np.stack([np.exp(-share[..., None] * density) for share in shares]), heights)


def stack(
    tissue: Section, lens: AberratedLens, z_um: Sequence[float], mpp: float
) -> NDArray[np.float32]:
    """Return what the lens sees in each plane.

    Parameters
    ----------
    tissue
        From `section`. What leaves an image on one side comes in on the other, so give a margin
        as wide as the blur, and cut it off.
    lens
        The lens.
    z_um
        Heights of the planes, µm, on the section's scale.
    mpp
        µm/px.

    Returns
    -------
    float32 (Z, H, W, 3), grey levels 0…255 and a little beyond, not rounded.

    Raises
    ------
    SettingsError
        A plane is too far away for wave optics.
    """
    count, height, width = tissue.light.shape[:3]
    radius = np.hypot(fft.fftfreq(height, mpp)[:, None], fft.rfftfreq(width, mpp))
    frequencies = np.linspace(0, radius.max(), FREQUENCIES)
    nearest = np.rint(radius * ((_FINE - 1) / radius.max())).astype(np.intp)
    away = np.subtract.outer(np.asarray(z_um, float), tissue.heights_um)  # (Z, K)
    tables = relative_transfers(lens, away.ravel(), frequencies)
    fine = CubicSpline(frequencies, tables, axis=2)(np.linspace(0, radius.max(), _FINE))
    by_colour = fine.astype(np.float32).reshape(3, len(away), count, _FINE)
    planes = np.full((len(away), 3, height, width), 255, np.float32)
    for channel, of_planes in enumerate(by_colour):
        spectra = fft.rfft2(tissue.light[..., channel], axes=(1, 2))
        for plane, of_layers in zip(planes, of_planes, strict=True):
            for spectrum, table in zip(spectra, of_layers, strict=True):
                plane[channel] *= fft.irfft2(spectrum * table[nearest], (height, width))
    return np.moveaxis(planes, 1, 3)


def focus_height_um(field: NDArray[np.uint8], height_um: NDArray[np.float32]) -> float:
    """Say at which height a part of a field is in focus: the mean over its edges.

    Every pixel counts by the squared slope of the luma there, for edges are what blur takes.

    Parameters
    ----------
    field
        Sharp, uint8 (H, W, 3).
    height_um
        (H, W), from `relief`.

    Returns
    -------
    µm; the plain mean where the field has no edges.
    """
    slopes = np.gradient(field.mean(axis=2, dtype=np.float32))
    weight = slopes[0] ** 2 + slopes[1] ** 2
    return float(np.average(height_um, weights=weight if weight.any() else None))
