"""Where along a stack focus lies: from curves of a figure of merit, and from predicted distances.

Room: results. Arrays in, heights out; knows no pixels.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

SECOND_PEAK = 0.1
"""A second peak counts from this prominence on, as a share of the curve's range: between the two
the curve falls by at least so much."""
FLAT = 0.02
"""A curve that varies by less than this share of its highest value chooses no plane."""
NEAREST = 3
"""So many pairs, those predicted nearest to focus, tell its height: a network is surest there, and
one pair that is wrong is outvoted."""


class StackReason(IntEnum):
    """Why a tile has a height of focus from the figure of merit, or why it has none.

    Those below `END` leave it without a distance from the network, too.
    """

    MEASURED = 0
    GLASS = 1
    UNREADABLE = 2
    ABSTAINED = 3
    NOT_RUN = 4
    END = 5
    DOUBLE = 6
    EVEN = 7

    @property
    def words(self) -> str:
        """The reason as people read it."""
        return _WORDS[self]


_WORDS = {
    StackReason.MEASURED: "measured",
    StackReason.GLASS: "glass",
    StackReason.UNREADABLE: "unreadable",
    StackReason.ABSTAINED: "too little structure",
    StackReason.NOT_RUN: "not run",
    StackReason.END: "sharpest at an end of the stack",
    StackReason.DOUBLE: "two peaks",
    StackReason.EVEN: "no plane is sharper",
}


def peak_of(curve: NDArray[np.float32], z_um: NDArray[np.float64]) -> tuple[float, StackReason]:
    """Find the height at which a figure of merit is highest.

    Parameters
    ----------
    curve
        The figure at every plane, shape (Z,), at least 2; higher is sharper.
    z_um
        Height of every plane, shape (Z,), rising.

    Returns
    -------
    height
        Of the parabola through the highest value and its two neighbours, in the unit of `z_um`; NaN
        unless the reason is `MEASURED`.
    reason
        `MEASURED`, `END`, `DOUBLE` or `EVEN`.
    """
    values = np.asarray(curve, np.float64)
    top, bottom = float(values.max()), float(values.min())
    if top - bottom <= FLAT * top:
        return np.nan, StackReason.EVEN
    if len(peaks_of(curve)) > 1:
        return np.nan, StackReason.DOUBLE
    best = int(values.argmax())
    if best in (0, len(values) - 1):
        return np.nan, StackReason.END
    return _vertex(values[best - 1 : best + 2], z_um[best - 1 : best + 2]), StackReason.MEASURED


def peaks_of(curve: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the planes at which a curve has a peak of at least `SECOND_PEAK`; ends count, too.

    The curve is followed with slack: a peak is the highest plane since the curve last rose by that
    share of its range, once it has fallen by as much again.
    """
    values = np.asarray(curve, np.float64)
    slack = SECOND_PEAK * (values.max() - values.min())
    peaks, turn, rising = [], 0, True
    for plane, value in enumerate(values):
        if (value > values[turn]) == rising:
            turn = plane
        elif abs(value - values[turn]) >= slack:
            if rising:
                peaks.append(turn)
            turn, rising = plane, not rising
    return np.array([*peaks, turn] if rising else peaks, np.intp)


def _vertex(values: NDArray[np.float64], z: NDArray[np.float64]) -> float:
    """Return where the parabola through three points is highest; the middle one is, of them."""
    rise, fall = (values[1] - values[0]) / (z[1] - z[0]), (values[2] - values[1]) / (z[2] - z[1])
    # the slope is `rise` half-way up and `fall` half-way down, and linear between them
    below, above = (z[0] + z[1]) / 2, (z[1] + z[2]) / 2
    return float(below + (above - below) * rise / (rise - fall)) if rise > fall else float(z[1])


def merit_heights(
    curves: NDArray[np.float32], z_um: NDArray[np.float64], reasons: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Find the peak of every tile.

    Parameters
    ----------
    curves
        One figure of merit, float32 (Z, rows, cols).
    z_um
        (Z,), rising.
    reasons
        uint8 (rows, cols), `StackReason`; only tiles that are `MEASURED` have a curve.

    Returns
    -------
    float32 (rows, cols), in the unit of `z_um`, NaN without a single peak inside the stack; and the
    reasons, now of the peaks, too.
    """
    heights, found = np.full(reasons.shape, np.nan, np.float32), reasons.copy()
    for row, col in np.argwhere(reasons == StackReason.MEASURED):
        heights[row, col], found[row, col] = peak_of(curves[:, row, col], z_um)
    return heights, found


def network_heights(
    distances_um: NDArray[np.float32], z_second_um: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Find the height of focus of every tile from the network's distances.

    Parameters
    ----------
    distances_um
        From the second plane of each pair to focus, float32 (P, rows, cols), µm; NaN in all pairs
        where a tile was not measured.
    z_second_um
        Heights of those planes, (P,), µm.

    Returns
    -------
    float32 (rows, cols), µm: the median of z + distance over the `NEAREST` pairs; NaN without any.
    """
    if not len(distances_um):
        return np.full(distances_um.shape[1:], np.nan, np.float32)
    order = np.argsort(np.abs(distances_um), axis=0, kind="stable")[:NEAREST]
    heights = distances_um + z_second_um[:, None, None]
    return np.median(np.take_along_axis(heights, order, axis=0), axis=0).astype(np.float32)
