"""What training makes small, and how fast it goes.

Room: training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def plcc_loss(scores: Tensor, truth: Tensor) -> Tensor:
    """Return 1 − Pearson's linear correlation.

    It leaves scale and offset of the scores free and is 0 for any rising straight line.

    Parameters
    ----------
    scores, truth
        float (B,), B ≥ 2; a constant on either side counts as no correlation, loss 1.

    Returns
    -------
    float scalar, 0 to 2.

    References
    ----------
    .. [1] Wang et al., "FocusLiteNN …", MICCAI 2020, section 3, “Implementation Details”.
    """
    x, y = scores - scores.mean(), truth - truth.mean()
    tiny = 1e-12
    return 1 - (x * y).sum() / ((x * x).sum() * (y * y).sum() + tiny).sqrt()


@dataclass(frozen=True, slots=True)
class Goal:
    """What a training strives for.

    Parameters
    ----------
    words
        What the loss is, for the progress bar.
    loss
        From a network, images float (B, 3, tile, tile) in [0, 1] and classes int64 (B,): a scalar
        to be made small.
    rate
        From the share of the training that is done, 0 to 1, below 1: the share of the learning
        rate.
    """

    words: str
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    rate: Callable[[float], float]


def _correlation(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    return plcc_loss(network(images), classes.float())


def _likelihood(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    logits = network.logits(images)  # type: ignore[operator]
    return cross_entropy(logits, classes)


STRAIGHT_LINE = Goal("1 − r", _correlation, lambda done: 0.1 ** int(2 * done))
"""FocusLiteNN's: scores rise in a straight line with the class. The paper decays the rate every 60
of 120 epochs and does not say by how much: a tenth is ours."""

RIGHT_CLASS = Goal("cross-entropy", _likelihood, lambda done: (1 + cos(pi * done)) / 2)
"""ConvFocus's: the softmax cross-entropy of the paper; half a cosine is ours."""
