"""How the surface on which focus lies is tilted.

Room: results. Numbers in, numbers out.
"""

from dataclasses import dataclass
from math import atan2, degrees, hypot

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.results.distance_map import DistanceMap

_MOST_ROUNDS = 20
_SPREAD = 1.4826
"""Median absolute deviation to standard deviation, for normal errors."""
_OUTLIERS = 3.0
_LEAST_UM = 0.05
"""Tiles this near to the plane are never left out."""


@dataclass(frozen=True, slots=True)
class Tilt:
    """The plane that fits the heights of focus best: z = height + down · y + across · x.

    Parameters
    ----------
    down, across
        Slope along y and along x, µm per mm; positive where focus lies higher further on.
    height_um
        Of the plane in the middle of the tiles, µm.
    rms_um
        Root mean square of what is left, over the tiles that were used, µm.
    used, left_out
        Numbers of tiles: those beyond three standard deviations are left out.
    """

    down: float
    across: float
    height_um: float
    rms_um: float
    used: int
    left_out: int

    @property
    def slope(self) -> float:
        """How steep the plane is, µm per mm."""
        return hypot(self.down, self.across)

    @property
    def direction_deg(self) -> float:
        """Which way it rises, degrees from x (right) towards y (down), −180 to 180."""
        return degrees(atan2(self.down, self.across))


def tilt_of(distance_map: DistanceMap) -> Tilt | None:
    """Fit a plane to the heights of focus, outliers left out round by round.

    Parameters
    ----------
    distance_map
        A measured stack.

    Returns
    -------
    None where µm/px or heights are unknown, or fewer than three tiles, or tiles in one line only,
    have a height.
    """
    source, focus = distance_map.source, distance_map.focus_um
    known = np.isfinite(focus)
    if source.mpp is None or source.z_source is None or not known.any():
        return None
    y, x = np.meshgrid(*distance_map.centres_px, indexing="ij")
    places = np.column_stack([y[known], x[known]]) * source.mpp / 1000
    places = places - places.mean(axis=0)
    heights = focus[known].astype(np.float64)
    sheet = np.column_stack([places, np.ones(len(places))])
    kept = _inliers(sheet, heights)
    if kept is None:
        return None
    fit, apart = _fitted(sheet, heights, kept)
    rms = float(np.sqrt((apart[kept] ** 2).mean()))
    used = int(kept.sum())
    return Tilt(float(fit[0]), float(fit[1]), float(fit[2]), rms, used, len(heights) - used)


def _inliers(sheet: NDArray[np.float64], heights: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return which tiles lie near the plane through them; None where they fix no plane."""
    kept = np.ones(len(heights), bool)
    for _ in range(_MOST_ROUNDS):
        if np.linalg.matrix_rank(sheet[kept]) < 3:
            return None
        _, apart = _fitted(sheet, heights, kept)
        spread = _SPREAD * float(np.median(np.abs(apart[kept])))
        near = np.abs(apart) <= max(_OUTLIERS * spread, _LEAST_UM)
        if (near == kept).all():
            break
        kept = near
    return kept if np.linalg.matrix_rank(sheet[kept]) == 3 else None


def _fitted(
    sheet: NDArray[np.float64], heights: NDArray[np.float64], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the plane through the kept tiles, and how far all lie above it."""
    fit, *_ = np.linalg.lstsq(sheet[kept], heights[kept], rcond=None)
    return np.asarray(fit, np.float64), heights - sheet @ fit
