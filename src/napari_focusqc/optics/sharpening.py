"""The sharpening that scanners apply to what their camera saw.

Room: optics. Images in any real dtype in, float32 out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_focusqc.optics.limits import check_size


def unsharp_mask(image: NDArray[Any], amount: float, radius_px: float) -> NDArray[np.float32]:
    """Add to an image `amount` times what a Gaussian blur takes from it.

    A frequency of f cycles per px is multiplied by 1 + amount · (1 − exp(−2 (π σ f)²)): the level
    stays, the finest detail gains 1 + amount, and so does the noise.

    Parameters
    ----------
    image
        (…, H, W, C), any real dtype.
    amount
        0 or more; 0 leaves the image as it is.
    radius_px
        Standard deviation σ of the Gaussian, px, 0 or more. Borders are continued by reflection.

    Returns
    -------
    float32, the image's shape and unit, neither rounded nor clipped: dark edges get darker than
    black, and light ones lighter than white.

    Raises
    ------
    SettingsError
        The amount or the radius is negative or not finite.

    References
    ----------
    .. [1] Gonzalez and Woods, "Digital Image Processing", 4th edition, 2018, section 3.6.
    """
    check_size("amount of sharpening", amount)
    check_size("radius of sharpening", radius_px)
    plain = np.asarray(image, np.float32)
    if amount == 0 or radius_px == 0:
        return plain.copy()
    soft = gaussian_filter(plain, radius_px, axes=(-3, -2), mode="reflect")
    return np.asarray(plain + np.float32(amount) * (plain - soft), np.float32)
