"""How far MicroNet sees, and how much of each map a part of its proximity needs.

Room: models. A map that is cut off where the image goes on is wrong at the cut, one pixel farther
in with each 3 × 3 convolution; so the up path is computed some pixels beyond what must be right.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor
from torch.nn import functional as F

Span = tuple[int, int]
"""First row or column and the one after the last."""
Spans = tuple[Span, Span]
"""Of rows and of columns."""
WHOLE = (slice(None), slice(None))
"""All rows and columns."""

_STRIDES_PX = (1, 2, 4, 8)
"""Before each halving, and after each doubling."""
REACH_PX = (
    1
    # a strided convolution, and two after it at twice its stride
    + sum(stride + 2 * 2 * stride for stride in _STRIDES_PX)
    # a transposed convolution, which makes two pixels of one, and two convolutions after it
    + sum(stride + 2 * stride for stride in _STRIDES_PX)
    + 1
)
"""From a pixel to the farthest that may change its proximity."""
_BAND_PX = 256
"""Rows of full size that are in memory at once."""
_MOST_STRIDE = 8
"""Of the contexts: full-size maps are cut at its multiples, so that no context is cut within."""


def spans_of(part: tuple[slice, slice], shape: Sequence[int]) -> Spans:
    """Return a part's rows and columns with numbers at both ends, for a map of some shape."""
    rows, columns = (each.indices(size)[:2] for each, size in zip(part, shape, strict=True))
    return rows, columns


def bands(rows: Span) -> Iterator[Span]:
    """Part rows into bands of 256 or fewer."""
    return ((y, min(y + _BAND_PX, rows[1])) for y in range(*rows, _BAND_PX))


def risen_spans(wanted: Spans, shape: Sequence[int]) -> list[Spans]:
    """Return what the up path computes.

    Parameters
    ----------
    wanted
        Rows and columns whose proximity is wanted, full pixels.
    shape
        (height, width) of the image, px.

    Returns
    -------
    What is computed of the maps at each of four levels, full size first, in the level's own pixels.
    """
    rows, columns = (_levels(span, size) for span, size in zip(wanted, shape, strict=True))
    return list(zip(rows, columns, strict=True))


def _levels(wanted: Span, size: int) -> list[Span]:
    """Work out one axis: what is right, two pixels more, and twice what the next level gives."""
    spans: list[Span] = []
    right = (wanted[0] - 1, wanted[1] + 1)  # the output's 3 × 3 convolution
    above = (size, 0)
    for level in range(len(_STRIDES_PX)):
        step = 2 if level else _MOST_STRIDE
        seen = (right[0] - 2, right[1] + 2)  # the two convolutions of a block
        low, high = min(seen[0], above[0]), max(seen[1], above[1])
        start, stop = max(low // step * step, 0), min(-(-high // step) * step, size)
        spans.append((start, stop))
        right, above, size = (seen[0] // 2, -(-seen[1] // 2)), (start // 2, stop // 2), size // 2
    return spans


def as_large(features: Tensor, other: Tensor) -> Tensor:
    """Add zeros below and to the right until the map is as large as another."""
    below, right = (other.shape[axis] - features.shape[axis] for axis in (2, 3))
    return F.pad(features, (0, right, 0, below)) if below or right else features


def cut(features: Tensor, spans: Spans, begin: Sequence[int] = (0, 0)) -> Tensor:
    """Return a part of (B, C, h, w), whose first row and column are those of a larger map."""
    rows, columns = (slice(a - n, b - n) for (a, b), n in zip(spans, begin, strict=True))
    return features[:, :, rows, columns]


def halved(spans: Spans, times: int = 1) -> Spans:
    """Return spans at a lower level; what is odd at the end is left out, as halving does."""
    (top, bottom), (left, right) = spans
    return (top >> times, bottom >> times), (left >> times, right >> times)
