"""Exact area averaging, the same whatever rectangle is asked for.

Room: tiles. Every output pixel is a weighted mean of the same source pixels, summed in the same
order, whether it is computed alone or in a large block.
"""

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray


def source_span(start: int, count: int, factor: float) -> tuple[int, int]:
    """Return the half-open range of source pixels under output pixels [start, start + count).

    Parameters
    ----------
    start, count
        First output pixel and number of them, on the image's own output grid.
    factor
        Source pixels per output pixel, at least 1.
    """
    return floor(start * factor), ceil((start + count) * factor - 1e-9)


def area_average(
    source: NDArray[np.uint8], factor: float, start: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Shrink a rectangle of an image by averaging the area under each output pixel.

    Parameters
    ----------
    source
        uint8 (h, w, 3): exactly the pixels of `source_span` along both axes.
    factor
        Source pixels per output pixel, at least 1; need not be whole.
    start
        (y, x) of the first output pixel on the image's own output grid.
    size
        (height, width) of the output, px.

    Returns
    -------
    uint8, shape (*size, 3), rounded to nearest.
    """
    if factor == 1:
        return source
    rows = _average_first_axis(source, factor, start[0], size[0])
    both = _average_first_axis(rows.swapaxes(0, 1), factor, start[1], size[1]).swapaxes(0, 1)
    return np.rint(both).astype(np.uint8)


def _average_first_axis(
    source: NDArray[np.generic], factor: float, start: int, count: int
) -> NDArray[np.float32]:
    """Average along axis 0 with one weight per tap: whole inside, a fraction at both ends."""
    left = np.arange(start, start + count) * factor
    right = left + factor
    first = np.floor(left).astype(np.intp)
    offset, last = first - floor(start * factor), source.shape[0] - 1
    total = np.zeros((count, *source.shape[1:]), np.float32)
    for tap in range(ceil(factor) + 1):
        low, high = np.maximum(left, first + tap), np.minimum(right, first + tap + 1)
        weight = (np.maximum(high - low, 0) / factor).astype(np.float32)
        if not weight.any():
            continue
        taken = source[np.minimum(offset + tap, last)].astype(np.float32)
        total += taken * weight.reshape(-1, *([1] * (source.ndim - 1)))
    return total
