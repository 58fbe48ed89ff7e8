"""Convolutions of 3 × 3 px with a quarter of the multiplications, compiled.

Room: inference. A network's layers in, faster layers out. Lavin and Gray, "Fast algorithms for
convolutional neural networks", CVPR 2016, section 4.1: F(4 × 4, 3 × 3). Windows of 6 × 6 px, 4 px
apart, become 36 numbers per channel (Bᵀ d B); each of the 36 is multiplied by its own matrix,
channels → filters; 16 results come back (Aᵀ m A). All of it is float32, and a window's results do
not depend on the others, so neither the batch nor the thread changes a bit.

The compiler is told what to do with eight channels at once (`llvm_vectors`); it makes of it what
the processor has: AVX2, AVX-512, NEON.
"""

from typing import cast

import numpy as np
from numba import njit
from numpy.typing import NDArray
from torch import Tensor, from_numpy, nn

from napari_focusqc.inference.buffers import MAPS
from napari_focusqc.inference.direct import channels_last
from napari_focusqc.inference.endings import Ending
from napari_focusqc.inference.llvm_code import FILTERS, LANES
from napari_focusqc.inference.llvm_vectors import (
    PLACES,
    ROWS,
    SIDE,
    STEP,
    product,
    to_filters,
    to_pixels,
)

WINDOWS = 2 * ROWS
"""Windows that are multiplied together; what they take, filters included, stays in the cache."""

_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24


class WinogradConvolution(nn.Module):
    """A convolution of 3 × 3 px, what follows it included, for scoring on the CPU.

    Parameters
    ----------
    convolution
        Of 3 × 3 px, steps of 1, as `fits` says.
    last
        What follows.
    """

    def __init__(self, convolution: nn.Conv2d, last: Ending) -> None:
        super().__init__()
        self._padding = cast("int", convolution.padding[0])
        self._filters = _transformed(convolution.weight.detach().numpy())
        self._channels, self._last = convolution.out_channels, last

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        """Say whether a layer is a convolution that can be done this way."""
        return (
            isinstance(layer, nn.Conv2d)
            and layer.kernel_size == (3, 3)
            and layer.stride == layer.dilation == (1, 1)
            and layer.groups == 1
            and layer.in_channels % LANES == 0
            and layer.padding in {(0, 0), (1, 1)}
            and layer.padding_mode == "zeros"
        )

    def forward(self, images: Tensor) -> Tensor:
        """Convolve, float32 (B, C, h, w) → (B, K, h', w'), channels last in memory."""
        count, height, width = len(images), *images.shape[2:]
        less = 2 - 2 * self._padding
        found = MAPS.take(count, height - less, width - less, self._channels)
        return self.into(images, from_numpy(found).permute(0, 3, 1, 2))

    def into(self, images: Tensor, found: Tensor) -> Tensor:
        """Convolve into what `forward` would make; endings may add to what is there."""
        there = found.permute(0, 2, 3, 1).numpy()
        _convolve(channels_last(images), self._filters, self._last, self._padding, there)
        return found


