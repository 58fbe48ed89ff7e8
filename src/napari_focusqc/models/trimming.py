"""How much of each map a part of MicroNet's proximity needs.

Room: models. A map that is cut off where the image goes on is wrong at the cut, one pixel farther
in with each 3 × 3 convolution; so the up path is computed some pixels beyond what must be right.
"""

from collections.abc import Sequence

from torch import Tensor

Span = tuple[int, int]
"""First row or column and the one after the last."""
Spans = tuple[Span, Span]
"""Of rows and of columns."""

_LEVELS = 4
_MOST_STRIDE = 8
"""Of the contexts: full-size maps are cut at its multiples, so that no context is cut within."""


def risen_spans(
    part: tuple[slice, slice], shape: tuple[int, int]
) -> tuple[Spans, tuple[Spans, ...]]:
    """Return what is wanted, and what the up path computes for it.

    Parameters
    ----------
    part
        Rows and columns whose proximity is wanted, full pixels.
    shape
        (height, width) of the image, px.

    Returns
    -------
    wanted
        The part, with numbers for both ends.
    spans
        What is computed of the maps at each of four levels, full size first, in the level's own
        pixels.
    """
    rows, columns = (each.indices(size)[:2] for each, size in zip(part, shape, strict=True))
    along = (_levels(span, size) for span, size in zip((rows, columns), shape, strict=True))
    return (rows, columns), tuple(zip(*along, strict=True))


def _levels(wanted: Span, size: int) -> list[Span]:
    """Work out one axis: what is right, two pixels more, and twice what the next level gives."""
    spans: list[Span] = []
    right = (wanted[0] - 1, wanted[1] + 1)  # the output's 3 × 3 convolution
    above = (size, 0)
    for level in range(_LEVELS):
        step = 2 if level else _MOST_STRIDE
        seen = (right[0] - 2, right[1] + 2)  # the two convolutions of a block
        low, high = min(seen[0], above[0]), max(seen[1], above[1])
        start, stop = max(low // step * step, 0), min(-(-high // step) * step, size)
        spans.append((start, stop))
        right, above, size = (seen[0] // 2, -(-seen[1] // 2)), (start // 2, stop // 2), size // 2
    return spans


def cut(features: Tensor, spans: Spans, begin: Sequence[int] = (0, 0)) -> Tensor:
    """Return a part of (B, C, h, w), whose first row and column are those of a larger map."""
    rows, columns = (slice(a - n, b - n) for (a, b), n in zip(spans, begin, strict=True))
    return features[:, :, rows, columns]


def halved(spans: Spans, times: int = 1) -> Spans:
    """Return spans at a lower level; what is odd at the end is left out, as halving does."""
    (top, bottom), (left, right) = spans
    return (top >> times, bottom >> times), (left >> times, right >> times)
