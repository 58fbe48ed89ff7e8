"""FocusLiteNN compiled: its responses straight from the bytes of an image.

Room: inference. The network is one convolution, and torch spends more time on turning overlapping
tiles into floats than on it; here nothing is copied. Seven rows of 24 bytes (7 px and one of the
next) times the filter's weights, which are zero for that pixel, are three registers of eight each,
so the compiler has no rest to deal with. Numba compiles it once and keeps it on the disk.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from napari_focusqc.errors import InferenceError
from napari_focusqc.models.focuslitenn import KERNEL_PX, PADDING_PX, STRIDE_PX, FocusLiteNN

TILE_PX, RESPONSES = 235, 47
WIDE, REAL = 24, 21
"""Bytes of a window's row that are read, and those of its 7 px."""
STEP = 3 * STRIDE_PX
"""Bytes from a window to the next."""
HIGH = np.float32(3e38)
"""Above any response; the compiler is told that there is no infinity."""
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
        self._filters = _filters(convolution.weight.detach().numpy())
        if not all(bool(weight.isfinite().all()) for weight in network.parameters()):
            raise InferenceError("the network has weights that are not finite; try other weights")
        bias = convolution.get_parameter("bias").detach().numpy().astype(np.float64)
        self._join, self._offset = np.ones(1), float(bias[0])
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
        lows = np.empty((len(corners), self._filters.shape[2]), np.float32)
        rows = pixels.reshape(pixels.shape[0], -1)
        _minima(rows, np.ascontiguousarray(corners, np.int64), self._filters, lows)
        return (lows @ self._join + self._offset).astype(np.float32)


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


@njit(fastmath=True, nogil=True)
def _five(image, y, x, count, filters, at):  # type: ignore[no-untyped-def]
    """Do as `_one` for five filters in a row, which share the bytes turned into floats."""
    i, j, k = at
    low0 = low1 = low2 = low3 = low4 = HIGH
    for window in range(count):
        start = x + np.uint64(window * STEP)
        s0 = s1 = s2 = s3 = s4 = np.float32(0)
        for m in range(WIDE):
            v = _column(image, y, start + np.uint64(m))
            s0 += _dot(filters, (i, j, k), m, v)
            s1 += _dot(filters, (i, j, k + 1), m, v)
            s2 += _dot(filters, (i, j, k + 2), m, v)
            s3 += _dot(filters, (i, j, k + 3), m, v)
            s4 += _dot(filters, (i, j, k + 4), m, v)
        low0, low1, low2 = min(low0, s0), min(low1, s1), min(low2, s2)
        low3, low4 = min(low3, s3), min(low4, s4)
    return low0, low1, low2, low3, low4


@njit(fastmath=True, nogil=True)
def _windows(image, y, span, filters, edge, low):  # type: ignore[no-untyped-def]
    """Lower the minima of all filters, float32 (K,), to their responses to some windows."""
    x, count = span
    fives = len(low) // 5 * 5
    for k in range(0, fives, 5):
        found = _five(image, y, x, count, filters, (edge[0], edge[1], k))
        for more in range(5):
            low[k + more] = min(low[k + more], found[more])
    for k in range(fives, len(low)):
        low[k] = min(low[k], _one(image, y, x, count, filters, (edge[0], edge[1], k)))


@njit(fastmath=True, nogil=True, cache=True)
def _minima(image, corners, filters, lows):  # type: ignore[no-untyped-def]
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
    low = np.empty(lows.shape[1], np.float32)
    for tile in range(len(corners)):
        top, left = corners[tile, 0], corners[tile, 1]
        begin, end = np.uint64(3 * left), np.uint64(3 * (left + TILE_PX) - WIDE)
        second = np.uint64(3 * (left + STRIDE_PX - PADDING_PX))
        low[:] = HIGH
        for i in range(RESPONSES):
            # a row in the padding has no weight, so the next one stands for it
            first = top + STRIDE_PX * i - PADDING_PX
            y = (
                np.uint64(max(first, top)),
                np.uint64(first + 1),
                np.uint64(min(first + 6, top + TILE_PX - 1)),
            )
            row = 0 if i == 0 else 2 if i == last else 1
            _windows(image, y, (begin, 1), filters, (row, 0), low)
            _windows(image, y, (second, last - 1), filters, (row, 1), low)
            _windows(image, y, (end, 1), filters, (row, 2), low)
        lows[tile] = low
