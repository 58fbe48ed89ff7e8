"""The noise of counting light, made and measured.

Room: optics. Grey levels 0…255; made noise is not rounded.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.limits import check_size

BLOCK_PX = 16
"""Side of the squares in which noise is measured."""

FLATTEST = 0.02
"""Share of the squares that count as flat."""

CLIPPED = (5, 250)
"""Squares whose mean luma lies outside lost noise to black or white."""

_LUMA = np.array([0.299, 0.587, 0.114])  # JPEG's, ITU-R BT.601
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6


def poisson_noise(
    image: NDArray[Any], scale: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Replace every value x by S · Poisson(x / S): the noise of counting light.

    The variance of a pixel is S · x, so S is the size of one counted quantum in the image's own
    unit. ConvFocus draws S between 0.01 and 64 without giving the unit. With grey levels 0…255,
    64 would drown every image (standard deviation 113 at x = 200); with 16-bit levels 0…65535,
    where one grey level of 8 bits is 257, the range is 0.09 to 7 grey levels at x = 200, as in
    real scanners. So we read the paper's S as 16-bit levels: S here = the paper's S / 257.

    What real fields say (`noise_scale`; tests/optics/test_noise.py computes it): the thirty fields
    of MoNuSeg measure 0.0002 to 0.13, half of them above 0.006, after the compression of their
    scanner; OS-1 measures 0.015, CMU-1 and OS-2 nothing. The same fields blurred, given S = 0.25
    and compressed at quality 80 measure 0.02; with S = 0.02 they measure 0.0014, hardly more
    than JPEG's own blocks do without noise, 0.0011. So the upper end of the paper's range,
    64 / 257 = 0.25, is what real fields ask for where nothing sharpens, and of what lies below
    0.02 compression leaves nothing to be seen.

    Parameters
    ----------
    image
        Grey levels 0…255, any shape; negative values count as 0.
    scale
        S, grey levels 0…255 per quantum; 0 adds no noise.
    rng
        Where the randomness comes from.

    Returns
    -------
    float32, the image's shape, neither rounded nor clipped.

    Raises
    ------
    SettingsError
        The scale is negative or not finite.
    """
    check_size("noise scale", scale)
    if scale == 0:
        return np.array(image, np.float32)
    expected = np.maximum(image, 0).astype(np.float64) / scale
    return np.asarray(rng.poisson(expected) * scale, np.float32)


def shot_noise(image: NDArray[Any], scale: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add noise as `poisson_noise` does, by a normal law: ten times as fast.

    Mean and variance are Poisson's; its skewness, √(S / x), is left out. With S up to 0.25 a
    grey level of 25 is 100 quanta or more, and the skewness below 0.1.

    Parameters
    ----------
    image, scale, rng
        As for `poisson_noise`.

    Returns
    -------
    float32, the image's shape, neither rounded nor clipped.

    Raises
    ------
    SettingsError
        The scale is negative or not finite.
    """
    check_size("noise scale", scale)
    light: NDArray[np.float32] = np.maximum(image, 0).astype(np.float32)
    if scale == 0:
        return light
    spread = np.sqrt(light * np.float32(scale))
    return np.asarray(light + spread * rng.standard_normal(light.shape, np.float32), np.float32)


def noise_scale(image: NDArray[np.uint8]) -> float:
    """Measure the S of `poisson_noise` in a real field, at its flattest places.

    Squares of 16 px are ranked by how much their grey levels vary in steps of 4 px, which noise of
    single pixels hardly moves; in the flattest fiftieth the noise is read with Immerkær's mask
    [1]_, which lets no plane through. Luma is looked at, because JPEG keeps it best, and the
    rounding to whole grey levels is taken off.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB, at least 64 px wide and high.

    Returns
    -------
    Variance over mean, grey levels 0…255 per quantum, 0 or more. Of a compressed field it is what
    JPEG left: less than the camera's own, and 0 where flat squares became wholly flat. Where no
    square is flat the texture of the tissue adds to it.

    Raises
    ------
    SettingsError
        The image is too small, or nothing in it is neither black nor white.

    References
    ----------
    .. [1] Immerkær, "Fast noise variance estimation", Comput Vis Image Underst 64(2), 1996.
    """
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 4 * BLOCK_PX:
        raise SettingsError(
            f"noise is asked of an image of shape {image.shape}; give RGB of at least "
            f"{4 * BLOCK_PX} × {4 * BLOCK_PX} px"
        )
    height, width = (side // BLOCK_PX * BLOCK_PX for side in image.shape[:2])
    cropped = image[:height, :width]
    luma = cropped @ _LUMA
    flat = _flat_squares(luma)
    residual = _squares(convolve(luma, _IMMERKAER, mode="reflect"), BLOCK_PX)[flat]
    light = _squares(cropped @ _LUMA**2, BLOCK_PX)[flat]  # Var(luma) = S Σ w² x
    variance = float((residual**2).mean() - (_LUMA**2).sum() / 12)
    return max(variance / float(light.mean()), 0.0)


def _flat_squares(luma: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the flattest of the squares that are neither black nor white."""
    level = _squares(luma, BLOCK_PX).mean(axis=1)
    unclipped = (level > CLIPPED[0]) & (level < CLIPPED[1])
    if not unclipped.any():
        raise SettingsError("the image is black or white all over; give one that shows tissue")
    coarse = _squares(luma, 4).mean(axis=1).reshape(luma.shape[0] // 4, luma.shape[1] // 4)
    unrest = _squares(coarse, BLOCK_PX // 4).var(axis=1)
    marked: NDArray[np.bool_] = unclipped & (unrest <= np.quantile(unrest[unclipped], FLATTEST))
    return marked


def _squares(plane: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return (N, side²) pixels of the squares that a plane falls into, row by row."""
    height, width = plane.shape
    parts = plane.reshape(height // side, side, width // side, side)
    return parts.swapaxes(1, 2).reshape(-1, side * side)
