"""FocusLiteNN compiled: its responses straight from the bytes of an image.

Room: inference. The network is one convolution, and torch spends more time on turning overlapping
tiles into floats than on it; here few filters take the bytes as they are, and many share seven rows
of floats that stay in the fastest cache. For few, seven rows of 24 bytes (7 px and one of the next)
times the filter's weights, which are zero for that pixel, are three registers of eight each, so the
compiler has no rest to deal with. Numba compiles it once and keeps it on the disk.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_focusqc.errors import InferenceError
from napari_focusqc.inference.direct import rows_of
from napari_focusqc.inference.llvm_code import FILTERS
from napari_focusqc.inference.llvm_vectors import ROWS, least_product
from napari_focusqc.models.focuslitenn import KERNEL_PX, PADDING_PX, STRIDE_PX, FocusLiteNN

TILE_PX, RESPONSES = 235, 47
WIDE, REAL = 24, 21
"""Bytes of a window's row that are read, and those of its 7 px."""
STEP = 3 * STRIDE_PX
"""Bytes from a window to the next."""
HIGH = np.float32(3e38)
"""Above any response; the compiler is told that there is no infinity."""
MANY = 4
"""From so many filters on, sixteen at once are faster than one after the other."""
_EDGES = 3
"""First response, those between, last: only at both ends does a window reach into the padding."""


class FocusLiteNNKernel:
    """Scores tiles of 235 × 235 px on the CPU; may be called from several threads at once.

    Parameters
    ----------
    network
        On the CPU, pooling by the minimum, taking grey levels 0…255.

    Raises
    ------
    InferenceError
        A weight is not finite.
    """

    def __init__(self, network: FocusLiteNN) -> None:
        convolution = network.conv
        weight = convolution.weight.detach().numpy()
        self._many = len(weight) >= MANY
        self._filters = rows_of(_in_blocks(weight)) if self._many else _filters(weight)
        if not all(bool(weight.isfinite().all()) for weight in network.parameters()):
            raise InferenceError("the network has weights that are not finite; try other weights")
        bias = convolution.get_parameter("bias").detach().numpy().astype(np.float64)
        self._kernels, self._join, self._offset = len(weight), np.ones(1), float(bias[0])
        if network.fc is not None:
            self._join = network.fc.weight.detach().numpy().astype(np.float64).ravel()
            last = network.fc.get_parameter("bias").detach().numpy()
            self._offset = float(self._join @ bias + last[0])

    def __enter__(self) -> "FocusLiteNNKernel":
        """Do nothing; there is nothing to set up."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def __call__(self, pixels: NDArray[np.uint8], corners: NDArray[np.intp]) -> NDArray[np.float32]:
        """Score tiles of an image; as `TorchTiles`."""
        rows, places = pixels.reshape(pixels.shape[0], -1), np.ascontiguousarray(corners, np.int64)
        count = FILTERS * len(self._filters) if self._many else self._kernels
        lows = np.empty((len(corners), count), np.float32)
        (_many if self._many else _few)(rows, places, self._filters, lows)
        return (lows[:, : self._kernels] @ self._join + self._offset).astype(np.float32)


def _in_blocks(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add filters of zeros, (K, 3, 7, 7), until K is a multiple of 16."""
    return np.pad(weight, ((0, -len(weight) % FILTERS), *[(0, 0)] * 3))


