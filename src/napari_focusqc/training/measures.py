"""What a trained network's scores are worth: threshold and figures for its card.

Room: training. The threshold is fitted on training crops, figures are measured on crops of
images kept out of training.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

from napari_focusqc.training.crops import Crops

SHARP_UM, BLURRED_UM = 0.5, 1.0
"""A crop blurred by a disk of at most / at least this radius counts as in / out of focus."""


def best_threshold(scores: NDArray[np.float64], radius_um: NDArray[np.float32]) -> float:
    """Return the score that parts in-focus from out-of-focus crops best, by balanced accuracy.

    Crops between `SHARP_UM` and `BLURRED_UM` do not count.
    """
    sharp, blurred = _groups(scores, radius_um)
    every = np.unique(np.concatenate([sharp, blurred]))
    cuts = (every[1:] + every[:-1]) / 2
    below = np.searchsorted(np.sort(sharp), cuts) / len(sharp)
    above = 1 - np.searchsorted(np.sort(blurred), cuts) / len(blurred)
    best = np.flatnonzero(below + above == (below + above).max())
    return float(cuts[best].mean())


def figures(scores: NDArray[np.float64], crops: Crops, threshold: float) -> dict[str, float]:
    """Measure scores of crops that were not trained on.

    Returns
    -------
    Tile Spearman and Pearson of score against class, area under the ROC curve and balanced
    accuracy of in against out of focus, rounded to 3 places, and the number of tiles.
    """
    sharp, blurred = _groups(scores, crops.radius_um)
    pairs = len(sharp) * len(blurred)
    balanced = ((sharp <= threshold).mean() + (blurred > threshold).mean()) / 2
    return {
        "tile_spearman": round(float(spearmanr(scores, crops.classes).statistic), 3),
        "tile_pearson": round(float(np.corrcoef(scores, crops.classes)[0, 1]), 3),
        "roc_auc": round(float(mannwhitneyu(blurred, sharp).statistic) / pairs, 3),
        "balanced_accuracy": round(float(balanced), 3),
        "tiles": len(scores),
        "tiles_in_focus": len(sharp),
        "tiles_out_of_focus": len(blurred),
    }


def class_error(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> dict[str, float]:
    """Return the mean absolute error of scores that are classes, rounded to 3 places."""
    return {"mean_absolute_error": round(float(np.abs(scores - classes).mean()), 3)}


def _groups(
    scores: NDArray[np.float64], radius_um: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of crops in focus and of those out of focus."""
    return scores[radius_um <= SHARP_UM], scores[radius_um >= BLURRED_UM]
