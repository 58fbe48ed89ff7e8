"""MicroNet's blocks for scoring on the CPU: their layers compiled, their sums and joins in place.

Room: inference. What each block does is said in `models.micronet`; here nothing is written twice
that can be added to where it lies. All float32.
"""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from torch import Tensor, from_numpy, nn
from torch.nn import functional as F

from napari_focusqc.inference.buffers import MAPS
from napari_focusqc.inference.direct import DirectConvolution
from napari_focusqc.inference.endings import Elu, EluAdded, EluAddedElu, before_elu, clamped
from napari_focusqc.inference.llvm_code import LANES
from napari_focusqc.inference.transposed import TransposedConvolution
from napari_focusqc.inference.winograd import WinogradConvolution
from napari_focusqc.models.micronet import MicroNet


def compiled_blocks(network: MicroNet) -> nn.ModuleList | None:
    """Compile a network's blocks.

    Parameters
    ----------
    network
        On the CPU, in evaluation mode.

    Returns
    -------
    The ten blocks; none if a width of the network is no multiple of 8.
    """
    convolutions = (each for each in network.modules() if isinstance(each, nn.Conv2d))
    if any(each.in_channels % LANES for each in list(convolutions)[1:]):
        return None
    first, *others, output = cast("Iterable[Any]", network.blocks)
    return nn.ModuleList(
        [
            DirectConvolution(first[0], Elu(before_elu(*first[:2]))),
            *(_Down(block) for block in others[:4]),
            *(_Up(block) for block in others[4:]),
            _Output(output),
        ]
    )


class _Residual(nn.Module):
    """The two convolutions, added to the shortcut where that lies."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        first, _, second, _ = block.mapping
        self.first = WinogradConvolution(first[0], Elu(before_elu(*first[:2])))
        self.second = WinogradConvolution(second[0], EluAddedElu(before_elu(*second[:2])))

    def forward(self, features: Tensor, shortcut: Tensor) -> Tensor:
        return self.second.into(self.first(features), shortcut)


class _Down(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        self.shrink = DirectConvolution(block.shrink[0], Elu(before_elu(*block.shrink[:2])))
        self.residual = _Residual(block.residual)

    def forward(self, features: Tensor) -> Tensor:
        height, width = features.shape[2:]
        shrunk = self.shrink(features[:, :, : height // 2 * 2, : width // 2 * 2])
        halved: Tensor = self.residual(shrunk, shrunk)
        return halved


class _Up(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        enlarge, shortcut = block.enlarge, block.residual.shortcut
        self.enlarge = TransposedConvolution(enlarge[0], Elu(before_elu(*enlarge[:2])))
        self.shortcut = DirectConvolution(shortcut[0], clamped(shortcut[0], norm=shortcut[1]))
        self.residual = _Residual(block.residual)

    def forward(self, features: Tensor, kept: Tensor) -> Tensor:
        count, channels, height, width = kept.shape
        joined = from_numpy(MAPS.take(count, height, width, 2 * channels)).permute(0, 3, 1, 2)
        for border in _borders(features, joined, 2):
            border.zero_()
        self.enlarge.into(features, joined)
        joined[:, channels:] = kept
        risen: Tensor = self.residual(joined, self.shortcut(joined))
        return risen


class _Output(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        *others, deepest = block.contexts
        self.contexts = [
            *(TransposedConvolution(each[0], EluAdded(before_elu(*each[:2]))) for each in others),
            TransposedConvolution(deepest[0], EluAddedElu(before_elu(*deepest[:2]))),
        ]
        third, self.last = block.last
        self.third = WinogradConvolution(third[0], Elu(before_elu(*third[:2])))

    def forward(self, features: Tensor, maps: Sequence[Tensor]) -> Tensor:
        for context, deep in zip(self.contexts, maps, strict=True):
            context.into(deep, features)
        for border in _borders(maps[-1], features, 2 ** len(maps)):
            F.elu(border, inplace=True)
        proximity: Tensor = self.last(self.third(features))
        return proximity


def _borders(features: Tensor, larger: Tensor, stride: int) -> list[Tensor]:
    """Return the parts of a map below and to the right of an enlarged one, none of them twice."""
    height, width = (stride * side for side in features.shape[2:])
    return [larger[:, :, height:], larger[:, :, :height, width:]]
