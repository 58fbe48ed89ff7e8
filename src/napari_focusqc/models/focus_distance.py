"""From the difference of two planes, the stage travel to focus: MobileNetV2 with one linear output.

Room: models. Rai Dastidar, "Automated focus distance estimation for digital microscopy using deep
convolutional neural networks", CVPR Workshops 2019, sections 3.4 and 3.5; the layers are those of
Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018, table 2.

**The sign.** A distance is z_focus − z_second in µm, along the stack's own heights (`Slide.z_um`,
larger is higher): positive means that the stage moves up from the second plane to reach focus. The
first plane lies Δ below the second.

Where the papers are silent, or this differs from them:

- The second paper's target is the height of the second plane above focus; ours is its negative.
- Channels are rounded to multiples of 8, never down by more than a tenth, and the last 1280 do not
  shrink with the width multiplier: as in the code that Sandler et al. published.
- Padding is 1 px on every side, so 112 px become 4, as in most re-implementations; theirs pads only
  where an odd pixel is left over.
- The flattened features are divided by the root of their number before the last layer. What the
  network can express is the same, but the paper's rate of 0.001 no longer makes it diverge.
- A network for a single plane has the same layers; only its input is another
  (`inference.distance`).
- Convolutions start with the variance of He et al. 2015 (fan out), the last layer with 1.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from napari_focusqc.errors import SettingsError, WeightsError

TOTAL_STRIDE_PX = 32
MAX_INPUT_PX, MAX_WIDTH = 1024, 2.0
FIRST, LAST = 32, 1280
"""Channels of the first and of the last convolution."""


class _Stage(NamedTuple):
    expansion: int
    channels: int
    blocks: int
    stride: int


STAGES = (
    _Stage(1, 16, 1, 1),
    _Stage(6, 24, 2, 2),
    _Stage(6, 32, 3, 2),
    _Stage(6, 64, 4, 2),
    _Stage(6, 96, 3, 1),
    _Stage(6, 160, 3, 2),
    _Stage(6, 320, 1, 1),
)
"""Table 2 of Sandler et al.: t, c, n, s."""


class FocusDistance(nn.Module):
    """Tell how far the second plane is from focus.

    Parameters
    ----------
    width
        α, the factor on all channels but the last, above 0 to 2; the paper has 1 and 0.4.
    input_px
        Side of the tiles, 32 to 1024 px; the paper has 224 and 112.
    delta_um
        From the first plane up to the second, µm; the paper has 2.
    difference
        Whether the input is the difference of two planes, or one plane.

    Attributes
    ----------
    facts
        The four parameters, so that a state dict tells what network it is of.

    Raises
    ------
    SettingsError
        A parameter lies outside its range.
    """

    facts: Tensor

    def __init__(
        self, width: float, input_px: int, delta_um: float = 2.0, *, difference: bool = True
    ) -> None:
        super().__init__()
        _check(width, input_px, delta_um)
        self.width, self.input_px = width, input_px
        self.delta_um, self.difference = delta_um, difference
        self.register_buffer("facts", torch.tensor([width, input_px, delta_um, difference]).float())
        before = divisible(FIRST * width)
        layers: list[nn.Module] = [_layer(3, before, 3, stride=2)]
        for stage in STAGES:
            for block in range(stage.blocks):
                after = divisible(stage.channels * width)
                stride = 1 if block else stage.stride
                layers.append(_InvertedResidual(before, after, stage.expansion, stride))
                before = after
        last = divisible(LAST * max(width, 1.0))
        self.features = nn.Sequential(*layers, _layer(before, last, 1))
        self.head = nn.Linear(last * ceil(input_px / TOTAL_STRIDE_PX) ** 2, 1)
        self._begin()

    def forward(self, images: Tensor) -> Tensor:
        """Predict distances.

        Parameters
        ----------
        images
            float (B, 3, input_px, input_px), from `inference.distance.differences`, or
            `standardised` for one plane.

        Returns
        -------
        (B,), µm, signed as above.
        """
        features = self.features(images).flatten(1)  # (B, 1280 · ⌈input_px / 32⌉²)
        distances: Tensor = self.head(features * features.shape[1] ** -0.5)
        return distances.squeeze(1)

    def _begin(self) -> None:
        """Draw the weights that training starts from."""
        for layer in self.features.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_uniform_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.uniform_(self.head.weight, -(3**0.5), 3**0.5)
        nn.init.zeros_(self.head.bias)

    @staticmethod
    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Read the constructor's arguments off a state dict.

        Raises
        ------
        WeightsError
            The numbers are of another network.
        """
        facts = state.get("facts", torch.zeros(0))
        if facts.shape == (4,):
            width, side, delta, difference = (round(float(fact), 6) for fact in facts)
            options: dict[str, Any] = {
                "width": width,
                "input_px": int(side) if side == side // 1 else 0,
                "delta_um": delta,
                "difference": difference == 1,
            }
            if _allowed(width, options["input_px"], delta) and _shapes(state) == _expected(options):
                return options
        raise WeightsError(
            f"the weights hold {', '.join(sorted(state)[:4]) or 'nothing'}; FocusDistance needs "
            "its facts and the layers that they ask for, as its training writes them"
        )


class _InvertedResidual(nn.Module):
    """Widen, convolve each channel by itself, narrow; (B, before, h, w) → (B, after, h/s, w/s)."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        wide = before * expansion
        self.mapping = nn.Sequential(
            *([_layer(before, wide, 1)] if expansion > 1 else []),
            _layer(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = stride == 1 and before == after

    def forward(self, features: Tensor) -> Tensor:
        mapped: Tensor = self.mapping(features)
        return mapped + features if self.shortcut else mapped


def divisible(channels: float) -> int:
    """Round a number of channels to a multiple of 8, at least 8 and never down by over a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _layer(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Put batch norm and ReLU6 after a convolution."""
    convolution = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU6(inplace=True))


def _allowed(width: float, input_px: int, delta_um: float) -> bool:
    return (
        0 < width <= MAX_WIDTH
        and TOTAL_STRIDE_PX <= input_px <= MAX_INPUT_PX
        and 0 < delta_um < float("inf")
    )


def _check(width: float, input_px: int, delta_um: float) -> None:
    """Refuse what makes no network."""
    if not _allowed(width, input_px, delta_um):
        raise SettingsError(
            f"width {width}, {input_px} px and planes {delta_um} µm apart make no network; choose "
            f"a width up to {MAX_WIDTH:g}, {TOTAL_STRIDE_PX} to {MAX_INPUT_PX} px and planes that "
            "lie apart"
        )


def _expected(options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's state, without memory for its numbers."""
    with torch.device("meta"):
        return _shapes(FocusDistance(**options).state_dict())


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
