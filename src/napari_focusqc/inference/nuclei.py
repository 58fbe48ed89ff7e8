"""How near each pixel of an image is to the centre of a nucleus.

Room: inference. Gets pixels, gives proximity; finds no peaks, opens no slide.

The paper [1]_ takes from each channel of a patch its mean and divides by its standard deviation.
Here an image is what light is missing, from 0 (none, glass) to 1: a pixel's proximity then depends
on nothing beyond the receptive field, however a slide is cut, and the zeros that convolutions add
beyond a border read as glass. Stains and lights are learned instead (`training.nucleus_crops`).

References
----------
.. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images", BMC
   Bioinformatics 20:472, 2019, “Implementation details”.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def missing_light(image: NDArray[Any]) -> NDArray[np.float32]:
    """Turn grey levels into the share of the light that is missing, channels first.

    Parameters
    ----------
    image
        (h, w, 3), RGB, 0 to 255.

    Returns
    -------
    float32 (3, h, w), 0 where nothing takes light away, to 1.
    """
    channels = np.ascontiguousarray(np.moveaxis(image, 2, 0), np.float32)
    return np.asarray((np.float32(255) - channels) / np.float32(255), np.float32)


def proximity_of(
    network: nn.Module,
    pixels: NDArray[np.uint8],
    device: torch.device | None = None,
    part: tuple[slice, slice] | None = None,
) -> NDArray[np.float32]:
    """Predict the proximity of every pixel of an image, or of a part of it.

    Parameters
    ----------
    network
        From `load_micronet`.
    pixels
        uint8 (h, w, 3), RGB at the weights' µm/px, at least 16 px each way.
    device
        Where the network is; None asks its parameters, which a compiled network need not have.
    part
        Rows and columns that are wanted, at less work than all of them.

    Returns
    -------
    float32 (h, w), or as large as the part; 0 to about 1.
    """
    device = device or next(network.parameters()).device
    image = torch.from_numpy(missing_light(pixels))[None].to(device)
    with torch.inference_mode():
        found = network(image.contiguous(memory_format=torch.channels_last), part)
    return np.asarray(found[0].float().cpu().numpy())
