"""What JPEG takes from an image.

Room: optics. Written and read back in memory; knows no file.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import SettingsError


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
