"""The range of scores a picture of a map spans, the same on screen and on paper.

Room: results.
"""

import numpy as np

from napari_focusqc.models.cards import CARDS
from napari_focusqc.results.focus_map import FocusMap


def score_limits(focus_map: FocusMap) -> tuple[float, float]:
    """Return the scores shown as the first and the last colour, the first below the last.

    Weights of ours with a measured threshold score on their model's scale (`ModelCard.scale`: blur
    classes, or a probability), so their maps all share it, whatever they show. Maps of weights
    without one, of others' weights that have a scale of their own, or of a model unknown here, are
    shown from their 1st to their 99th percentile.
    """
    model, weights = CARDS.get(focus_map.source.model), focus_map.source.weights
    measured = weights.get("threshold") is not None
    if model is not None and measured and model.on_scale(weights.get("command", "")):
        return model.scale
    scores = focus_map.scores[np.isfinite(focus_map.scores)]
    if scores.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(scores, (1, 99)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
