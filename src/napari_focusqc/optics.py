"""Blur, sensor noise and JPEG loss made on purpose, and ConvFocus's classes of defocus.

Room: optics. Arrays in, arrays out; knows neither slides nor networks.
"""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.signal import fftconvolve

from napari_focusqc.errors import SettingsError

CLASS_MPP = 0.25
"""µm/px at which ConvFocus's table of radii is given."""

OOF_CLASSES = 30
"""Class 0 is in focus, 29 the strongest defocus."""

_FIRST_RADIUS_PX, _LAST_RADIUS_PX = 1.4, 200.0
_FIRST_SIGMA_PX, _LAST_SIGMA_PX = 0.926, 132.0


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
    _check_size("radius", radius_px)
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
    _check_size("standard deviation", sigma_px)
    n = int(4 * sigma_px + 0.5)
    if n == 0:
        return np.ones((1, 1), np.float32)
    line = np.exp(-0.5 * (np.arange(-n, n + 1) / sigma_px) ** 2)
    line /= line.sum()
    return np.outer(line, line).astype(np.float32)


def radius_range(oof_class: int, mpp: float = CLASS_MPP) -> tuple[float, float]:
    """Return the bokeh radii that make up an out-of-focus class.

    Parameters
    ----------
    oof_class
        0 (in focus) to 29.
    mpp
        µm/px of the image to be blurred; a class keeps its radius in µm.

    Returns
    -------
    Smallest and largest radius, px of that image; (0, 0) for class 0.

    Raises
    ------
    SettingsError
        There is no such class.

    References
    ----------
    .. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019.
    """
    return _class_range(oof_class, mpp, _FIRST_RADIUS_PX, _LAST_RADIUS_PX)


def sigma_range(oof_class: int, mpp: float = CLASS_MPP) -> tuple[float, float]:
    """Return the Gaussian standard deviations of a class, px; otherwise as `radius_range`."""
    return _class_range(oof_class, mpp, _FIRST_SIGMA_PX, _LAST_SIGMA_PX)


def oof_class_of_radius(radius_um: ArrayLike) -> NDArray[np.int64]:
    """Return the out-of-focus class of bokeh radii.

    Radii below class 1 (0.35 µm) count as in focus, radii beyond class 29 (50 µm) as class 29;
    a radius on a boundary belongs to the higher class.

    Parameters
    ----------
    radius_um
        Radius of the blur disk, µm in the plane of the specimen, any shape.

    Returns
    -------
    int64, the shape of `radius_um`, 0 to 29.
    """
    lows = [radius_range(c)[0] for c in range(1, OOF_CLASSES)]
    return np.asarray(np.digitize(np.asarray(radius_um) / CLASS_MPP, lows), np.int64)


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


def poisson_noise(
    image: NDArray[Any], scale: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Replace every value x by S · Poisson(x / S): the noise of counting light.

    The variance of a pixel is S · x, so S is the size of one counted quantum in the image's own
    unit. ConvFocus draws S between 0.01 and 64 without giving the unit. With grey levels 0…255,
    64 would drown every image (standard deviation 113 at x = 200); with 16-bit levels 0…65535,
    where one grey level of 8 bits is 257, the range is 0.09 to 7 grey levels at x = 200, as in
    real scanners. So we read the paper's S as 16-bit levels: S here = the paper's S / 257.

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
    _check_size("noise scale", scale)
    if scale == 0:
        return np.array(image, np.float32)
    expected = np.maximum(image, 0).astype(np.float64) / scale
    return np.asarray(rng.poisson(expected) * scale, np.float32)


def jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Write an image as JPEG in memory and read it back.

    Parameters
    ----------
    image
        uint8 (H, W) or (H, W, 3), RGB; colour is stored at half resolution (4:2:0).
    quality
        1 to 95, on libjpeg's scale.

    Returns
    -------
    uint8, the image's shape.

    Raises
    ------
    SettingsError
        The quality is outside its range.
    """
    if not 1 <= quality <= 95:
        raise SettingsError(f"the JPEG quality is {quality}; it must lie between 1 and 95")
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(buffer) as decoded:
        return np.array(decoded, np.uint8)


def degrade(
    image: NDArray[Any],
    kernel: NDArray[np.float32],
    noise_scale: float,
    quality: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Blur, then add noise, then compress: the order of a microscope, and of ConvFocus.

    Parameters
    ----------
    image
        Grey levels 0…255, (H, W) or (H, W, 3).
    kernel, noise_scale, quality, rng
        For `blur`, `poisson_noise` and `jpeg`.

    Returns
    -------
    uint8, the image's shape.
    """
    noisy = poisson_noise(blur(image, kernel), noise_scale, rng)
    return jpeg(to_uint8(noisy), quality)


def to_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Round to whole grey levels and clip to 0…255."""
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


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


def _class_range(oof_class: int, mpp: float, first: float, last: float) -> tuple[float, float]:
    """Return one row of ConvFocus's table, whose sizes are `first`…`last` px at 0.25 µm/px."""
    if not 0 <= oof_class < OOF_CLASSES:
        raise SettingsError(
            f"there is no out-of-focus class {oof_class}; they run from 0 to {OOF_CLASSES - 1}"
        )
    if oof_class == 0:
        return 0.0, 0.0
    scale = CLASS_MPP / mpp
    low = first * float(np.exp(3 * (oof_class - 1) / 28))
    high = last if oof_class == OOF_CLASSES - 1 else first * float(np.exp(3 * oof_class / 28))
    return low * scale, high * scale


def _check_size(what: str, value: float) -> None:
    """Refuse what is negative or not finite."""
    if not 0 <= value < np.inf:
        raise SettingsError(f"the {what} is {value}; it must be 0 or more and finite")
