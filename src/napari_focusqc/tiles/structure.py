"""Whether a tile holds enough to show focus at all.

Room: tiles. Gets pixels, knows no network.
"""

import numpy as np
from numpy.typing import NDArray

MIN_STRUCTURE = 8.0
"""A sharp tile whose luma has a smaller standard deviation (grey levels) shows no focus at all."""


def has_structure(tile: NDArray[np.uint8]) -> bool:
    """Say whether a sharp tile, uint8 (H, W, 3), holds enough contrast to show focus."""
    return float(tile.mean(axis=2).std()) >= MIN_STRUCTURE
