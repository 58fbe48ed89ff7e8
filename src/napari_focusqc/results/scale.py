"""The range of scores a picture of a map spans, the same on screen and on paper.

Room: results.
"""

import numpy as np

from napari_focusqc.results.focus_map import FocusMap

BLUR_CLASSES = (0.0, 29.0)
"""ConvFocus's blur classes, in focus to strongest: the scale our own weights score in."""


def score_limits(focus_map: FocusMap) -> tuple[float, float]:
    """Return the scores shown as the first and the last colour, the first below the last.

    Weights with a measured threshold are our own and score in blur classes, so their maps all
    share one scale, whatever they show. Weights of others have none; their maps are shown from
    their 1st to their 99th percentile.
    """
    if focus_map.source.weights.get("threshold") is not None:
        return BLUR_CLASSES
    scores = focus_map.scores[np.isfinite(focus_map.scores)]
    if scores.size == 0:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(scores, (1, 99)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)
