"""Threshold and figures, by hand."""

import numpy as np

from napari_focusqc.training.crops import Crops
from napari_focusqc.training.measures import (
    best_threshold,
    class_error,
    figures,
)


def test_threshold_parts_the_groups_and_ignores_what_lies_between() -> None:
    scores = np.array([1.0, 2, 3, 4, 100, -100, 6, 7])
    radius = np.array([0, 0.2, 0.5, 0.3, 0.7, 0.9, 1.0, 5], np.float32)
    assert best_threshold(scores, radius) == 5  # midway between 4 (sharp) and 6 (blurred)


def test_figures_by_hand() -> None:
    crops = Crops(
        np.zeros((4, 1, 1, 3), np.uint8),
        np.array([0, 1, 20, 25]),
        np.array([0, 0.4, 2.7, 4.6], np.float32),
    )
    found = figures(np.array([1.0, 3, 2, 4]), crops, threshold=2.5)
    assert found["tile_spearman"] == 0.8  # one pair of neighbours swapped: 1 − 6 · 2 / (4 · 15)
    assert found["roc_auc"] == 0.75  # of 2 × 2 pairs one is the wrong way round
    assert found["balanced_accuracy"] == 0.5
    assert (found["tiles"], found["tiles_in_focus"], found["tiles_out_of_focus"]) == (4, 2, 2)


def test_class_error_is_in_classes() -> None:
    found = class_error(np.array([1.0, 4.0, 9.5]), np.array([0, 4, 12]))
    assert found == {"mean_absolute_error": round(3.5 / 3, 3)}
