"""MicroNet: down to a sixteenth, up again, and from three depths straight to the output.

Room: models. Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images", BMC
Bioinformatics 20:472, 2019, “Network architecture”. Its Figure 2 is known from the text alone.
Where the text is silent, or this differs from it:

- No width is given. Here 16 channels at full size, then 32, 64, 128, 128: doubled with each
  halving, but for the last block, as the text has it. That makes 1.8 million parameters.
- Strided convolutions stand “between adjacent residual blocks”. Here one leads from the input
  transition to the first block as well, so that four go down and four transposed ones up again.
- Halving takes the floor, 75 to 37 px. A padded 3×3 convolution would give 38, so an odd last row
  or column is left out; the concatenation still brings it.
- Transposed convolutions have kernels as wide as their strides, so that 37 px become 74, as the
  text has it; the zeros that are missing then are added below and to the right.
- A residual block has two convolutions. In the up path it gets twice the channels it gives, and its
  shortcut is a 1×1 convolution with batch norm, not the identity. ELU comes after every other batch
  norm, that before the addition included, and after the addition, as the text has it.
- Dropout is of single values, after both ELUs within the block; which of a block's convolutions it
  follows is not said.
- The multi-context path leads from the outputs of the first three down blocks, in one step each; a
  fourth would cost half a million parameters, and its block is where the up path begins. The
  contexts and the end of the up path are summed (the text: aggregated), then comes an ELU.
- The output transition is a 3×3 convolution and a 1×1 one; the latter, which makes the proximity,
  has a bias and neither batch norm nor ELU. The input transition is 3×3.
- The output is linear. The text allows a sigmoid (`sigmoid`), but trains on proximity times 5,
  which no sigmoid reaches.
- A strided or transposed convolution counts with the block it leads to, the contexts with the
  output. Frozen blocks also keep the statistics of their batch norms, and drop nothing out.
- Layers start as torch starts them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_focusqc.errors import InferenceError, SettingsError, WeightsError
from napari_focusqc.models.trimming import (
    REACH_PX,
    WHOLE,
    Spans,
    as_large,
    bands,
    cut,
    halved,
    risen_spans,
    spans_of,
)

WIDTHS = (16, 32, 64, 128, 128)
"""Channels at full size, then at each halving."""
MAX_WIDTH = 1024
TOTAL_STRIDE_PX = 16
"""Windows moved by a multiple of it give the same proximity; also the least height and width."""

_DROPOUT = (0.0, 0.0, 0.5, 0.5)


class MicroNet(nn.Module):
    """Tell how near each pixel is to the centre of a nucleus.

    Parameters
    ----------
    widths
        Channels at full size and at the four levels below, each 1 to 1024.
    sigmoid
        Bring the output to 0…1; else it is as training scaled it.

    Attributes
    ----------
    blocks
        The ten blocks that can be frozen, in the paper's order: input transition, four down, four
        up, output transition.

    Raises
    ------
    SettingsError
        The widths are not five, or one lies outside its range.
    """

    receptive_field_px = 2 * REACH_PX + 1
    """Side of the square around a pixel outside which nothing changes its proximity."""

    def __init__(self, widths: Sequence[int] = WIDTHS, *, sigmoid: bool = False) -> None:
        super().__init__()
        if not _allowed(widths):
            raise SettingsError(
                f"the widths are {', '.join(map(str, widths)) or 'none'}; MicroNet needs "
                f"{len(WIDTHS)} of 1 to {MAX_WIDTH} channels"
            )
        steps = zip(pairwise(widths), _DROPOUT, strict=True)
        self.blocks = nn.ModuleList(
            [
                _layer(nn.Conv2d(3, widths[0], 3, padding=1, bias=False)),
                *(_Down(before, after, dropout) for (before, after), dropout in steps),
                *(_Up(before, after) for before, after in pairwise(widths[::-1])),
                _Output(widths[1:4], widths[0]),
            ]
        )
        self.sigmoid, self._frozen = sigmoid, 0
        if sigmoid:
            # so that a state dict tells the two kinds of network apart
            self.register_buffer("squashed", torch.zeros(0))

    def forward(self, images: Tensor, part: tuple[slice, slice] | None = None) -> Tensor:
        """Predict proximity.

        Parameters
        ----------
        images
            float (B, 3, h, w), h and w at least 16 px: the share of light that is missing, 0 to 1.
        part
            Rows and columns whose proximity is wanted: the same as in the whole, but the up path
            computes little more; None wants all.

        Returns
        -------
        (B, h, w), or as large as the part; highest at centres of nuclei, on the scale of training's
        targets.

        Raises
        ------
        InferenceError
            The images are too small to be halved four times.
        """
        height, width = images.shape[2:]
        if min(height, width) < TOTAL_STRIDE_PX:
            raise InferenceError(
                f"the image is {height} × {width} px; MicroNet needs {TOTAL_STRIDE_PX} px or more "
                "each way"
            )
        rows, columns = wanted = spans_of(part or WHOLE, (height, width))
        spans = risen_spans(wanted, (height, width))
        first, *others, _ = self.blocks
        maps = [first(images)]  # (B, 16, h, w)
        for down in others[:4]:
            maps.append(down(maps[-1]))  # (B, 32, h / 2, w / 2) to (B, 128, h / 16, w / 16)
        rising, begin = maps[4], [0, 0]
        for level, up in zip((3, 2, 1), others[4:7], strict=True):
            deep = cut(rising, halved(spans[level]), begin)
            # (B, 128, h / 8, w / 8) to (B, 32, h / 2, w / 2), or less
            rising = up(deep, cut(maps[level], spans[level]))
            begin = [start for start, _ in spans[level]]
        parts = [wanted] if self.training else [(some, columns) for some in bands(rows)]
        proximity = torch.cat([self._finished(maps, rising, begin, each) for each in parts], 1)
        return proximity.sigmoid() if self.sigmoid else proximity

    def _finished(
        self, maps: list[Tensor], rising: Tensor, begin: list[int], wanted: Spans
    ) -> Tensor:
        """Go the last step up, and out, for a part; `rising` begins at `begin` of its level."""
        span, *_ = risen_spans(wanted, maps[0].shape[2:])
        *_, up, output = self.blocks
        risen = up(cut(rising, halved(span), begin), cut(maps[0], span))  # (B, 16, h, w)
        contexts = [cut(maps[level], halved(span, level)) for level in (1, 2, 3)]
        begin = [start for start, _ in span]
        return cut(output(risen, contexts), wanted, begin).squeeze(1)

    def freeze(self, count: int) -> None:
        """Keep the first blocks as they are while the others learn.

        Parameters
        ----------
        count
            Number of blocks, 0 (all learn) to 9.

        Raises
        ------
        SettingsError
            There are not as many, or none would be left.
        """
        if not 0 <= count < len(self.blocks):
            raise SettingsError(
                f"{count} blocks are to be frozen; MicroNet has {len(self.blocks)}, and one must "
                f"be left, so choose 0 to {len(self.blocks) - 1}"
            )
        self._frozen = count
        for number, block in enumerate(self.blocks):
            block.requires_grad_(number >= count)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all blocks but the frozen ones, which always evaluate."""
        super().train(mode)
        for block in self.blocks[: self._frozen]:
            block.train(False)
        return self

    @staticmethod
    def options_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
        """Read the constructor's arguments off the shapes of a state dict.

        Raises
        ------
        WeightsError
            The shapes are those of another network.
        """
        first = ["blocks.0.0.weight", *(f"blocks.{level}.shrink.0.weight" for level in range(1, 5))]
        widths = [int(state[name].shape[0]) for name in first if name in state and state[name].ndim]
        options = {"widths": widths, "sigmoid": "squashed" in state}
        if not _allowed(widths) or _shapes(state) != _expected(options):
            raise WeightsError(
                f"the weights hold {', '.join(sorted(state)[:4]) or 'nothing'}; MicroNet needs ten "
                "blocks whose shapes fit together, as its training writes them"
            )
        return options


