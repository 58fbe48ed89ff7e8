"""FocusLiteNN: one convolution and an extreme value.

Room: models. Wang et al., "FocusLiteNN: High efficiency focus quality assessment for digital
pathology", MICCAI 2020, section 2. Where the paper and its published code and weights differ:

- Equation 2 pools by `w1 · min + w2 · max + w3`. The published weights pool by the minimum alone;
  N > 1 minima are then joined by a 1×1 convolution, one minimum is the score itself. That layout
  (`pooling="min"`) has the parameters of the paper's Table 1: 148, 299 and 1,491. The equation
  (`pooling="minmax"`) has one more per kernel, and three more for one kernel; both are here.
- The paper writes the response map as (H − 7 + 7) / 5 wide, which is 47 for 235 px. The code gets
  47 from a padding of 1 px of zeros around every patch: (235 + 2 − 7) / 5 + 1. These zeros are
  part of the score and are kept.
- The paper calls y the sharpness; scores rise with blur, in its Figure 3 and in its code. So here.
- The paper does not say how pixels are scaled. The code divides by 255 and takes no mean off.
- The checkpoints trained with MSE clamp only the mean over an image, max(0, mean), in the
  published script. Scores of single tiles are not clamped, neither there nor here.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from napari_focusqc.errors import WeightsError

Pooling = Literal["min", "minmax"]

KERNEL_PX, STRIDE_PX, PADDING_PX = 7, 5, 1


class FocusLiteNN(nn.Module):
    """Score patches by the extremes of a few filter responses.

    Parameters
    ----------
    kernels
        Number of 7×7 filters; the paper has 1, 2 and 10.
    pooling
        ``"min"`` as the published weights, ``"minmax"`` as the paper's equation 2.

    Attributes
    ----------
    conv
        7×7 convolution, stride 5, padding 1.
    fc
        1×1 convolution that joins the extremes (minima first); absent for one kernel with
        ``"min"``, whose score is the minimum itself.
    """

    def __init__(self, kernels: int, pooling: Pooling = "min") -> None:
        super().__init__()
        self.kernels = kernels
        self.pooling = pooling
        self.conv = nn.Conv2d(3, kernels, KERNEL_PX, stride=STRIDE_PX, padding=PADDING_PX)
        extremes = kernels if pooling == "min" else 2 * kernels
        self.fc = nn.Conv2d(extremes, 1, 1) if extremes > 1 else None

    def forward(self, images: Tensor) -> Tensor:
        """Score a batch.

        Parameters
        ----------
        images
            float (B, 3, 235, 235), RGB in [0, 1].

        Returns
        -------
        (B,), higher is more blurred.
        """
        responses = self.conv(images)  # (B, kernels, 47, 47)
        extremes = responses.amin(dim=(2, 3), keepdim=True)
        if self.pooling == "minmax":
            extremes = torch.cat([extremes, responses.amax(dim=(2, 3), keepdim=True)], dim=1)
        scores: Tensor = extremes if self.fc is None else self.fc(extremes)  # (B, 1, 1, 1)
        return scores.flatten()

    def rescale(self, slope: float, offset: float) -> None:
        """Change the weights so that every score s becomes ``slope * s + offset``.

        Parameters
        ----------
        slope
            Must be positive: a minimum keeps its place only then.
        offset
            Added to every score.

        Raises
        ------
        ValueError
            The slope is not positive.
        """
        if not slope > 0:
            raise ValueError(f"the slope is {slope}; only a positive one keeps higher = blurred")
        last = self.conv if self.fc is None else self.fc
        with torch.no_grad():
            for parameter in last.parameters():
                parameter.mul_(slope)
            last.get_parameter("bias").add_(offset)

    def absorb_input_scale(self, scale: float) -> None:
        """Change the weights so that pixels need not be multiplied by `scale` before scoring.

        Saves a pass over every tile; zeros of the padding stay zeros.
        """
        with torch.no_grad():
            self.conv.weight.mul_(scale)

    @staticmethod
    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Read the constructor's arguments off the shapes of a state dict.

        Raises
        ------
        WeightsError
            The shapes are those of another network.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
        conv, fc = shapes.get("conv.weight", ()), shapes.get("fc.weight")
        if len(conv) != 4 or conv[0] < 1 or conv[1:] != (3, KERNEL_PX, KERNEL_PX):
            raise WeightsError(
                f"the weights hold {', '.join(sorted(shapes)) or 'nothing'}; FocusLiteNN needs a "
                "conv.weight of shape (kernels, 3, 7, 7)"
            )
        kernels = conv[0]
        expected: dict[tuple[int, ...] | None, Pooling] = {
            (1, 2 * kernels, 1, 1): "minmax",
            None if kernels == 1 else (1, kernels, 1, 1): "min",
        }
        if fc not in expected:
            raise WeightsError(
                f"fc.weight has shape {fc}, which joins neither the minima nor the minima and "
                f"maxima of {kernels} kernels; give weights of FocusLiteNN"
            )
        return {"kernels": kernels, "pooling": expected[fc]}
