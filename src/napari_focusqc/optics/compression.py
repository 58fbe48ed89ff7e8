"""What JPEG takes from an image.

Room: optics. Written and read back in memory; knows no file.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import SettingsError

SUBSAMPLINGS = ("4:2:0", "4:2:2", "4:4:4")
"""Colour stored at half the resolution both ways, across only, or at full resolution."""


def jpeg(image: NDArray[np.uint8], quality: int, subsampling: str = "4:2:0") -> NDArray[np.uint8]:
    """Write an image as JPEG in memory and read it back.

    Parameters
    ----------
    image
        uint8 (H, W) or (H, W, 3), RGB.
    quality
        1 to 95, on libjpeg's scale.
    subsampling
        How colour is stored: one of `SUBSAMPLINGS`.

    Returns
    -------
    uint8, the image's shape.

    Raises
    ------
    SettingsError
        The quality is outside its range, or there is no such subsampling.
    """
    if not 1 <= quality <= 95:
        raise SettingsError(f"the JPEG quality is {quality}; it must lie between 1 and 95")
    if subsampling not in SUBSAMPLINGS:
        raise SettingsError(
            f"there is no JPEG subsampling {subsampling!r}; there are: {', '.join(SUBSAMPLINGS)}"
        )
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    with Image.open(buffer) as decoded:
        return np.array(decoded, np.uint8)
