"""What a camera makes of a blurred image: noise, then whole grey levels, then JPEG.

Room: optics. The steps in their order; each step has a module of its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.compression import jpeg
from napari_focusqc.optics.kernels import blur
from napari_focusqc.optics.noise import poisson_noise


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
