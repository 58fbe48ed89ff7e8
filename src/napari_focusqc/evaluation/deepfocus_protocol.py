"""DeepFocus's protocol: how often in focus and blurry are told apart, offset by offset.

Room: evaluation. The paper [1]_ tests offsets Ω of 0 and ±0.5 µm (in focus) and ±1.5, ±2 and
±2.5 µm (blurry): its 218,304 tiles in focus and 436,608 blurry ones are in the ratio 3 : 6. Those
offsets count here for the overall accuracy, the accuracy of each image and the ROC curve. Others
have a row of their own in the table by offset, and all from 1.5 µm on count for the balanced
accuracy. Where stacks are the same above and below focus, ±Ω is one offset and 0 weighs as
much as ±0.5. σ is over images, without Bessel's correction (the paper does not say).

References
----------
.. [1] Senaras et al., "DeepFocus: Detection of out-of-focus regions in whole slide digital images
   using deep learning", PLoS ONE 13(10), 2018, equation 3 and tables 2 and 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.evaluation.figures_table import FiguresTable, measures, plain
from napari_focusqc.evaluation.metrics import RocCurve, accuracy, balanced_accuracy, roc_curve
from napari_focusqc.evaluation.scored_tiles import ScoredTiles

IN_FOCUS_UM, BLURRY_UM, LAST_UM = 0.5, 1.5, 2.5
"""In focus up to the first; blurry from the second, in the paper's tests to the third, µm."""
_SLACK_UM = 1e-3


@dataclass(frozen=True, slots=True)
class OffsetAccuracy:
    """One row of the paper's Table 2.

    Parameters
    ----------
    offset_um
        Ω, µm, signed where the stack is.
    mean, sigma
        Of the accuracies A_Ωi of the images i.
    images
        Their number.
    """

    offset_um: float
    mean: float
    sigma: float
    images: int


@dataclass(frozen=True, slots=True, eq=False)
class DeepFocusFigures:
    """What the protocol gives.

    Parameters
    ----------
    accuracy
        (TP + TN) / (P + N) over the paper's offsets.
    balanced_accuracy
        Mean of sensitivity and specificity, |Ω| ≤ 0.5 against ≥ 1.5 µm.
    roc_auc
        Area under the ROC curve over the paper's offsets.
    threshold
        Tiles that score above it are called blurry.
    tiles
        Number of tiles with a score.
    by_offset
        Table 2, from the lowest offset.
    by_image
        Table 3: number of the image to its accuracy over the paper's offsets.
    roc
        The curve.
    """

    accuracy: float
    balanced_accuracy: float
    roc_auc: float
    threshold: float
    tiles: int
    by_offset: tuple[OffsetAccuracy, ...]
    by_image: dict[int, float]
    roc: RocCurve

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures, the table by offset and the table by image."""
        rows = {
            "accuracy, |Ω| ≤ 0.5 and 1.5 to 2.5 µm": self.accuracy,
            "balanced accuracy, |Ω| ≤ 0.5 against ≥ 1.5 µm": self.balanced_accuracy,
            "area under the ROC curve": self.roc_auc,
            "called blurry above the score": self.threshold,
            "tiles": self.tiles,
        }
        offsets = tuple((each.offset_um, each.mean, each.sigma) for each in self.by_offset)
        images = tuple((str(number), value) for number, value in self.by_image.items())
        return (
            measures("DeepFocus's protocol", rows),
            FiguresTable(
                "Accuracy by focus offset, over images",
                ("offset, µm", "mean", "σ"),
                offsets,
                ("Above 0.5 µm the right answer is “blurry”, at 1 µm as well.",),
            ),
            FiguresTable("Accuracy by image", ("image", "accuracy"), images),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the curve as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


def deepfocus_figures(tiles: ScoredTiles, threshold: float) -> DeepFocusFigures:
    """Measure verdicts against the distance from focus.

    Parameters
    ----------
    tiles
        With z in µm as truth, signed or not; tiles without a score do not count.
    threshold
        Tiles that score above it are called blurry.

    Raises
    ------
    EvaluationError
        No tile is in focus, none is blurry, or none has a score.
    """
    kept = tiles.judged()
    distance, called = np.abs(kept.truth), kept.scores > threshold
    sharp, blurry = distance <= IN_FOCUS_UM + _SLACK_UM, distance >= BLURRY_UM - _SLACK_UM
    tested = sharp | (blurry & (distance <= LAST_UM + _SLACK_UM))
    far = sharp | blurry
    roc = roc_curve(kept.scores[tested], ~sharp[tested])
    return DeepFocusFigures(
        accuracy=accuracy(called[tested], ~sharp[tested]),
        balanced_accuracy=balanced_accuracy(called[far], ~sharp[far]),
        roc_auc=roc.area,
        threshold=threshold,
        tiles=len(kept.scores),
        by_offset=_by_offset(kept, called == ~sharp),
        by_image={
            int(number): float((called == ~sharp)[tested & (kept.field == number)].mean())
            for number in np.unique(kept.field[tested])
        },
        roc=roc,
    )


def _by_offset(tiles: ScoredTiles, right: NDArray[np.bool_]) -> tuple[OffsetAccuracy, ...]:
    """Return mean and σ over images of the accuracy at each offset."""
    rows = []
    for offset in np.unique(tiles.truth):
        here = tiles.truth == offset
        each = [right[here & (tiles.field == n)].mean() for n in np.unique(tiles.field[here])]
        rows.append(
            OffsetAccuracy(float(offset), float(np.mean(each)), float(np.std(each)), len(each))
        )
    return tuple(rows)
