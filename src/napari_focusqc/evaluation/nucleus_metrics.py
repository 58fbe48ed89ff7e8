"""How well nuclei are found: precision, recall, F1 and distance, and the ξ to find them with.

Room: evaluation. Points and their values in, numbers out; knows no model and searches no map.

What is undefined is NaN and never 1: precision where nothing was found, recall where nothing is
there, F1 where both, the distance where nothing was matched. Pooled over images, pairs and points
are added up first, so an image without nuclei counts by its false positives alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.nucleus_matching import Matching, adds_match, match

Points = NDArray[np.floating[Any]]
"""Any float (N, 2), (y, x), px."""

RADII_PX = (6.0, 12.0, 16.0)
"""A found nucleus this near to a true one may be it; 16 px at 40x is the paper's."""
XI = tuple(percent / 100 for percent in range(1, 100))
"""ξ to draw a relative curve at."""


@dataclass(frozen=True, slots=True)
class DetectionScore:
    """How well the nuclei of one image, or of all together, were found.

    Parameters
    ----------
    tp, fp, fn
        Nuclei that were found, found nuclei that are none, nuclei that were missed.
    distance_px
        Mean Euclidean distance of the matched pairs, px; NaN where there is none.
    """

    tp: int
    fp: int
    fn: int
    distance_px: float

    @property
    def precision(self) -> float:
        """TP / (TP + FP), 0 to 1; NaN where nothing was found."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """TP / (TP + FN), 0 to 1; NaN where nothing is there."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), 0 to 1; NaN where nothing was found and nothing is there.

        Equal to the paper's 2 P R / (P + R), and 0 where that has no value because nothing matched,
        though something was found or is there.
        """
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)


@dataclass(frozen=True, slots=True)
class RadiusScore:
    """Scores at one radius.

    Parameters
    ----------
    radius_px, radius_um
        How far a found nucleus may lie from its true one.
    pooled
        Of all images together.
    images
        Of each image.
    """

    radius_px: float
    radius_um: float
    pooled: DetectionScore
    images: tuple[DetectionScore, ...]


@dataclass(frozen=True, slots=True, eq=False)
class DetectionCurve:
    """Counts of all images together at each threshold.

    Parameters
    ----------
    threshold
        float64 (T,), rising: ξ where relative, else a least value.
    tp, found
        int64 (T,), nuclei that are found, and peaks in all, at this threshold or above.
    true
        Number of nuclei that are there.
    """

    threshold: NDArray[np.float64]
    tp: NDArray[np.int64]
    found: NDArray[np.int64]
    true: int

    @property
    def precision(self) -> NDArray[np.float64]:
        """float64 (T,), 0 to 1; NaN where nothing is found."""
        return _shares(self.tp, self.found)

    @property
    def recall(self) -> NDArray[np.float64]:
        """float64 (T,), 0 to 1; NaN where nothing is there."""
        return _shares(self.tp, np.full_like(self.tp, self.true))

    @property
    def f1(self) -> NDArray[np.float64]:
        """float64 (T,), 0 to 1; NaN where nothing is found and nothing is there."""
        return _shares(2 * self.tp, self.found + self.true)


def pool(matchings: Iterable[Matching]) -> DetectionScore:
    """Score images together; one alone, given one.

    Parameters
    ----------
    matchings
        Of each image; none at all is a score without nuclei.
    """
    every = list(matchings)
    away = np.concatenate([np.empty(0), *(each.distance_px for each in every)])
    return DetectionScore(
        sum(each.tp for each in every),
        sum(each.fp for each in every),
        sum(each.fn for each in every),
        float(away.mean()) if len(away) else math.nan,
    )


def score_images(
    found: Sequence[Points],
    true: Sequence[Points],
    *,
    mpp: float,
    radii_px: Sequence[float] = RADII_PX,
) -> tuple[RadiusScore, ...]:
    """Score found nuclei against true ones at several radii.

    Parameters
    ----------
    found, true
        Of each image.
    mpp
        µm/px of all images.
    radii_px
        Each above 0.

    Returns
    -------
    In the order of `radii_px`.

    Raises
    ------
    EvaluationError
        As for `match`; there are no images, or not as many of one as of the other; or `mpp` is not
        above 0 and finite.

    References
    ----------
    .. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images",
       BMC Bioinformatics 20:472, 2019, "Evaluation metrics".
    """
    _check_images(found, true)
    if not 0 < mpp < math.inf:
        raise EvaluationError(f"the resolution is {mpp} µm/px; it must be above 0 and finite")
    scores = []
    for radius_px in radii_px:
        pairs = [match(here, there, radius_px) for here, there in zip(found, true, strict=True)]
        images = tuple(pool([each]) for each in pairs)
        scores.append(RadiusScore(radius_px, radius_px * mpp, pool(pairs), images))
    return tuple(scores)


def detection_curve(
    found: Sequence[Points],
    values: Sequence[NDArray[np.floating[Any]]],
    true: Sequence[Points],
    radius_px: float,
    thresholds: Sequence[float] | NDArray[np.float64] = XI,
    *,
    relative: bool,
) -> DetectionCurve:
    """Count what is found at every threshold, from peaks that were searched once.

    The peaks must have been found with a `least` at or below the lowest threshold: what was not
    searched for is missing here as well. Each count is that of a matching of its own, of the peaks
    at or above the threshold.

    Parameters
    ----------
    found, values, true
        Of each image: peaks (N, 2), the map at each (N,), and nuclei (M, 2).
    radius_px
        As for `match`.
    thresholds
        (T,), rising.
    relative
        Whether a threshold is the paper's ξ, a part of the highest peak of each image, which is
        its map's maximum; otherwise it is one least value for all images.

    Raises
    ------
    EvaluationError
        As for `score_images`; peaks and values differ in number, a value is not finite, or the
        thresholds do not rise.
    """
    _check_images(found, true)
    _check_images(found, values)
    at = np.asarray(thresholds, np.float64)
    if at.ndim != 1 or not len(at) or not (np.diff(at, prepend=-np.inf) > 0).all():
        raise EvaluationError("the thresholds do not rise; give at least one, the lowest first")
    tp, counts = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for points, heights, there in zip(found, values, true, strict=True):
        _check_values(points, heights)
        order = np.argsort(-heights, kind="stable")
        ranked = heights[order].astype(np.float64)
        matched = np.cumsum([0, *adds_match(points[order], there, radius_px)])
        least = at * ranked[0] if relative and len(ranked) else at
        count = np.searchsorted(-ranked, -least, side="right")
        counts += count
        tp += matched[count]
    return DetectionCurve(at, tp, counts, sum(len(there) for there in true))


def choose_xi(curve: DetectionCurve) -> float:
    """Return the threshold with the best pooled F1: ξ, or the least value of an absolute curve.

    Of several that are as good, the middle one of the longest row is taken.

    Parameters
    ----------
    curve
        Of validation images, never of those that figures are then measured on.

    Raises
    ------
    EvaluationError
        No nucleus is found at any threshold.
    """
    if not curve.tp.any():
        raise EvaluationError(
            f"none of {curve.true} nuclei is found at any threshold; give peaks that were searched "
            "with a lower one, or a larger radius"
        )
    f1 = curve.f1
    best = np.flatnonzero(f1 == np.nanmax(f1))
    rows = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(rows, key=len)
    return float(curve.threshold[longest[len(longest) // 2]])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = np.full(len(part), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _check_images(some: Sequence[object], others: Sequence[object]) -> None:
    if not len(some) or len(some) != len(others):
        raise EvaluationError(
            f"there are {len(some)} and {len(others)} arrays; give one of each kind for every "
            "image, and one image at least"
        )


def _check_values(points: Points, heights: NDArray[np.floating[Any]]) -> None:
    if heights.shape != (len(points),) or not np.isfinite(heights).all():
        raise EvaluationError(
            f"there are values of shape {heights.shape} for {len(points)} peaks, or one is not "
            "finite; each peak needs one"
        )
