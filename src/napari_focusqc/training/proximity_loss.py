"""What MicroNet's training makes small: errors of proximity, those in nuclei above all.

Room: training. Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images",
BMC Bioinformatics 20:472, 2019, equation 2. Where the text is silent, or this differs from it:

- Proximity is multiplied by 5 for training; whether the weights in the loss are so, too, is not
  said. Here they are: y is the target as it is given.
- Equation 3, the derivative for a sigmoid output, ends in a · (1 − a) with a “the input of the last
  layer”. The chain rule gives o · (1 − o) with o the sigmoid of a; so does autograd.
- An image without nuclei has ȳ = 0 and no weight at all. So it is in the paper's equation, and so
  here: only in images with nuclei is it learned where none is.
"""

import torch
from torch import Tensor

from napari_focusqc.errors import TrainingError

MEAN_WEIGHT = 5.0
"""The paper's λ."""


def image_losses(output: Tensor, truth: Tensor, *, mean_weight: float = MEAN_WEIGHT) -> Tensor:
    """Return ½ Σ (y + λ ȳ) (o − y)² over an image's pixels, divided by their number.

    Parameters
    ----------
    output, truth
        float (B, h, w): o, what the network predicts, and y, its target, from 0 up.
    mean_weight
        λ: each pixel weighs its target and, besides, so many times the mean target ȳ of its image.

    Returns
    -------
    float (B,).

    Raises
    ------
    TrainingError
        The shapes differ.
    """
    if output.shape != truth.shape or truth.ndim != 3:
        raise TrainingError(
            f"the network gives an array of shape {tuple(output.shape)} for targets of shape "
            f"{tuple(truth.shape)}; both must be (images, height, width)"
        )
    weight = truth + mean_weight * truth.mean(dim=(1, 2), keepdim=True)  # (B, h, w)
    return (weight * (output - truth) ** 2).mean(dim=(1, 2)) / 2


def proximity_loss(output: Tensor, truth: Tensor, *, mean_weight: float = MEAN_WEIGHT) -> Tensor:
    """Return the mean of `image_losses`, a float scalar; parameters and errors as there."""
    return image_losses(output, truth, mean_weight=mean_weight).mean()


def combined_loss(
    output: Tensor,
    truth: Tensor,
    wanted: Tensor,
    *,
    gamma: float,
    mean_weight: float = MEAN_WEIGHT,
) -> Tensor:
    """Return γ L_target + L_auxiliary for a batch that mixes images of both.

    The paper calls γ = 1 the naive pooling of both data sets. So both losses are sums over their
    images, divided by the number of images of the batch, and γ = 1 gives `proximity_loss`.

    Parameters
    ----------
    output, truth, mean_weight
        As for `image_losses`.
    wanted
        bool (B,), True for images of the data set the network is meant for, False for auxiliary
        ones.
    gamma
        Weight of the former, from 0 up; above 1 helps where they are few, below 1 harms.

    Returns
    -------
    float scalar.

    Raises
    ------
    TrainingError
        The shapes of output and truth differ.

    References
    ----------
    .. [1] Xing et al. 2019, “Training with auxiliary datasets”.
    """
    losses = image_losses(output, truth, mean_weight=mean_weight)
    return torch.where(wanted, gamma * losses, losses).mean()
