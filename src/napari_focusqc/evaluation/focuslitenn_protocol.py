"""FocusLiteNN's protocol: rank and linear correlation with |z|, and sharp against blurry.

Room: evaluation. Where the paper [1]_ leaves a choice:

- It calls |z| of 0, 1 and 2 steps sharp and those “equal or larger than 2” blurry; 2 cannot be
  both, so here blurry is above 2.
- It does not say which of the two counts as positive for precision and recall. Blurry does here:
  the paper's area under that curve is above the ROC's where most patches are blurry (FocusPath)
  and below it where few are (TCGA@Focus), as only that choice would have it.
- A step is one of FocusPath's focus motor. On the simulated stacks it is 0.5 µm, which is not the
  same thing: compare models on one set of stacks, not these figures with the paper's.
- PLCC is of the scores as they are; no curve is fitted first.

References
----------
.. [1] Wang et al., "FocusLiteNN: High efficiency focus quality assessment …", MICCAI 2020,
   section 3, “Performance Evaluation”.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_focusqc.evaluation.figures_table import FiguresTable, measures, plain
from napari_focusqc.evaluation.metrics import (
    PrecisionRecallCurve,
    RocCurve,
    pearson,
    precision_recall_curve,
    roc_curve,
    spearman,
)
from napari_focusqc.evaluation.scored_tiles import ScoredTiles

SHARP_STEPS = 2
"""Planes at most this many steps from focus are sharp."""
STEP_UM = 0.5
"""Taken for a step on stacks whose heights are in µm."""


@dataclass(frozen=True, slots=True, eq=False)
class FocusLiteNNFigures:
    """What the protocol gives.

    Parameters
    ----------
    srcc, plcc
        Spearman's and Pearson's correlation of score and |z|.
    roc_auc, pr_auc
        Areas under the ROC curve and the precision-recall curve (average precision).
    sharp_up_to
        Largest |z| that counts as sharp, in the truth's unit.
    tiles, tiles_sharp
        Numbers of tiles.
    roc, precision_recall
        The curves.
    """

    srcc: float
    plcc: float
    roc_auc: float
    pr_auc: float
    sharp_up_to: float
    tiles: int
    tiles_sharp: int
    roc: RocCurve
    precision_recall: PrecisionRecallCurve

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures, one a line."""
        rows = {
            "SRCC with |z|": self.srcc,
            "PLCC with |z|": self.plcc,
            "area under the ROC curve": self.roc_auc,
            "area under precision against recall": self.pr_auc,
            "tiles that are sharp": self.tiles_sharp,
            "tiles that are blurry": self.tiles - self.tiles_sharp,
        }
        note = (
            f"Sharp: |z| up to {self.sharp_up_to:g} µm, taken for the paper's two steps. Its steps "
            "are not in µm: do not compare with its table."
        )
        return (measures("FocusLiteNN's protocol", rows, [note]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the measures as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


def focuslitenn_figures(tiles: ScoredTiles, step: float = STEP_UM) -> FocusLiteNNFigures:
    """Measure scores against the distance from focus.

    Parameters
    ----------
    tiles
        With z as truth, signed or not; tiles without a score do not count.
    step
        One z step, in the truth's unit; 1 where the truth counts planes.

    Raises
    ------
    EvaluationError
        No tile is sharp, none is blurry, or none has a score.
    """
    kept = tiles.judged()
    distance, sharp_up_to = np.abs(kept.truth), SHARP_STEPS * step
    blurry = (distance > sharp_up_to) & ~np.isclose(distance, sharp_up_to)
    roc = roc_curve(kept.scores, blurry)
    precision_recall = precision_recall_curve(kept.scores, blurry)
    return FocusLiteNNFigures(
        srcc=spearman(kept.scores, distance).value,
        plcc=pearson(kept.scores, distance).value,
        roc_auc=roc.area,
        pr_auc=precision_recall.average_precision,
        sharp_up_to=sharp_up_to,
        tiles=len(kept.scores),
        tiles_sharp=int((~blurry).sum()),
        roc=roc,
        precision_recall=precision_recall,
    )