class _Residual(nn.Module):
    """Two convolutions beside a shortcut, (B, before, h, w) → (B, after, h, w)."""

    def __init__(self, before: int, after: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            _layer(nn.Conv2d(before, after, 3, padding=1, bias=False)),
            nn.Dropout(dropout),
            _layer(nn.Conv2d(after, after, 3, padding=1, bias=False)),
            nn.Dropout(dropout),
        )
        self.shortcut: nn.Module = nn.Identity()
        if before != after:
            matching = nn.Conv2d(before, after, 1, bias=False)
            self.shortcut = nn.Sequential(matching, nn.BatchNorm2d(after))

    def forward(self, features: Tensor) -> Tensor:
        return F.elu(self.mapping(features) + self.shortcut(features), inplace=True)


class _Down(nn.Module):
    """Halve and learn, (B, before, h, w) → (B, after, ⌊h / 2⌋, ⌊w / 2⌋)."""

    def __init__(self, before: int, after: int, dropout: float) -> None:
        super().__init__()
        self.shrink = _layer(nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False))
        self.residual = _Residual(after, after, dropout)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        even = features[:, :, : height // 2 * 2, : width // 2 * 2]
        halved: Tensor = self.residual(self.shrink(even))
        return halved


class _Up(nn.Module):
    """Double, join what was kept, learn, (B, before, h / 2, w / 2) → (B, after, h, w)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.enlarge = _layer(nn.ConvTranspose2d(before, after, 2, stride=2, bias=False))
        self.residual = _Residual(2 * after, after)

    def forward(self, features: Tensor, kept: Tensor) -> Tensor:
        doubled = as_large(self.enlarge(features), kept)
        joined: Tensor = self.residual(torch.cat([doubled, kept], dim=1))
        return joined


class _Output(nn.Module):
    """The multi-context path and the output transition, (B, width, h, w) → (B, 1, h, w)."""

    def __init__(self, depths: Sequence[int], width: int) -> None:
        super().__init__()
        self.contexts = nn.ModuleList(
            _layer(nn.ConvTranspose2d(depth, width, 2**level, stride=2**level, bias=False))
            for level, depth in enumerate(depths, start=1)
        )
        self.last = nn.Sequential(
            _layer(nn.Conv2d(width, width, 3, padding=1, bias=False)), nn.Conv2d(width, 1, 1)
        )

    def forward(self, features: Tensor, maps: Sequence[Tensor]) -> Tensor:
        for context, deep in zip(self.contexts, maps, strict=True):
            features = features + as_large(context(deep), features)
        proximity: Tensor = self.last(F.elu(features, inplace=True))
        return proximity


def _allowed(widths: Sequence[int]) -> bool:
    return len(widths) == len(WIDTHS) and all(1 <= width <= MAX_WIDTH for width in widths)


def _layer(convolution: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    """Put batch norm and ELU after a convolution."""
    norm = nn.BatchNorm2d(convolution.out_channels)
    return nn.Sequential(convolution, norm, nn.ELU(inplace=True))


def _expected(options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a network's state, without memory for its numbers."""
    with torch.device("meta"):
        return _shapes(MicroNet(**options).state_dict())


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in state.items()}
