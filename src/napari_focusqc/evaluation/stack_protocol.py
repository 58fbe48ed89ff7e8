"""How scores follow the distance from focus, over all tiles and image by image; the “v”.

Room: evaluation. A protocol of our own, for simulated and for real stacks in µm.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.evaluation.figures_table import FiguresTable, measures, plain
from napari_focusqc.evaluation.metrics import roc_curve, spearman
from napari_focusqc.evaluation.scored_tiles import ScoredTiles

NEAR_UM, FAR_UM = 0.5, 1.0
"""The two distances that the area under the ROC curve tells apart."""
MIDDLE = (16.0, 84.0)
"""Percentiles that hold the middle 68 %."""


class VCurve(NamedTuple):
    """Scores against height, as `curves.write_v_plot` draws them.

    Parameters
    ----------
    z
        float64 (Z,), rising.
    mean
        float64 (Z,), mean score.
    low, high
        float64 (Z,), between which the middle 68 % of the scores lie.
    """

    z: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StackFigures:
    """What a stack tells of a model.

    Parameters
    ----------
    spearman
        Of score and |z| over all tiles.
    spearman_limit
        Of the true blur radius and |z|: what a perfect measure of blur would reach, as each image
        has a lens of its own. NaN where the radius is not known.
    spearman_radius
        Of score and true blur radius; NaN likewise.
    spearman_worst_field
        The lowest among the images; an image whose tiles all have one score or one |z| is left out.
    auc_half_from_one_um
        Area under the ROC curve, |z| = 0.5 against 1.0 µm.
    tiles, fields
        Numbers of tiles with a score and of images.
    abstained
        Share of the tiles without a score, 0 to 1.
    """

    spearman: float
    spearman_limit: float
    spearman_radius: float
    spearman_worst_field: float
    auc_half_from_one_um: float
    tiles: int
    fields: int
    abstained: float

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures, one a line."""
        rows = {
            "Spearman of score and distance, all tiles": self.spearman,
            "the same of the true blur radius, a limit": self.spearman_limit,
            "Spearman of score and true blur radius": self.spearman_radius,
            "Spearman of the worst image": self.spearman_worst_field,
            "area under the ROC curve, 0.5 against 1.0 µm": self.auc_half_from_one_um,
            "tiles": self.tiles,
            "images": self.fields,
        }
        return (measures("How scores follow the distance from focus", rows),)

    def to_dict(self) -> dict[str, Any]:
        """Return the measures as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


def stack_figures(tiles: ScoredTiles) -> StackFigures:
    """Measure how scores follow the distance from focus, tile by tile.

    Parameters
    ----------
    tiles
        With z in µm as truth, signed or not; tiles without a score do not count.

    Raises
    ------
    EvaluationError
        No tile has a score, or none lies at one of the two distances to be told apart.
    """
    kept = tiles.judged()
    distance = np.abs(kept.truth)
    numbers = np.unique(kept.field)
    by_field = [
        spearman(kept.scores[kept.field == number], distance[kept.field == number]).value
        for number in numbers
    ]
    known = [value for value in by_field if np.isfinite(value)]
    near, far = np.isclose(distance, NEAR_UM), np.isclose(distance, FAR_UM)
    radius = kept.radius_um
    return StackFigures(
        spearman=spearman(kept.scores, distance).value,
        spearman_limit=np.nan if radius is None else spearman(radius, distance).value,
        spearman_radius=np.nan if radius is None else spearman(kept.scores, radius).value,
        spearman_worst_field=min(known, default=np.nan),
        auc_half_from_one_um=roc_curve(kept.scores[near | far], far[near | far]).area,
        tiles=len(kept.scores),
        fields=len(numbers),
        abstained=tiles.abstained,
    )


def v_curve(tiles: ScoredTiles) -> VCurve:
    """Return the mean score at every z, signed where the truth is, and how far scores spread.

    Parameters
    ----------
    tiles
        With z as truth; tiles without a score do not count, nor does a z without any.

    Raises
    ------
    EvaluationError
        No tile has a score.
    """
    kept = tiles.judged()
    z = np.unique(kept.truth)
    at_z = [kept.scores[kept.truth == each] for each in z]
    low, high = np.array([np.percentile(scores, MIDDLE) for scores in at_z]).T
    mean = np.array([scores.mean() for scores in at_z])
    return VCurve(np.asarray(z, np.float64), mean, low, high)
