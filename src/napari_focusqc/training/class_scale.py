"""Bringing a trained network's scores to the scale of ConvFocus's classes, 0 to 29.

Room: training. A class is a blur disk (`optics.classes`); so the scale is fitted on crops of
training images that a disk blurred and the paper's camera saw, whatever the network was trained on.
"""

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from napari_focusqc.errors import TrainingError
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.progress import Progress
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.crops import Crops, in_three_sizes, make_crops
from napari_focusqc.training.fields import TrainingFields
from napari_focusqc.training.kinds import BOKEH
from napari_focusqc.training.loop import score_crops

LEAST, MOST = 60, 3000
"""Number of crops it is fitted on: a tenth of those trained on, within these bounds."""
STIFFNESS = 1e-3
"""How much a class's own step counts in `class_values`, beside the mean over all crops."""


def disk_crops(
    settings: TrainSettings, sharp: TrainingFields, tile_px: int
) -> Generator[Progress[None], None, Crops]:
    """Make crops that show what a class is: a disk, as ConvFocus's paper has it."""
    count, seed = min(max(settings.crops // 10, LEAST), MOST), settings.seed + 7
    fields = in_three_sizes(sharp.training, tile_px)
    crops = yield from make_crops(fields, count, settings.mpp, tile_px, seed, BOKEH)
    return crops


def fold_line(network: FocusLiteNN, crops: Crops) -> None:
    """Fold the regression of class on score into the weights."""
    network.rescale(*class_line(score_crops(network, crops.images), crops.classes))


def fold_values(network: ConvFocus, crops: Crops) -> None:
    """Give the classes the values that fit best."""
    shares = score_crops(network.probabilities, crops.images)
    values = class_values(shares, crops.classes)
    network.get_buffer("values").copy_(torch.from_numpy(values))


def class_line(scores: NDArray[np.float64], classes: NDArray[np.int64]) -> tuple[float, float]:
    """Regress out-of-focus class on score.

    Returns
    -------
    Slope and offset of the straight line from score to class.

    Raises
    ------
    TrainingError
        Scores do not rise with the class.
    """
    spread = float(scores.var())
    slope = float(np.cov(scores, classes, bias=True)[0, 1]) / spread if spread > 0 else 0.0
    if not slope > 0:
        raise TrainingError(
            "the scores do not rise with the blur after training; train for more epochs, or look "
            "at the images"
        )
    return slope, float(classes.mean() - slope * scores.mean())


def class_values(shares: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Fit the values of classes so that their expected value is the true class.

    Least squares with values that never fall from class to class. Steps from one to the next are
    drawn to 1 by `STIFFNESS`, so that classes that few crops look like keep their distance.

    Parameters
    ----------
    shares
        Probability of each class, (N, classes).
    classes
        True class of each crop, (N,).

    Returns
    -------
    Value of each class, (classes,).
    """
    count, known = shares.shape[1], len(classes)
    reached = shares[:, ::-1].cumsum(axis=1)[:, ::-1]  # probability of class k and all above
    stiff = np.sqrt(STIFFNESS * known) * np.eye(count, count + 1)
    even = np.sqrt(STIFFNESS * known) * (np.arange(count) > 0)
    left = np.vstack([np.hstack([reached, -np.ones((known, 1))]), stiff])
    rises, _ = nnls(left, np.concatenate([classes, even]))
    return np.asarray(rises[:-1].cumsum() - rises[-1], np.float64)
