"""Tiles in an order of which every beginning is spread evenly over the slide.

Room: tiles. Knows no score.
"""

import numpy as np
from numpy.typing import NDArray


def spread_order(wanted: NDArray[np.bool_], seed: int) -> NDArray[np.intp]:
    """Order the wanted tiles as a stratified sample that grows.

    The tiles are laid on a line along which neighbours on the slide stay close (Morton's order),
    and the line is cut into 1, 2, 4, 8 … strata of equal length. Round by round each stratum that
    has no tile yet gives one, drawn at random, in random order of the strata. So at the end of a
    round a sample is stratified by place, one tile each; and all tiles come at last.

    Parameters
    ----------
    wanted
        bool (rows, cols).
    seed
        The same seed gives the same order.

    Returns
    -------
    intp (n, 2), (row, col) of every wanted tile once.
    """
    tiles = np.argwhere(wanted)
    tiles = tiles[np.argsort(_morton(tiles), kind="stable")]
    rng, count, taken = np.random.default_rng(seed), len(tiles), np.zeros(len(tiles), bool)
    order: list[int] = []
    strata = 1
    while len(order) < count:
        edges = np.linspace(0, count, min(strata, count) + 1).astype(np.intp)
        for stratum in rng.permutation(len(edges) - 1):
            start, stop = edges[stratum], edges[stratum + 1]
            if not taken[start:stop].any():
                chosen = int(rng.integers(start, stop))
                taken[chosen] = True
                order.append(chosen)
        strata *= 2
    return tiles[order]


def _morton(tiles: NDArray[np.intp]) -> NDArray[np.uint64]:
    """Interleave the bits of row and column, 31 bits each."""
    code = np.zeros(len(tiles), np.uint64)
    for bit in range(31):
        for axis in range(2):
            digit = (tiles[:, axis] >> bit & 1).astype(np.uint64)
            code |= digit << np.uint64(2 * bit + axis)
    return code
