"""What a score is worth in µm, and which tiles hold too little to be judged.

Room: training. Both are fitted on crops of images kept out of training, blurred by known amounts.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata, spearmanr

from napari_focusqc.errors import TrainingError
from napari_focusqc.models.calibration import Calibration

MAX_KNOTS = 24
CROPS_PER_KNOT = 20
LEAST_CROPS = 2 * CROPS_PER_KNOT

MAX_BINS = 30
CROPS_PER_BIN = 40
MARGIN = 0.25
"""By how much balanced accuracy may fall short of that of structured tiles: about half the way from
there to a tossed coin's 0.5."""
ROUNDING = 1e-9


def fit_calibration(scores: ArrayLike, radius_um: ArrayLike, note: str = "") -> Calibration:
    """Fit the curve from score to equivalent blur radius.

    All is done on a scale of log(1 + radius): radii run from 0 to 50 µm, and it is the relative
    error that matters.

    1. Crops are pooled by score into at most `MAX_KNOTS` pools of equal number; crops of one score
       stay together. A knot's score is its pool's median.
    2. A knot's radius is the median true radius of its pool: a few crops that show no blur whatever
       their radius must not move it.
    3. Its bounds are the 16th and 84th percentile, in its pool, of the radii's distance from the
       curve through the medians; so the pool's own width in score does not widen them.
    4. Where one of these three curves falls from a knot to the next, the knots are averaged, each
       with its number of crops (isotonic regression [1]_). Bounds that this puts on the wrong side
       of the centre are moved to it.

    Parameters
    ----------
    scores
        (N,), of crops as mixed in blur as the tiles to come.
    radius_um
        Radius of the blur disk each crop was given, (N,), µm.
    note
        What the crops are, for the card.

    Raises
    ------
    TrainingError
        There are fewer than `LEAST_CROPS` crops, numbers are not finite or radii negative, or radii
        do not rise with the scores.

    References
    ----------
    .. [1] Best and Chakravarti, "Active set algorithms for isotonic regression", Mathematical
       Programming 47, 1990 (what `scipy.optimize.isotonic_regression` follows).
    """
    score, radius = np.asarray(scores, np.float64), np.asarray(radius_um, np.float64)
    _check_crops(score, radius)
    pools = _pools(score, min(MAX_KNOTS, len(score) // CROPS_PER_KNOT))
    counts = np.array([len(pool) for pool in pools])
    knots = np.array([np.sort(score[pool])[(len(pool) - 1) // 2] for pool in pools])
    size = np.log1p(radius)
    centre = _rising(np.array([np.median(size[pool]) for pool in pools]), counts)
    apart = size - np.interp(score, knots, centre)
    bounds = np.array([np.quantile(apart[pool], (0.16, 0.84)) for pool in pools])
    least, most = size.min(), size.max()
    low, high = (_rising(np.clip(centre + b, least, most), counts) for b in bounds.T)
    return Calibration(
        score=tuple(float(knot) for knot in knots),
        radius_um=_radii(centre),
        low_um=_radii(np.minimum(low, centre)),
        high_um=_radii(np.maximum(high, centre)),
        note=note,
    )


def _check_crops(score: NDArray[np.float64], radius: NDArray[np.float64]) -> None:
    """Refuse crops that no curve can be fitted to."""
    if score.shape != radius.shape or score.ndim != 1 or len(score) < LEAST_CROPS:
        raise TrainingError(
            f"there are {score.size} scores and {radius.size} radii to calibrate with; at least "
            f"{LEAST_CROPS} crops are needed, each with both"
        )
    if not (np.isfinite(score).all() and np.isfinite(radius).all() and (radius >= 0).all()):
        raise TrainingError(
            "there are scores or radii that are not finite, or radii below 0; look at the network "
            "and at the crops"
        )
    rising = np.ptp(score) > 0 and np.ptp(radius) > 0 and spearmanr(score, radius).statistic > 0
    if not rising:
        raise TrainingError(
            "the blur radii do not rise with the scores, so scores cannot be turned into "
            "micrometres; train for more epochs, or look at the images"
        )


def _pools(values: NDArray[np.float64], count: int) -> list[NDArray[np.intp]]:
    """Part crops into at most `count` pools by value.

    Equal values share their middle rank, and so their pool. Where there are two values and two
    pools, there are crops in two pools: first and last rank lie half of all crops apart.
    """
    rank = (rankdata(values, method="average") - 0.5) / len(values)
    number = np.minimum((rank * count).astype(np.intp), count - 1)
    return [np.flatnonzero(number == each) for each in np.unique(number)]


def _rising(values: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Average values that fall from one to the next, each with its number of crops."""
    return np.asarray(isotonic_regression(values, weights=counts).x, np.float64)


def _radii(size: NDArray[np.float64]) -> tuple[float, ...]:
    """Turn log(1 + radius) into radii, µm, rounded to a tenth of a nanometre, none below 0."""
    return tuple(round(max(float(value), 0.0), 4) for value in np.expm1(size))


@dataclass(frozen=True, slots=True)
class AbstentionRule:
    """A least structure, and what it is worth.

    Parameters
    ----------
    min_structure
        Tiles with less are abstained, %; 0 where every tile can be judged.
    abstained, abstained_sharp, abstained_blurred
        Share that it abstains of all crops, of those in and of those out of focus.
    balanced_accuracy
        Of all crops.
    kept_accuracy, abstained_accuracy
        Balanced accuracy of crops with that structure and of those with less; None where crops in
        or out of focus are missing there.
    """

    min_structure: float
    abstained: float
    abstained_sharp: float
    abstained_blurred: float
    balanced_accuracy: float
    kept_accuracy: float | None
    abstained_accuracy: float | None

    def figures(self) -> dict[str, float]:
        """Return what a card's figures say of it, rounded to 3 places."""
        found = {
            "abstained": self.abstained,
            "abstained_in_focus": self.abstained_sharp,
            "abstained_out_of_focus": self.abstained_blurred,
            "balanced_accuracy_every_tile": self.balanced_accuracy,
            "balanced_accuracy_kept": self.kept_accuracy,
            "balanced_accuracy_abstained": self.abstained_accuracy,
        }
        return {name: round(value, 3) for name, value in found.items() if value is not None}


def fit_abstention(
    structure: ArrayLike, wrong: ArrayLike, blurred: ArrayLike, margin: float = MARGIN
) -> AbstentionRule:
    """Find the least structure at which verdicts are about as good as on structured tiles.

    1. Crops in focus and crops out of focus are looked at apart, since blur takes structure away.
       Each kind is pooled by structure into pools of equal number: at most `MAX_BINS`, of at least
       `CROPS_PER_BIN` crops.
    2. The share of right verdicts in each pool is made to rise with structure (isotonic
       regression): a curve of steps, level beyond its first and last pool. So where a kind was not
       seen, it is taken to be judged as at the least structure at which it was.
    3. The mean of both curves is the balanced accuracy at a structure.
    4. The plateau of a curve is its mean over that half of its crops that has more structure.
    5. The limit is the first border between pools from which on the balanced accuracy is at least
       the mean of both plateaus less `margin`; it is 0 where that holds from the first pools on.

    Parameters
    ----------
    structure
        `tiles.structure.structure_of` each crop, as it is after blur and noise, (N,).
    wrong
        Whether the verdict, in or out of focus, was wrong, bool (N,).
    blurred
        Whether the crop is out of focus in truth, bool (N,); leave crops in between out.
    margin
        By how much balanced accuracy may fall short, 0 to 1.

    Raises
    ------
    TrainingError
        The arrays do not belong together, a structure is not finite, or crops in focus or out of
        focus are missing.
    """
    found = np.asarray(structure, np.float64)
    right, out = ~np.asarray(wrong, bool), np.asarray(blurred, bool)
    _check_verdicts(found, right, out)
    curves = [_Steps.fitted(found[out == kind], right[out == kind]) for kind in (False, True)]
    borders = np.unique(np.concatenate([[0.0], *(curve.borders for curve in curves)]))
    reached = np.mean([curve.at(borders) for curve in curves], axis=0)
    enough = np.mean([curve.plateau for curve in curves]) - margin - ROUNDING
    limit = float(borders[np.flatnonzero(reached >= enough)[0]])
    return abstention_at(limit, found, ~right, out)


def abstention_at(
    min_structure: float, structure: ArrayLike, wrong: ArrayLike, blurred: ArrayLike
) -> AbstentionRule:
    """Return what a least structure is worth on crops; arguments as for `fit_abstention`."""
    found = np.asarray(structure, np.float64)
    right, out = ~np.asarray(wrong, bool), np.asarray(blurred, bool)
    _check_verdicts(found, right, out)
    kept = found >= min_structure
    return AbstentionRule(
        min_structure=min_structure,
        abstained=float((~kept).mean()),
        abstained_sharp=float((~kept)[~out].mean()),
        abstained_blurred=float((~kept)[out].mean()),
        balanced_accuracy=_balanced(right, out) or 0.0,
        kept_accuracy=_balanced(right[kept], out[kept]),
        abstained_accuracy=_balanced(right[~kept], out[~kept]),
    )


def _check_verdicts(
    structure: NDArray[np.float64], right: NDArray[np.bool_], out: NDArray[np.bool_]
) -> None:
    """Refuse what does not belong together."""
    if structure.ndim != 1 or not structure.shape == right.shape == out.shape:
        raise TrainingError(
            f"there are {structure.size} structures, {right.size} verdicts and {out.size} truths; "
            "each crop needs all three"
        )
    if not np.isfinite(structure).all():
        raise TrainingError("there are structures that are not finite; measure them on the crops")
    if out.all() or not out.any():
        raise TrainingError(
            "abstention is fitted on crops in focus and out of focus, and one kind is missing; "
            "give both"
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Share of right verdicts, rising with structure: `shares[i]` from `borders[i - 1]` on."""

    borders: NDArray[np.float64]
    shares: NDArray[np.float64]
    plateau: float

    @classmethod
    def fitted(cls, structure: NDArray[np.float64], right: NDArray[np.bool_]) -> "_Steps":
        """Fit the steps to crops of one kind."""
        pools = _pools(structure, min(max(len(right) // CROPS_PER_BIN, 1), MAX_BINS))
        counts = np.array([len(pool) for pool in pools])
        shares = _rising(np.array([right[pool].mean() for pool in pools]), counts)
        borders = [
            _between(structure[below].max(), structure[above].min())
            for below, above in pairwise(pools)
        ]
        by_crop = np.repeat(shares, counts)
        return cls(np.array(borders), shares, float(by_crop[len(by_crop) // 2 :].mean()))

    def at(self, structure: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the share at structures; one on a border belongs to the pool above."""
        return self.shares[np.searchsorted(self.borders, structure, side="right")]


def _between(below: float, above: float) -> float:
    """Return a number of few digits above `below` and at most `above`."""
    for digits in range(1, 9):
        middle = round(float(below + above) / 2, digits)
        if below < middle <= above:
            return middle
    return float(above)


def _balanced(right: NDArray[np.bool_], out: NDArray[np.bool_]) -> float | None:
    """Return the mean of the shares of right verdicts in and out of focus; None without both."""
    if out.all() or not out.any():
        return None
    return float((right[out].mean() + right[~out].mean()) / 2)
