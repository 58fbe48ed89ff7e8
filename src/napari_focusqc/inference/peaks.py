"""Where the nuclei are: local maxima of a network's proximity map.

Room: inference. Gets a map, gives points; knows no network and no slide. Whether a pixel is a peak
depends on nothing beyond its own disk, so a map may be cut anywhere.
"""

import math

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import InferenceError, SettingsError

DISTANCE_UM = 2.0
DISTANCE_PX = 8.0
"""That is 2 µm at 40x. Of the 4,948 nuclei outlined in 13 MoNuSeg fields (0.25 µm/px), 0.2 % have a
neighbour nearer than that, and 2 % one nearer than 12 px."""
_DISTANCES_PX = (2.0, 200.0)
"""Below the first, a pixel's eight neighbours are not all in its disk; the last bounds the disk."""
_STEPS = 32
"""Sub-pixel steps in a pixel: a power of two, so that a tile's origin is added without rounding."""
_NEAR = np.array([-1, 0, 1])


def least_value(proximity: NDArray[np.float32], xi: float) -> float:
    """Return what the paper suppresses below: ξ times the map's maximum.

    The maximum is of one image, so every image has peaks, one without nuclei too: there, noise is
    promoted. Tiles of a slide therefore share one absolute `least`, chosen on validation images;
    this rule is for fields that are known to hold nuclei, and for the paper's protocol.

    Parameters
    ----------
    proximity
        float32 (h, w), finite.
    xi
        ξ, 0 to 1.

    Raises
    ------
    SettingsError
        ξ lies outside its range.
    InferenceError
        As for `find_peaks`.

    References
    ----------
    .. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images",
       BMC Bioinformatics 20:472, 2019, "Methods".
    """
    if not 0 <= xi <= 1:
        raise SettingsError(f"ξ is {xi}; it must lie between 0 and 1")
    _check_map(proximity)
    return xi * float(proximity.max())