def _transformed(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn filters, (K, C, 3, 3), into G g Gᵀ, (36, blocks of 16 filters, C, 16), rest zero."""
    filters, channels = weight.shape[:2]
    blocks = -(-filters // FILTERS)
    laid = np.zeros((PLACES, channels, blocks * FILTERS), np.float32)
    made = np.einsum("ia,kcab,jb->ijck", _G, weight.astype(np.float64), _G)
    laid[..., :filters] = made.reshape(PLACES, channels, filters)
    laid = laid.reshape(PLACES, channels, blocks, FILTERS)
    return np.ascontiguousarray(laid.transpose(0, 2, 1, 3))


@njit(nogil=True)
def _read(images, place, padding, patch, into):  # type: ignore[no-untyped-def]
    """Transform one window; beyond the image lie zeros, `patch` (6, 6, C) is room for them."""
    _, height, width, channels = images.shape
    values, row = into
    image, top, left = place[0], STEP * place[1] - padding, STEP * place[2] - padding
    at = row * PLACES * channels
    if min(top, left) >= 0 and top + SIDE <= height and left + SIDE <= width:
        start = ((image * height + top) * width + left) * channels
        for c in range(0, channels, LANES):
            source = (start + c, width * channels, channels)
            to_filters(images, values, (source, (at + c, channels)))
        return
    for y in range(SIDE):
        for x in range(SIDE):
            inside = 0 <= top + y < height and 0 <= left + x < width
            for c in range(channels):
                patch[y, x, c] = images[image, top + y, left + x, c] if inside else 0
    for c in range(0, channels, LANES):
        to_filters(patch, values, ((c, SIDE * channels, channels), (at + c, channels)))


@njit(nogil=True)
def _write(products, row, last, patch, place, found):  # type: ignore[no-untyped-def]
    """Transform one window's products back; `patch` (4, 4, K) serves at the right and bottom."""
    _, height, width, filters = found.shape
    image, top, left = place[0], STEP * place[1], STEP * place[2]
    wide = patch.shape[2]
    at = row * PLACES * wide
    if top + STEP <= height and left + STEP <= width and filters % LANES == 0:
        start = ((image * height + top) * width + left) * filters
        for k in range(0, filters, LANES):
            target = (start + k, width * filters, filters)
            to_pixels(products, last, found, (k, (at + k, wide), target))
        return
    down, across = min(STEP, height - top), min(STEP, width - left)
    for y in range(down):
        for x in range(across):
            for k in range(filters):
                patch[y, x, k] = found[image, top + y, left + x, k]
    for k in range(0, wide, LANES):
        to_pixels(products, last, patch, (k, (at + k, wide), (k, STEP * wide, wide)))
    for y in range(down):
        for x in range(across):
            for k in range(filters):
                found[image, top + y, left + x, k] = patch[y, x, k]


@njit(nogil=True)
def _multiply(values, count, filters, products):  # type: ignore[no-untyped-def]
    """Multiply the 36 numbers of some windows by their matrices."""
    channels, wide = values.shape[2], products.shape[2]
    blocks = filters.shape[1]
    for place in range(PLACES):
        for row in range(0, count, ROWS):
            at = row * PLACES + place
            for block in range(blocks):
                rows = (at * channels, PLACES * channels)
                start = (place * blocks + block) * channels * FILTERS
                to = (at * wide + block * FILTERS, PLACES * wide)
                product(values, filters, products, (rows, channels, start, to))


@njit(nogil=True, cache=True)
def _convolve(images, filters, last, padding, found):  # type: ignore[no-untyped-def]
    """Convolve.

    Parameters
    ----------
    images
        float32 (B, h, w, C).
    filters, last
        From `_transformed`, and what comes after.
    padding
        Rows and columns of zeros around each image.
    found
        float32 (B, h', w', K), filled.
    """
    count, height, width, _ = found.shape
    wide = filters.shape[1] * FILTERS
    down, across = (height + STEP - 1) // STEP, (width + STEP - 1) // STEP
    values = np.zeros((WINDOWS, PLACES, images.shape[3]), np.float32)
    products = np.zeros((WINDOWS, PLACES, wide), np.float32)
    before = np.zeros((SIDE, SIDE, images.shape[3]), np.float32)
    behind = np.zeros((STEP, STEP, wide), np.float32)
    places = np.zeros((WINDOWS, 3), np.int64)
    total = count * down * across
    for first in range(0, total, WINDOWS):
        some = min(WINDOWS, total - first)
        for row in range(some):
            place = places[row]
            place[0], rest = divmod(first + row, down * across)
            place[1], place[2] = divmod(rest, across)
            _read(images, place, padding, before, (values, row))
        _multiply(values, some, filters, products)
        for row in range(some):
            _write(products, row, last, behind, places[row], found)
