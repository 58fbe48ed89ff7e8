"""Convolutions of any size as products of rows of pixels and filters, compiled; and poolings.

Room: inference. Channels last, a row of a window is one piece of memory, so nothing is copied into
windows first. All float32; what a pixel becomes depends neither on the batch nor on the thread.
"""

from typing import cast

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, from_numpy, nn
from torch.nn.functional import max_pool2d, pad

from napari_focusqc.inference.llvm_code import LANES
from napari_focusqc.inference.llvm_vectors import FILTERS, ROWS, finished_product, greatest


class DirectConvolution(nn.Module):
    """A convolution, what follows it included, for scoring on the CPU.

    Parameters
    ----------
    convolution
        As `fits` says.
    relu, norm
        As for `WinogradConvolution`.
    """

    def __init__(
        self, convolution: nn.Conv2d, *, relu: bool = False, norm: nn.BatchNorm2d | None = None
    ) -> None:
        super().__init__()
        self._padding = cast("int", convolution.padding[0])
        self._step, self._side = convolution.stride[0], convolution.kernel_size[0]
        after = [nn.ReLU()] if relu else []
        self._plain = nn.Sequential(convolution, *after, *([norm] if norm else []))
        self._filters = rows_of(convolution.weight.detach().numpy())
        self._after = after_convolution(convolution, relu, norm)

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
            and layer.out_channels % FILTERS == 0
        )

    def forward(self, images: Tensor) -> Tensor:
        """Convolve, float32 (B, C, h, w) → (B, K, h', w'), channels last in memory.

        Torch does it where w' is below 6.
        """
        zeros = (0, 0, *(self._padding,) * 4)
        pixels = pad(images.permute(0, 2, 3, 1), zeros).contiguous().numpy()
        down, across = ((side - self._side) // self._step + 1 for side in pixels.shape[1:3])
        if across < ROWS:
            return cast("Tensor", self._plain(images))
        found = np.empty((len(pixels), down, across, self._after.shape[1]), np.float32)
        _convolve(pixels, self._filters, self._after, (self._step, self._side), found)
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
        pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
        count, height, width, channels = pixels.shape
        if channels < LANES:
            return max_pool2d(images, self._side, self._step)
        down, across = ((side - self._side) // self._step + 1 for side in (height, width))
        found = np.empty((count, down, across, channels), np.float32)
        _pool(pixels, self._side, self._step, found)
        return from_numpy(found).permute(0, 3, 1, 2)


def after_convolution(
    convolution: nn.Conv2d, relu: bool, norm: nn.BatchNorm2d | None
) -> NDArray[np.float32]:
    """Return what is done with a convolution's results.

    Returns
    -------
    float32 (4, filters rounded up to 16): bias, lowest value, and then a scale and a shift.
    """
    filters = convolution.out_channels
    after = np.zeros((4, -(-filters // FILTERS) * FILTERS), np.float32)
    if convolution.bias is not None:
        after[0, :filters] = convolution.bias.detach().numpy()
    after[1] = 0 if relu else -np.inf
    after[2] = 1
    if norm is not None:
        mean, variance = (norm.get_buffer(f"running_{name}").numpy() for name in ("mean", "var"))
        scale = norm.weight.detach().numpy() / np.sqrt(variance + norm.eps)
        after[2, :filters] = scale
        after[3, :filters] = norm.bias.detach().numpy() - mean * scale
    return after


def rows_of(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay filters, (K, C, n, n), out as (blocks of 16 filters, n n C, 16)."""
    rows = weight.transpose(2, 3, 1, 0).reshape(-1, len(weight) // FILTERS, FILTERS)
    return np.ascontiguousarray(rows.transpose(1, 0, 2))


@njit(nogil=True, cache=True)
def _convolve(images, filters, after, size, found):  # type: ignore[no-untyped-def]
    """Convolve.

    Parameters
    ----------
    images
        float32 (B, h, w, C), with the zeros around them.
    filters, after
        From `rows_of` and `after_convolution`.
    size
        Px from window to window, side of a window.
    found
        float32 (B, h', w', K), filled; w' is 6 or more.
    """
    step, side = size
    _, height, width, channels = images.shape
    count, down, across, wide = found.shape
    pieces = (side, width * channels, side * channels)
    for image in range(count):
        for y in range(down):
            begin = (image * height + y * step) * width
            for left in range(0, across, ROWS):
                # the last six may be some of those before
                x = min(left, across - ROWS)
                rows = ((begin + x * step) * channels, step * channels)
                to = ((image * down + y) * across + x) * wide
                for first in range(0, wide, FILTERS):
                    block = first * filters.shape[1]
                    places = (rows, pieces, block, first, (to + first, wide))
                    finished_product(images, filters, after, found, places)


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
