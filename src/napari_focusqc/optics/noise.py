"""The noise of counting light.

Room: optics. Grey levels 0…255 in, grey levels out, not rounded.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.limits import check_size


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
    check_size("noise scale", scale)
    if scale == 0:
        return np.array(image, np.float32)
    expected = np.maximum(image, 0).astype(np.float64) / scale
    return np.asarray(rng.poisson(expected) * scale, np.float32)
