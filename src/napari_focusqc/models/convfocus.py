"""ConvFocus: the first layers of Inception v3, thinned to a tenth.

Room: models. Kohlberger et al., "Whole-slide image focus quality: Automatic assessment and impact
on AI cancer detection", J Pathol Inform 10, 2019, “Deep learning-based focus quality assessment”.
Where the paper is silent, or this differs from it:

- The paper cuts TF-slim's Inception v3 at ``MaxPool_3a_3x3`` (``cut="3a"``). Two convolutions more,
  up to ``MaxPool_5a_3x3`` (``cut="5a"``), see more of the tile and are here as well.
- ``depth_multiplier`` is 0.1, and slim gives no layer fewer than 16 channels: 16, 16, 16 (3a), then
  16, 19 (5a). Batch norms have no scale and an epsilon of 0.001, as slim's.
- The head is not stated. Here: the mean over the map, a layer of 64, ReLU, 30 classes. Its 64 let
  channels be weighed against each other, and it adds nothing to the time.
- The paper's class is the likeliest one. The score here is an expected value, Σ p(c) · v(c): it is
  as well defined between classes as blur is. The classes' values v rise, about as 0 to 29 do;
  training fits them, so that the score of tissue blurred by a disk is the disk's class.
- Pixels are scaled to −1…1, as slim does it; the paper does not say.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_focusqc.errors import WeightsError
from napari_focusqc.optics.classes import OOF_CLASSES

Cut = Literal["3a", "5a"]

_BN_EPS, _BN_MOMENTUM = 1e-3, 0.02
"""Slim's epsilon; its decay, 0.997, needs more steps than there are here to forget the first."""
_HEAD = 64


class ConvFocus(nn.Module):
    """Score patches by the expected out-of-focus class.

    Parameters
    ----------
    cut
        Where Inception v3 is cut: ``"3a"`` as the paper, ``"5a"`` two convolutions later.

    Attributes
    ----------
    features
        Convolutions, each with batch norm and ReLU, and max poolings.
    head
        From the mean of each channel to the classes.
    values
        Of the classes, float32 (30,), rising; the classes themselves until training fits them.
    """

    def __init__(self, cut: Cut = "3a") -> None:
        super().__init__()
        layers = [
            *_layer(3, 16, 3, stride=2),
            *_layer(16, 16, 3),
            *_layer(16, 16, 3, padding=1),
            nn.MaxPool2d(3, 2),
        ]
        if cut == "5a":
            layers += [*_layer(16, 16, 1), *_layer(16, 19, 3), nn.MaxPool2d(3, 2)]
        self.cut = cut
        self.features = nn.Sequential(*layers)
        channels = 16 if cut == "3a" else 19
        self.head = nn.Sequential(
            nn.Linear(channels, _HEAD), nn.ReLU(), nn.Linear(_HEAD, OOF_CLASSES)
        )
        self.register_buffer("values", torch.arange(OOF_CLASSES).float())
        self._scale, self._shift = 2.0, -1.0

    def logits(self, images: Tensor) -> Tensor:
        """Return what the softmax is taken of.

        Parameters
        ----------
        images
            float (B, 3, 139, 139), RGB in [0, 1].

        Returns
        -------
        (B, 30).
        """
        # (B, 16, 33, 33) for the cut 3a, (B, 19, 15, 15) for 5a
        features = self.features(images * self._scale + self._shift if self._scale else images)
        logits: Tensor = self.head(features.mean(dim=(2, 3)))
        return logits

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the probability of each class, images as in `logits` → (B, 30)."""
        return self.logits(images).softmax(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Score a batch, (B, 3, 139, 139) as in `logits` → (B,), about 0 (in focus) to 29."""
        return self.probabilities(images) @ self.get_buffer("values")

    def absorb_input_scale(self, scale: float) -> None:
        """Change the weights so that pixels need not be multiplied by `scale` before scoring.

        The scaling to −1…1 and the batch norms go into the convolutions, too: no convolution
        that sees the picture is padded, so nothing but float rounding changes. In evaluation
        mode only, and once.
        """
        fused: list[nn.Module] = []
        for layer in self.features:
            if isinstance(layer, nn.BatchNorm2d):
                fused[-1] = fuse_conv_bn_eval(fused[-1], layer)  # type: ignore[type-var]
            else:
                fused.append(layer)
        self.features = nn.Sequential(*fused)
        first = fused[0]
        with torch.no_grad():
            weight, bias = first.get_parameter("weight"), first.get_parameter("bias")
            bias.add_(weight.sum(dim=(1, 2, 3)) * self._shift)
            weight.mul_(self._scale * scale)
        self._scale = 0.0

    @staticmethod
    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Read the constructor's arguments off the shapes of a state dict.

        Raises
        ------
        WeightsError
            The shapes are those of another network.
        """
        shape = tuple(state["head.0.weight"].shape) if "head.0.weight" in state else ()
        cuts: dict[tuple[int, ...], Cut] = {(_HEAD, 16): "3a", (_HEAD, 19): "5a"}
        if shape not in cuts:
            raise WeightsError(
                f"the weights hold {', '.join(sorted(state)) or 'nothing'}; ConvFocus needs a "
                f"head.0.weight of shape ({_HEAD}, 16) or ({_HEAD}, 19)"
            )
        return {"cut": cuts[shape]}


def _layer(
    before: int, after: int, kernel_px: int, stride: int = 1, padding: int = 0
) -> tuple[nn.Module, ...]:
    """Return a convolution as slim builds it: batch norm without a scale, then ReLU."""
    norm = nn.BatchNorm2d(after, eps=_BN_EPS, momentum=_BN_MOMENTUM)
    norm.weight.requires_grad_(False)  # slim's batch norm has no scale
    convolution = nn.Conv2d(before, after, kernel_px, stride, padding, bias=False)
    return convolution, norm, nn.ReLU(inplace=True)
