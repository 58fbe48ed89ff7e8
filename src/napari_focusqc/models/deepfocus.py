"""DeepFocus: five convolutions and three fully connected layers on small tiles.

Room: models. Senaras et al., "DeepFocus: Detection of out-of-focus regions in whole slide digital
images using deep learning", PLoS ONE 13(10), 2018, “The deep learning architecture” and “Design
details and parameter optimization”. The text gives no widths; they are those of the authors'
published code (TFLearn). Where paper, code and this differ:

- Pixels in [0, 1] lose their mean before all else. The paper's zero-centering is of the data set;
  the code takes the mean over all pixels and channels of each tile, and so does this. (A later
  port to Keras takes one mean over the batch: there a tile's score depends on its neighbours.)
- The paper drops out with p = 0.2. The code calls TFLearn's ``dropout(x, 0.2)``, which *keeps*
  0.2. Here p = 0.2, as the paper; scoring drops nothing either way.
- The paper prints ε = e-15 for batch normalisation; TFLearn's, 1e-5, is used, and its decay of
  0.9, a momentum of 0.1 here. It comes after each ReLU, as the paper says.
- The code decays the weights of all layers but the last by an L2 loss of 0.001; that is the
  training's business.
- Layers start as torch starts them, not as TFLearn does.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_focusqc.errors import WeightsError

TILE_PX = 64
CHANNELS = (3, 32, 32, 64, 128, 128)
KERNELS_PX = (5, 3, 3, 3, 3)
WIDTHS = (8192, 128, 64, 2)
"""Of the fully connected layers; 8192 is 128 channels of 8 × 8."""

_POOLED = (2, 3, 4)
"""The convolutions that a maximum pooling of 2 follows."""


class DeepFocus(nn.Module):
    """Score tiles by the probability that they are blurred.

    Attributes
    ----------
    conv
        Five convolutions that keep the size, padded with zeros after the mean is taken off.
    fc
        Three fully connected layers; the last gives class 0, in focus, and class 1, blurred.
    norm
        Seven batch normalisations, after the ReLU of each layer but the last.
    features
        `conv`, their normalisations, ReLUs and poolings, in the order in which they come.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.ModuleList(
            nn.Conv2d(before, after, kernel_px, padding=kernel_px // 2)
            for (before, after), kernel_px in zip(pairwise(CHANNELS), KERNELS_PX, strict=True)
        )
        self.fc = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(WIDTHS))
        self.norm = nn.ModuleList(
            [nn.BatchNorm2d(channels) for channels in CHANNELS[1:]]
            + [nn.BatchNorm1d(width) for width in WIDTHS[1:-1]]
        )
        self.dropout = nn.Dropout(0.2)
        self.features = self._in_order()

    def _in_order(self) -> tuple[nn.Module, ...]:
        """Return all layers up to the first connected one; a tuple, for they have names already."""
        layers: list[nn.Module] = []
        for index, convolution in enumerate(self.conv):
            layers += [convolution, nn.ReLU(), self.norm[index]]
            layers += [nn.MaxPool2d(2)] if index in _POOLED else []
        return tuple(layers)

    def logits(self, images: Tensor) -> Tensor:
        """Return what the softmax is taken of.

        Parameters
        ----------
        images
            float (B, 3, 64, 64), RGB in [0, 1].

        Returns
        -------
        (B, 2): in focus, blurred.
        """
        features = images - images.mean(dim=(1, 2, 3), keepdim=True)
        for layer in self.features:
            features = layer(features)  # (B, 32, 64, 64) at first
        features = features.flatten(1)  # (B, 128, 8, 8) → (B, 8192)
        for connected, norm in zip(self.fc, self.norm[len(self.conv) :], strict=False):
            features = self.dropout(norm(F.relu(connected(features))))  # (B, 128), (B, 64)
        logits: Tensor = self.fc[-1](features)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Score a batch, (B, 3, 64, 64) as in `logits` → (B,), 0 (in focus) to 1 (blurred)."""
        return self.logits(images).softmax(dim=1)[:, 1]

    def absorb_input_scale(self, scale: float) -> None:
        """Change the weights so that pixels need not be multiplied by `scale` before scoring.

        Exact but for rounding: the mean that is taken off scales with the pixels, and zeros of
        the padding stay zeros.
        """
        with torch.no_grad():
            self.conv[0].get_parameter("weight").mul_(scale)

    @staticmethod
    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Tell by the shapes of a state dict that it is DeepFocus's; its constructor takes nothing.

        Raises
        ------
        WeightsError
            The shapes are those of another network.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        first = (CHANNELS[1], CHANNELS[0], KERNELS_PX[0], KERNELS_PX[0])
        if shapes.get("conv.0.weight") != first or shapes.get("fc.0.weight") != (128, 8192):
            raise WeightsError(
                f"the weights hold {', '.join(sorted(shapes)) or 'nothing'}; DeepFocus needs a "
                "conv.0.weight of shape (32, 3, 5, 5) and an fc.0.weight of shape (128, 8192)"
            )
        return {}
