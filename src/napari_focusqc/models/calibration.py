"""From a score to the blur radius it stands for, the one scale that all models share.

Room: models. Plain numbers, no torch; fitted by `training.calibrating`, kept on a weights' card.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_focusqc.errors import WeightsError


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising curve from score to equivalent blur radius, with the spread around it.

    The equivalent blur radius is that of the bokeh disk, µm in the plane of the specimen, which
    gives sharp tissue such a score.

    Parameters
    ----------
    score
        Scores at the knots, at least two, strictly rising.
    radius_um
        Median true radius of crops of about that score, µm, never falling.
    low_um, high_um
        16th and 84th percentile of those radii, µm: the middle 68 %.
    note
        What it was fitted on.

    Raises
    ------
    WeightsError
        The knots are not as above.
    """

    score: tuple[float, ...]
    radius_um: tuple[float, ...]
    low_um: tuple[float, ...]
    high_um: tuple[float, ...]
    note: str = ""

    def __post_init__(self) -> None:
        knots = (self.score, self.radius_um, self.low_um, self.high_um)
        lengths = {len(values) for values in knots}
        if len(lengths) != 1 or min(lengths) < 2:
            raise _refusal("needs as many scores as radii and bounds, at least two of each")
        score, radius, low, high = (np.asarray(values, np.float64) for values in knots)
        if not all(np.isfinite(values).all() for values in (score, radius, low, high)):
            raise _refusal("holds numbers that are not finite")
        if not (np.diff(score) > 0).all():
            raise _refusal("has scores that do not rise from knot to knot")
        if not ((np.diff(radius) >= 0).all() and radius[0] >= 0):
            raise _refusal("has radii that fall, or are negative")
        if not ((low >= 0) & (low <= radius) & (radius <= high)).all():
            raise _refusal("has radii that lie outside their own bounds")

    @classmethod
    def from_dict(cls, values: Any) -> "Calibration":
        """Read a calibration back from the plain values of a card's JSON.

        Raises
        ------
        WeightsError
            They are not those of a calibration.
        """
        try:
            score, radius_um, low_um, high_um = (
                _numbers(values[name]) for name in ("score", "radius_um", "low_um", "high_um")
            )
            note = str(values.get("note", ""))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise _refusal(f"cannot be read ({type(error).__name__}: {error})") from error
        return cls(score, radius_um, low_um, high_um, note)

    def radius_um_of(self, scores: ArrayLike) -> NDArray[np.float32]:
        """Return the equivalent blur radius of scores.

        Parameters
        ----------
        scores
            Any shape; a score beyond the first or last knot counts as that knot's.

        Returns
        -------
        float32 µm, the shape of `scores`, never falling with the score; NaN where it is NaN.
        """
        return self._on_curve(scores, self.radius_um)

    def interval_um_of(self, scores: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the lower and upper bound of the middle 68 % of true radii, as `radius_um_of`."""
        return self._on_curve(scores, self.low_um), self._on_curve(scores, self.high_um)

    def _on_curve(self, scores: ArrayLike, values: tuple[float, ...]) -> NDArray[np.float32]:
        """Interpolate linearly; unlike `np.interp`, never beyond a segment's ends by rounding."""
        x, y = np.asarray(self.score, np.float64), np.asarray(values, np.float64)
        at = np.clip(np.asarray(scores, np.float64), x[0], x[-1])
        left = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
        share = (at - x[left]) / (x[left + 1] - x[left])
        between = y[left] + share * (y[left + 1] - y[left])
        low, high = np.minimum(y[left], y[left + 1]), np.maximum(y[left], y[left + 1])
        return np.asarray(np.clip(between, low, high), np.float32)


def _numbers(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _refusal(what: str) -> WeightsError:
    return WeightsError(
        f"the weights' calibration {what}; put the card that training wrote back beside the weights"
    )
