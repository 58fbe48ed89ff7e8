"""Convolutions of any size as products of rows of pixels and filters, compiled; and poolings.

Room: inference. Channels last, a row of a window is one piece of memory, so nothing is copied into
windows first, but at borders. All float32; what a pixel becomes depends neither on the batch nor on
the thread.
"""

from typing import cast

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, from_numpy, nn
from torch.nn.functional import max_pool2d

from napari_focusqc.inference.buffers import MAPS
from napari_focusqc.inference.endings import Ending
from napari_focusqc.inference.llvm_code import FILTERS, HALVES, LANES
from napari_focusqc.inference.llvm_vectors import ROWS, finished_product, greatest


class DirectConvolution(nn.Module):
    """A convolution, what follows it included, for scoring on the CPU.

    Parameters
    ----------
    convolution
        As `fits` says.
    last
        What follows.
    """

    def __init__(self, convolution: nn.Conv2d, last: Ending) -> None:
        super().__init__()
        self._padding = cast("int", convolution.padding[0])
        self._step, self._side = convolution.stride[0], convolution.kernel_size[0]
        self._filters = rows_of(convolution.weight.detach().numpy())[None]
        self._channels, self._last = convolution.out_channels, last

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        """Say whether a layer is a convolution that can be done this way."""
        return (
            isinstance(layer, nn.Conv2d)
            and len({*layer.kernel_size}) == len({*layer.stride}) == 1
            and layer.dilation == (1, 1)
            and layer.groups == 1
            and isinstance(layer.padding, tuple)
            and len({*layer.padding}) == 1
            and layer.padding_mode == "zeros"
            and layer.out_channels % LANES == 0
        )

    def forward(self, images: Tensor) -> Tensor:
        """Convolve, float32 (B, C, h, w) → (B, K, h', w'), channels last in memory."""
        pixels = channels_last(images)
        less = self._side - 2 * self._padding
        down, across = ((side - less) // self._step + 1 for side in pixels.shape[1:3])
        found = MAPS.take(len(pixels), down, across, self._channels)
        size = (self._step, self._side, self._padding, 1, self._channels)
        convolve(pixels, self._filters, self._last, size, found)
        return from_numpy(found).permute(0, 3, 1, 2)


class MaxPool(nn.Module):
    """A maximum pooling, for scoring on the CPU.

    Parameters
    ----------
    layer
        As `fits` says.
    """

    def __init__(self, layer: nn.MaxPool2d) -> None:
        super().__init__()
        self._side, self._step = cast("int", layer.kernel_size), cast("int", layer.stride)

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        """Say whether a layer is a pooling that can be done this way."""
        return (
            isinstance(layer, nn.MaxPool2d)
            and isinstance(layer.kernel_size, int)
            and isinstance(layer.stride, int)
            and (layer.padding, layer.dilation) == (0, 1)
            and not (layer.ceil_mode or layer.return_indices)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Pool, float32 (B, C, h, w) → (B, C, h', w'), channels last in memory.

        Torch does it where there are fewer than eight channels.
        """
        pixels = channels_last(images)
        count, height, width, channels = pixels.shape
        if channels < LANES:
            return max_pool2d(images, self._side, self._step)
        down, across = ((side - self._side) // self._step + 1 for side in (height, width))
        found = np.empty((count, down, across, channels), np.float32)
        _pool(pixels, self._side, self._step, found)
        return from_numpy(found).permute(0, 3, 1, 2)


def channels_last(images: Tensor) -> NDArray[np.float32]:
    """Return (B, C, h, w) as (B, h, w, C), in one piece."""
    return cast("NDArray[np.float32]", images.permute(0, 2, 3, 1).contiguous().numpy())


def rows_of(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay filters, (K, C, n, n), out as (blocks of 16 filters, n n C, 16), the last with zeros."""
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight))
    whole = np.pad(rows, ((0, 0), (0, -len(weight) % FILTERS)))
    return np.ascontiguousarray(whole.reshape(len(rows), -1, FILTERS).transpose(1, 0, 2))


