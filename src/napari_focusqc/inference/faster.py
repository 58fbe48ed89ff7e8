"""A network's layers put together for scoring on the CPU.

Room: inference. Gets a network, gives one with the same scores to float rounding.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import TypeVar, cast

from torch import nn

from napari_focusqc.inference.direct import DirectConvolution, MaxPool
from napari_focusqc.inference.endings import Elu, Ending, before_elu, clamped
from napari_focusqc.inference.micronet_blocks import compiled_blocks
from napari_focusqc.inference.winograd import WinogradConvolution
from napari_focusqc.models.micronet import MicroNet

CONVOLUTIONS = (WinogradConvolution, DirectConvolution)
"""The first that fits is taken."""

Layer = TypeVar("Layer", bound=nn.Module)


def faster(network: nn.Module) -> nn.Module:
    """Copy a network, with its convolutions and poolings compiled.

    Parameters
    ----------
    network
        On the CPU, in evaluation mode. Compiled are the layers of its `features`, which come in
        order, and of every `nn.Sequential` in it; without any it is returned as it is.
    """
    sequences = any(isinstance(each, nn.Sequential) for each in network.modules())
    if not (sequences or hasattr(network, "features")):
        return network
    copied = deepcopy(network)
    blocks = compiled_blocks(copied) if isinstance(copied, MicroNet) else None
    if blocks is not None:
        copied.blocks = blocks
        return copied
    if isinstance(getattr(copied, "features", None), tuple):
        copied.features = nn.Sequential(*cast("tuple[nn.Module, ...]", copied.features))
    _compile_inside(copied)
    return copied


def _compile_inside(module: nn.Module) -> None:
    """Compile every sequence of layers in a module, the innermost first."""
    for name, child in module.named_children():
        _compile_inside(child)
        if isinstance(child, nn.Sequential):
            setattr(module, name, nn.Sequential(*_together(child)))


def _together(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """Compile what can be; a convolution takes in what comes after it."""
    waiting = deque(layers)
    while waiting:
        layer = waiting.popleft()
        kind = next((kind for kind in CONVOLUTIONS if kind.fits(layer)), None)
        if kind is not None:
            convolution = cast("nn.Conv2d", layer)
            yield kind(convolution, _ending(convolution, waiting))
        elif isinstance(layer, nn.MaxPool2d) and MaxPool.fits(layer):
            yield MaxPool(layer)
        else:
            yield layer


def _ending(convolution: nn.Conv2d, waiting: deque[nn.Module]) -> Ending:
    """Take a ReLU and a normalisation, either of them, or a normalisation and an ELU."""
    relu = _next(waiting, nn.ReLU)
    norm = _next(waiting, nn.BatchNorm2d)
    if relu is None and waiting and isinstance(waiting[0], nn.ELU) and waiting[0].alpha == 1:
        waiting.popleft()
        return Elu(before_elu(convolution, norm))
    return clamped(convolution, relu is not None, norm)


def _next(waiting: deque[nn.Module], kind: type[Layer]) -> Layer | None:
    """Take the next layer if it is of a kind."""
    if waiting and isinstance(waiting[0], kind):
        return cast("Layer", waiting.popleft())
    return None
