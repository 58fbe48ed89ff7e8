"""Transposed convolutions whose kernel is as wide as their stride, compiled.

Room: inference. Each pixel makes a square of pixels of its own: a convolution of 1 × 1 px for each
place in the square. All float32.
"""

import numpy as np
from torch import Tensor, nn

from napari_focusqc.inference.direct import channels_last, convolve, rows_of
from napari_focusqc.inference.endings import Ending


class TransposedConvolution:
    """A transposed convolution, what follows it included, for scoring on the CPU.

    Parameters
    ----------
    convolution
        Its kernel is a square, its channels are a multiple of 8, it has no padding and one group.
    last
        What follows.
    """

    def __init__(self, convolution: nn.ConvTranspose2d, last: Ending) -> None:
        self._step, self._channels = convolution.stride[0], convolution.out_channels
        weight = convolution.weight.detach().numpy().transpose(1, 0, 2, 3)
        places = np.ndindex(*convolution.kernel_size)
        self._filters = np.stack([rows_of(weight[:, :, y : y + 1, x : x + 1]) for y, x in places])
        self._last = last

    def into(self, images: Tensor, found: Tensor) -> None:
        """Convolve, float32 (B, C, h, w) → the first K of `found`'s channels.

        Parameters
        ----------
        images
            float32 (B, C, h, w).
        found
            float32 (B, K or more, h', w'), channels last in memory. Its lower and right border,
            less than a stride wide, that no pixel reaches is left as it is.
        """
        size = (1, 1, 0, self._step, self._channels)
        convolve(
            channels_last(images),
            self._filters,
            self._last,
            size,
            found.permute(0, 2, 3, 1).numpy(),
        )
