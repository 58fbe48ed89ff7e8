"""What training makes small, and how fast it goes.

Room: training.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Adam, Optimizer


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
    optimizer
        From parameters and a learning rate.
    """

    words: str
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    rate: Callable[[float], float]
    optimizer: Callable[[list[nn.Parameter], float], Optimizer]


def _correlation(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    return plcc_loss(network(images).float(), classes.float())


def _likelihood(network: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    logits = network.logits(images)  # type: ignore[operator]
    return cross_entropy(logits, classes)


def _adam(parameters: list[nn.Parameter], rate: float) -> Optimizer:
    return Adam(parameters, lr=rate)


def _sgd(parameters: list[nn.Parameter], rate: float) -> Optimizer:
    return SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=_L2)


def _half_cosine(done: float) -> float:
    """Rise within the first hundredth, then fall to 0: large steps on first batches are lost."""
    return min(done / 0.01, 1.0) * (1 + cos(pi * done)) / 2 if done > 0 else 0.1


_L2 = 1e-3
"""The weight of DeepFocus's published code on half the squared norm."""

STRAIGHT_LINE = Goal("1 − r", _correlation, lambda done: 0.1 ** int(2 * done), _adam)
"""FocusLiteNN's: scores rise in a straight line with the class. The paper decays the rate every 60
of 120 epochs and does not say by how much: a tenth is ours."""

RIGHT_CLASS = Goal("cross-entropy", _likelihood, _half_cosine, _adam)
"""ConvFocus's: the softmax cross-entropy of the paper; Adam and half a cosine are ours."""

IN_OR_OUT = Goal("cross-entropy", _likelihood, _half_cosine, _sgd)
"""DeepFocus's: softmax cross-entropy of two classes by SGD. Momentum and half a cosine are ours:
the paper has 216,000 tiles for 20 epochs, and with fewer steps plain SGD does not get there."""