def find_peaks(
    proximity: NDArray[np.float32], *, least: float, distance_px: float = DISTANCE_PX
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the local maxima.

    A pixel is a peak if, of all pixels nearer to it than `distance_px`, none is higher, none of
    those before it (row by row) is as high, and one at least is lower. Outside the map there is
    nothing: neither higher nor lower.

    This rule is local, where suppressing greedily from the highest peak down lets a chain of peaks
    reach across tiles: with `halo_px` pixels around it, a tile has the whole map's peaks, to the
    bit. The price is that a small maximum goes too if a higher slope comes near, not only a higher
    maximum. A plateau has one peak, its first pixel; one larger than the disk may have more where
    it is bent, and none where it fills the map's first corner. A flat map has none.

    Parameters
    ----------
    proximity
        float32 (h, w), finite, higher nearer to a nucleus's centre.
    least
        A peak has at least this value; all else about it is the same for every `least`.
    distance_px
        Peaks are at least this far apart, before they are refined; 2 to 200.

    Returns
    -------
    centres
        float32 (N, 2), (y, x) in px, (0, 0) the middle of the first pixel; row by row. The top of
        the quadratic fitted to the 3 × 3 values, the map reflected at its border, in whole 1/32 px
        and less than half a px away: rounded, it is the peak's pixel.
    values
        float32 (N,), the map at that pixel.

    Raises
    ------
    SettingsError
        `distance_px` lies outside its range, or `least` is not a number.
    InferenceError
        The map has no pixels, not two axes, or a value that is not finite.
    """
    _check_map(proximity)
    if math.isnan(least):
        raise SettingsError("the least value of a peak is not a number; give one, or −∞ for all")
    at = _maxima(proximity, least, _disk(distance_px))
    values = proximity[at[:, 0], at[:, 1]]
    return (at + _offsets(proximity, at)).astype(np.float32), values


def distance_at(mpp: float) -> float:
    """Return how far apart peaks are at least, px.

    Parameters
    ----------
    mpp
        µm/px of the map; the distance is 2 µm, but 2 px where pixels are larger than 1 µm.
    """
    return min(max(DISTANCE_UM / mpp, _DISTANCES_PX[0]), _DISTANCES_PX[1])


def halo_px(distance_px: float = DISTANCE_PX) -> int:
    """Return how many px around a tile decide on the peaks in it.

    Parameters
    ----------
    distance_px
        As for `find_peaks`.
    """
    return int(_disk(distance_px).max())


def _check_map(proximity: NDArray[np.float32]) -> None:
    if proximity.ndim != 2 or not proximity.size:
        raise InferenceError(
            f"the proximity map has the shape {proximity.shape}; it must be (h, w), with pixels"
        )
    if not (np.isfinite(proximity.min()) and np.isfinite(proximity.max())):
        raise InferenceError(
            "the proximity map holds values that are not finite; check the network's weights"
        )


def _disk(distance_px: float) -> NDArray[np.int64]:
    """Return the (dy, dx) nearer than `distance_px`, int64 (K, 2), the nearest first."""
    least, most = _DISTANCES_PX
    if not least <= distance_px <= most:
        raise SettingsError(
            f"peaks are to be {distance_px} px apart; the distance must lie between {least:g} and "
            f"{most:g} px"
        )
    reach = math.ceil(distance_px) - 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    square = y**2 + x**2
    inside = (square > 0) & (square < distance_px**2)
    nearest = np.argsort(square[inside], kind="stable")
    return np.column_stack([y[inside], x[inside]])[nearest]


def _maxima(
    proximity: NDArray[np.float32], least: float, disk: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the (y, x) of the peaks, int64 (N, 2), row by row."""
    reach = int(disk.max())
    height, width = proximity.shape
    padded = np.pad(proximity, reach, constant_values=-np.inf)
    flat, across = padded.ravel(), padded.shape[1]
    before = (disk[:, 0] < 0) | ((disk[:, 0] == 0) & (disk[:, 1] < 0))

    # of the eight neighbours, for all pixels at once
    stands = np.ones(proximity.shape, bool)
    for (dy, dx), first in zip(disk[:8], before[:8], strict=True):
        other = padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
        stands &= proximity > other if first else proximity >= other
    y, x = np.nonzero(stands)
    # compared in float64, as `least` is
    high = proximity[y, x].astype(np.float64) >= least
    at = (y[high] + reach) * across + x[high] + reach

    lower = np.zeros(len(at), bool)
    for step, first in zip(disk @ (across, 1), before, strict=True):
        here, other = flat[at], flat[at + step]
        stands = here > other if first else here >= other
        lower = (lower | ((other < here) & (other > -np.inf)))[stands]
        at = at[stands]
    return np.column_stack(np.divmod(at[lower], across)) - reach


def _offsets(proximity: NDArray[np.float32], at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far the tops lie from their pixels, float64 (N, 2), (y, x).

    Sums are written out: a matrix product may round differently with the number of peaks.
    """
    near, last = np.abs(at[:, :, None] + _NEAR), np.array(proximity.shape)[:, None] - 1
    rows, columns = (last - np.abs(last - near)).transpose(1, 0, 2)
    v = proximity[rows[:, :, None], columns[:, None, :]].astype(np.float64).transpose(1, 2, 0)
    down, across = v[:, 0] + v[:, 1] + v[:, 2], v[0] + v[1] + v[2]
    y, x = (down[2] - down[0]) / 6, (across[2] - across[0]) / 6
    yy, xx = ((s[0] + s[2] - 2 * s[1]) / 3 for s in (down, across))
    xy = (v[0, 0] + v[2, 2] - v[0, 2] - v[2, 0]) / 4
    bend = yy * xx - xy**2
    round_top = (yy < 0) & (bend > 0)
    tops = np.stack([xy * x - xx * y, xy * y - yy * x]) / np.where(round_top, bend, 1.0)
    most = _STEPS / 2 - 1
    steps = np.clip(np.rint(tops * _STEPS), -most, most)
    return np.where(round_top, steps / _STEPS, 0.0).T