@njit(nogil=True)
def _at_border(images, filters, last, place, size, found):  # type: ignore[no-untyped-def]
    """Convolve six windows by way of a patch, zeros beyond the image; place: as in `_row`, left."""
    image, y, number, left = place
    step, side, padding, spread, wide = size
    _, height, width, channels = images.shape
    top, start = y * step - padding, left * step - padding
    patch = np.zeros((side, (ROWS - 1) * step + side, channels), np.float32)
    for down in range(max(-top, 0), min(side, height - top)):
        for across in range(max(-start, 0), min(patch.shape[1], width - start)):
            for c in range(channels):
                patch[down, across, c] = images[image, top + down, start + across, c]
    down, beside = divmod(number, spread)
    row, some = y * spread + down, min(ROWS, found.shape[2] // spread - left)
    done = np.zeros((ROWS, wide), np.float32)
    for six in range(some):
        for k in range(wide):
            done[six, k] = found[image, row, (left + six) * spread + beside, k]
    along = (side, patch.shape[1] * channels, side * channels)
    for first in range(0, wide, FILTERS):
        block = (number * filters.shape[1] + first // FILTERS) * filters.shape[2] * FILTERS
        there = (first, wide, min(HALVES, (wide - first) // LANES))
        places = ((0, step * channels), along, block, first, there)
        finished_product(patch, filters, last, done, places)
    for six in range(some):
        for k in range(wide):
            found[image, row, (left + six) * spread + beside, k] = done[six, k]


@njit(nogil=True)
def _row(images, filters, last, place, size, found):  # type: ignore[no-untyped-def]
    """Convolve a row of windows with one set of filters; place: image, row, number of the set."""
    image, y, number = place
    step, side, padding, spread, wide = size
    _, height, width, channels = images.shape
    _, bottom, right, deep = found.shape
    down, beside = divmod(number, spread)
    top, across = y * step - padding, right // spread
    level = top >= 0 and top + side <= height
    along = (side, width * channels, side * channels)
    for left in range(0, across, ROWS):
        start = left * step - padding
        inside = start >= 0 and start + (ROWS - 1) * step + side <= width
        if not (level and inside and left + ROWS <= across):
            _at_border(images, filters, last, (image, y, number, left), size, found)
            continue
        rows = (((image * height + top) * width + start) * channels, step * channels)
        to = (((image * bottom + y * spread + down) * right) + left * spread + beside) * deep
        for first in range(0, wide, FILTERS):
            block = (number * filters.shape[1] + first // FILTERS) * filters.shape[2] * FILTERS
            there = (to + first, spread * deep, min(HALVES, (wide - first) // LANES))
            finished_product(images, filters, last, found, (rows, along, block, first, there))


@njit(nogil=True, cache=True)
def convolve(images, filters, last, size, found):  # type: ignore[no-untyped-def]
    """Convolve.

    Parameters
    ----------
    images
        float32 (B, h, w, C).
    filters
        Sets from `rows_of`, s² of them: (s², blocks, n n C, 16).
    last
        What comes after, an `Ending`.
    size
        Px from window to window, side n of a window, rows and columns of zeros around the images,
        side s of the square of pixels that a window makes, filters K (a multiple of 8).
    found
        float32 (B, h', w', K or more): of ⌊h' / s⌋ × ⌊w' / s⌋ squares K channels are filled.
    """
    spread = size[3]
    for image in range(len(found)):
        for y in range(found.shape[1] // spread):
            for number in range(spread * spread):
                _row(images, filters, last, (image, y, number), size, found)


@njit(nogil=True, cache=True)
def _pool(images, side, step, found):  # type: ignore[no-untyped-def]
    """Find maxima, float32 (B, h, w, C) → `found`, (B, h', w', C)."""
    count, down, across, channels = found.shape
    _, height, width, _ = images.shape
    for image in range(count):
        for y in range(down):
            for x in range(across):
                at = ((image * height + y * step) * width + x * step) * channels
                to = ((image * down + y) * across + x) * channels
                for first in range(0, channels, LANES):
                    # the last eight may be some of those before
                    c = min(first, channels - LANES)
                    window = (at + c, width * channels, channels)
                    greatest(images, found, (window, side, to + c))
