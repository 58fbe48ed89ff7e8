"""How densely nuclei lie: their number per mm² in squares, and at which peaks they were found.

Room: results.
"""

import math

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.results.slide_values import SlideValues

SQUARE_UM = 64.0
MAX_SQUARES = 1 << 24
"""More are not counted in: a slide of 25 × 75 mm has 0.5 million squares of `SQUARE_UM`."""


def density(nuclei: NucleusTable, region: Region, square_um: float = SQUARE_UM) -> SlideValues:
    """Count nuclei per mm² in squares.

    Parameters
    ----------
    nuclei
        Those outside the region are not counted.
    region
        Level-0 px; the first square begins at its corner, and what the last ones have of it is the
        area they are divided by. Glass counts as area.
    square_um
        Side of a square, µm.

    Raises
    ------
    SettingsError
        The squares are no squares, or too many.
    """
    if not (math.isfinite(square_um) and square_um > 0):
        raise SettingsError(f"the squares have sides of {square_um} µm; give a length above 0")
    side = square_um / nuclei.source.mpp
    rows, cols = math.ceil(region.height / side), math.ceil(region.width / side)
    if rows * cols > MAX_SQUARES:
        raise SettingsError(
            f"the region has {rows:,} × {cols:,} squares of {square_um:g} µm; at most "
            f"{MAX_SQUARES:,} are counted in, so choose larger ones"
        )
    inside = nuclei.in_region(region).centres.astype(np.float64) + 0.5 - (region.y, region.x)
    row, col = (inside // side).astype(np.intp).T
    numbers = np.bincount(row * cols + col, minlength=rows * cols).reshape(rows, cols)
    heights, widths = _sides(region.height, side, rows), _sides(region.width, side, cols)
    area_mm2 = heights[:, None] * widths * (nuclei.source.mpp / 1000) ** 2
    first = (region.y + side / 2 - 0.5, region.x + side / 2 - 0.5)
    return SlideValues((numbers / area_mm2).astype(np.float32), side, first, nuclei.source.mpp)


def _sides(length: int, side: float, count: int) -> NDArray[np.float64]:
    """Return how long each square is inside the region, px."""
    return np.asarray(np.minimum(side, length - side * np.arange(count)))


def peak_histogram(nuclei: NucleusTable, bins: int) -> list[int]:
    """Count nuclei by their peaks, from the lowest the table can hold to 1; higher ones count as 1.

    Parameters
    ----------
    nuclei
        As a run found them.
    bins
        How many steps, all as wide as each other.
    """
    low = min(nuclei.source.least, 1.0 - 1e-6)
    numbers, _ = np.histogram(np.clip(nuclei.peaks, low, 1.0), bins, (low, 1.0))
    return [int(number) for number in numbers]
