"""How near each pixel of an image is to the centre of a nucleus.

Room: inference. Gets pixels, gives proximity; finds no peaks, opens no slide.

MicroNet was trained on patches of 200 px whose channels had lost their mean and were divided by
their standard deviation [1]_. On a slide the patch is the square of that side around each pixel: so
a pixel's proximity does not depend on how the slide is cut, and no cut is seen in it.

References
----------
.. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images", BMC
   Bioinformatics 20:472, 2019, “Implementation details”.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from napari_focusqc.models.micronet import MicroNet

PATCH_PX = 201
"""Side of the square that a pixel's mean and standard deviation are of; odd, so it has a middle."""
LEAST_STD = 1.0
"""Grey levels. Glass varies less than tissue, and its noise shall not be made tissue's contrast."""


def locally_standardised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Subtract from each pixel the mean around it, and divide by the standard deviation there.

    Parameters
    ----------
    pixels
        uint8 (h, w, 3); beyond its border it is continued by reflection.

    Returns
    -------
    float32 (3, h, w).
    """
    channels = np.ascontiguousarray(np.moveaxis(pixels, 2, 0), np.float64)
    mean, square = _mean_around(channels), _mean_around(channels**2)
    deviation = np.sqrt(np.maximum(square - mean**2, LEAST_STD**2))
    return ((channels - mean) / deviation).astype(np.float32)


def _mean_around(channels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the patch around each pixel."""
    down = uniform_filter1d(channels, PATCH_PX, axis=1, mode="mirror")
    return np.asarray(uniform_filter1d(down, PATCH_PX, axis=2, mode="mirror"))


def proximity_of(network: MicroNet, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Predict the proximity of every pixel of an image.

    Parameters
    ----------
    network
        From `load_micronet`.
    pixels
        uint8 (h, w, 3), RGB at the weights' µm/px, at least 16 px each way.

    Returns
    -------
    float32 (h, w), 0 to about 1.
    """
    device = next(network.parameters()).device
    image = torch.from_numpy(locally_standardised(pixels))[None].to(device)
    with torch.inference_mode():
        found = network(image.contiguous(memory_format=torch.channels_last))
    return np.asarray(found[0].float().cpu().numpy())