def _filters(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay filters, float32 (K, 3, 7, 7), out for windows at each edge.

    Returns
    -------
    float32 (3, 3, K, 7, 24): for the first, the inner and the last rows and columns of responses.
    What lies in the padding has no weight. At the left edge a window is read from the tile's first
    pixel on, at the right edge so that it ends with the tile: no byte beyond the tile is read.
    """
    kernels = weight.shape[0]
    plain = np.zeros((kernels, KERNEL_PX, WIDE), np.float32)
    plain[..., :REAL] = weight.transpose(0, 2, 3, 1).reshape(kernels, KERNEL_PX, REAL)
    pad = 3 * PADDING_PX
    left, right = np.zeros_like(plain), np.zeros_like(plain)
    left[..., : REAL - pad] = plain[..., pad:REAL]
    right[..., WIDE - REAL + pad :] = plain[..., : REAL - pad]
    laid = np.stack([np.stack([left, plain, right])] * _EDGES)
    laid[0, :, :, :PADDING_PX] = 0
    laid[-1, :, :, -PADDING_PX:] = 0
    return laid


@njit(fastmath=True, nogil=True)
def _column(image, y, x):  # type: ignore[no-untyped-def]
    """Return byte `x` of seven rows as floats; unsigned numbers, so that none counts from the end.

    The rows are those from `y[1]` on, with `y[0]` before and `y[2]` after them.
    """
    one, two = np.uint64(1), np.uint64(2)
    v0, v1, v2 = image[y[0], x], image[y[1], x], image[y[1] + one, x]
    v3, v4 = image[y[1] + two, x], image[y[1] + two + one, x]
    v5, v6 = image[y[1] + two + two, x], image[y[2], x]
    upper = np.float32(v0), np.float32(v1), np.float32(v2), np.float32(v3)
    return (*upper, np.float32(v4), np.float32(v5), np.float32(v6))


@njit(fastmath=True, nogil=True)
def _dot(filters, at, m, v):  # type: ignore[no-untyped-def]
    """Return column `m` of a filter times a column of a window."""
    i, j, k = at
    upper = filters[i, j, k, 0, m] * v[0] + filters[i, j, k, 1, m] * v[1]
    middle = filters[i, j, k, 2, m] * v[2] + filters[i, j, k, 3, m] * v[3]
    lower = filters[i, j, k, 4, m] * v[4] + filters[i, j, k, 5, m] * v[5]
    return upper + middle + lower + filters[i, j, k, 6, m] * v[6]


@njit(fastmath=True, nogil=True)
def _one(image, y, x, count, filters, at):  # type: ignore[no-untyped-def]
    """Return a filter's least response to `count` windows side by side, the first at byte `x`."""
    low = HIGH
    for j in range(count):
        start = x + np.uint64(j * STEP)
        s0 = np.float32(0)
        for m in range(WIDE):
            s0 += _dot(filters, at, m, _column(image, y, start + np.uint64(m)))
        low = min(low, s0)
    return low


@njit(fastmath=True, nogil=True, cache=True)
def _few(image, corners, filters, lows):  # type: ignore[no-untyped-def]
    """Find each filter's least response in each tile.

    Parameters
    ----------
    image
        uint8 (h, 3 w).
    corners
        int64 (n, 2), y and x of the tiles, px.
    filters
        float32 (3, 3, K, 7, 24), from `_filters`.
    lows
        float32 (n, K), filled.
    """
    last = RESPONSES - 1
    for tile in range(len(corners)):
        top, left = corners[tile, 0], corners[tile, 1]
        begin, end = np.uint64(3 * left), np.uint64(3 * (left + TILE_PX) - WIDE)
        second = np.uint64(3 * (left + STRIDE_PX - PADDING_PX))
        lows[tile] = HIGH
        for i in range(RESPONSES):
            # a row in the padding has no weight, so the next one stands for it
            first = top + STRIDE_PX * i - PADDING_PX
            y = (
                np.uint64(max(first, top)),
                np.uint64(first + 1),
                np.uint64(min(first + 6, top + TILE_PX - 1)),
            )
            row = 0 if i == 0 else 2 if i == last else 1
            for k in range(lows.shape[1]):
                low = _one(image, y, begin, 1, filters, (row, 0, k))
                low = min(low, _one(image, y, second, last - 1, filters, (row, 1, k)))
                low = min(low, _one(image, y, end, 1, filters, (row, 2, k)))
                lows[tile, k] = min(lows[tile, k], low)


@njit(nogil=True)
def _to_floats(row, floats):  # type: ignore[no-untyped-def]
    """Write a row of a tile, bytes, between the zeros before and after it."""
    for x in range(np.uint64(len(row))):
        floats[x + np.uint64(3 * PADDING_PX)] = np.float32(row[x])


@njit(nogil=True, cache=True)
def _many(image, corners, filters, lows):  # type: ignore[no-untyped-def]
    """Do as `_few`, sixteen filters at once.

    Parameters
    ----------
    image, corners
        As there.
    filters
        float32 (blocks, 147, 16), from `rows_of`.
    lows
        float32 (n, 16 blocks), filled.
    """
    side, line = KERNEL_PX, 3 * (TILE_PX + 2 * PADDING_PX)
    seen = np.zeros((side, line), np.float32)  # seven rows of a tile between the zeros around it
    lows[:] = HIGH
    for tile in range(len(corners)):
        top, left = corners[tile, 0], 3 * corners[tile, 1]
        for i in range(RESPONSES):
            for row in range(side):
                y = STRIDE_PX * i - PADDING_PX + row
                if 0 <= y < TILE_PX:
                    _to_floats(image[top + y, left : left + 3 * TILE_PX], seen[row])
                else:
                    seen[row] = 0
            for start in range(0, RESPONSES, ROWS):
                # the last six may be some of those before
                window = min(start, RESPONSES - ROWS) * STEP
                for block in range(len(filters)):
                    pieces, to = (side, line, 3 * side), (tile * len(filters) + block) * FILTERS
                    first = block * filters.shape[1] * FILTERS
                    least_product(seen, filters, lows, ((window, STEP), pieces, first, to))
