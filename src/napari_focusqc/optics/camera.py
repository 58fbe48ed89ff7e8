"""What a scanner makes of a blurred image: noise, sharpening, colour, grey levels, JPEG.

Room: optics. The steps in their order; each step has a module of its own. `degrade` is
ConvFocus's camera, `expose` a scanner's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.colour import Colour, recolour
from napari_focusqc.optics.compression import jpeg
from napari_focusqc.optics.kernels import blur
from napari_focusqc.optics.noise import poisson_noise, shot_noise
from napari_focusqc.optics.sharpening import unsharp_mask


@dataclass(frozen=True, slots=True)
class Camera:
    """A scanner after its lens.

    Parameters
    ----------
    noise_scale
        S of `shot_noise`, grey levels per quantum.
    sharpening, sharpening_px
        Amount and radius of `unsharp_mask`.
    colour
        For `recolour`.
    quality, subsampling
        For `jpeg`; a quality of None leaves the pixels uncompressed.
    """

    noise_scale: float = 0.0
    sharpening: float = 0.0
    sharpening_px: float = 1.0
    colour: Colour = Colour()
    quality: int | None = 90
    subsampling: str = "4:2:0"


def expose(blurred: NDArray[Any], camera: Camera, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn what the lens gave into the pixels that a scanner's file holds.

    Noise, sharpening, colour, JPEG, in this order: noise is not blurred, sharpening lifts it, and
    JPEG takes the finest of it away again. After noise and after sharpening grey levels are cut to
    0…255, as in a scanner.

    Parameters
    ----------
    blurred
        Grey levels 0…255, (H, W, 3), from `kernels.blur` or `wave.blur_channels`.
    camera
        The scanner.
    rng
        Where the noise comes from; nothing else is random.

    Returns
    -------
    uint8 (H, W, 3).

    Raises
    ------
    SettingsError
        A value of the camera makes no sense.
    """
    noisy = np.clip(shot_noise(blurred, camera.noise_scale, rng), 0, 255)
    sharp = np.clip(unsharp_mask(noisy, camera.sharpening, camera.sharpening_px), 0, 255)
    seen = to_uint8(recolour(sharp, camera.colour))
    return seen if camera.quality is None else jpeg(seen, camera.quality, camera.subsampling)


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
