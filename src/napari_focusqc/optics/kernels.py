"""Blur kernels of geometric optics and of Gauss, and an image convolved with one.

Room: optics. Arrays in, arrays out; sizes in px. Kernels of a real lens are in `wave`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from napari_focusqc.optics.limits import check_size


def bokeh_kernel(radius_px: float) -> NDArray[np.float32]:
    """Return the disk that geometric optics gives a point out of focus.

    Every pixel holds the exact area of the disk inside it, so the kernel is anti-aliased and
    changes smoothly with the radius. A radius up to 0.5 px lies within one pixel: the identity.

    Parameters
    ----------
    radius_px
        Radius of the disk, px, 0 or more.

    Returns
    -------
    float32 (2n + 1, 2n + 1), n = ⌈radius − 0.5⌉, sum 1, the disk's centre in the middle.

    Raises
    ------
    SettingsError
        The radius is negative or not finite.
    """
    check_size("radius", radius_px)
    n = max(int(np.ceil(radius_px - 0.5)), 0)
    if n == 0:
        return np.ones((1, 1), np.float32)
    edges: NDArray[np.float64] = np.arange(-n, n + 2) - np.float64(0.5)
    corner = _disk_area(edges[:, None], edges[None, :], radius_px)
    area = np.maximum(np.diff(np.diff(corner, axis=0), axis=1), 0)  # rounding may go below
    kernel: NDArray[np.float32] = (area / area.sum()).astype(np.float32)
    return kernel


def gaussian_kernel(sigma_px: float) -> NDArray[np.float32]:
    """Return a Gaussian sampled at pixel centres and cut off at 4 σ.

    Parameters
    ----------
    sigma_px
        Standard deviation, px, 0 or more; 0 is the identity.

    Returns
    -------
    float32 (2n + 1, 2n + 1), n = ⌊4 σ + 0.5⌋ as in `scipy.ndimage.gaussian_filter`, sum 1.

    Raises
    ------
    SettingsError
        The standard deviation is negative or not finite.
    """
    check_size("standard deviation", sigma_px)
    n = int(4 * sigma_px + 0.5)
    if n == 0:
        return np.ones((1, 1), np.float32)
    line = np.exp(-0.5 * (np.arange(-n, n + 1) / sigma_px) ** 2)
    line /= line.sum()
    return np.outer(line, line).astype(np.float32)


def blur(image: NDArray[Any], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve an image with a kernel through the FFT.

    The image is continued by reflection (the border pixel is repeated, scipy's "reflect"), as
    often as a kernel larger than the image needs. Channels are blurred one by one to save memory.

    Parameters
    ----------
    image
        (H, W) or (H, W, C), any real dtype.
    kernel
        float32 (2n + 1, 2m + 1); with sum 1 the mean is kept.

    Returns
    -------
    float32, the image's shape and unit, neither rounded nor clipped.
    """
    if kernel.shape == (1, 1):
        return np.asarray(image * kernel[0, 0], np.float32)
    pad = [(side // 2, side // 2) for side in kernel.shape]
    planes = image[..., None] if image.ndim == 2 else image
    result = np.empty(planes.shape, np.float32)
    for channel in range(planes.shape[2]):
        plane = np.pad(planes[..., channel].astype(np.float32), pad, "symmetric")
        result[..., channel] = fftconvolve(plane, kernel, mode="valid")
    return result[..., 0] if image.ndim == 2 else result


def _disk_area(
    y: NDArray[np.float64], x: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the signed area of the centred disk within [0, y] × [0, x]."""
    high, wide = np.minimum(abs(y), radius), np.minimum(abs(x), radius)
    flat = np.minimum(_chord(high, radius), wide)  # up to here the circle lies beyond `high`
    area = high * flat + _under_circle(wide, radius) - _under_circle(flat, radius)
    signed: NDArray[np.float64] = np.sign(y) * np.sign(x) * area
    return signed


def _under_circle(x: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return the integral of √(r² − t²) for t from 0 to x."""
    integral: NDArray[np.float64] = (
        x * _chord(x, radius) + radius**2 * np.arcsin(np.minimum(x / radius, 1))
    ) / 2
    return integral


def _chord(x: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Return √(r² − x²); rounding may leave a hair less than nothing under the root."""
    return np.asarray(np.sqrt(np.maximum(radius**2 - x**2, 0)), np.float64)
