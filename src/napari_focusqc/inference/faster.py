"""A network's layers put together for scoring on the CPU.

Room: inference. Gets a network, gives one with the same scores to float rounding.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import TypeVar, cast

from torch import nn

from napari_focusqc.inference.direct import DirectConvolution, MaxPool
from napari_focusqc.inference.winograd import WinogradConvolution

CONVOLUTIONS = (WinogradConvolution, DirectConvolution)
"""The first that fits is taken."""

Layer = TypeVar("Layer", bound=nn.Module)


def faster(network: nn.Module) -> nn.Module:
    """Copy a network, with its convolutions and poolings compiled.

    Parameters
    ----------
    network
        On the CPU, in evaluation mode. Its `features`, layers in order, are what is compiled; a
        network without them is returned as it is.
    """
    if not hasattr(network, "features"):
        return network
    copied = deepcopy(network)
    layers = cast("Iterable[nn.Module]", copied.features)
    copied.features = nn.Sequential(*_together(layers))
    return copied


def _together(layers: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """Compile what can be; a convolution takes in the ReLU and the normalisation after it."""
    waiting = deque(layers)
    while waiting:
        layer = waiting.popleft()
        kind = next((kind for kind in CONVOLUTIONS if kind.fits(layer)), None)
        if kind is not None:
            relu = _next(waiting, nn.ReLU) is not None
            norm = _next(waiting, nn.BatchNorm2d) if relu else None
            yield kind(cast("nn.Conv2d", layer), relu=relu, norm=norm)
        elif isinstance(layer, nn.MaxPool2d) and MaxPool.fits(layer):
            yield MaxPool(layer)
        else:
            yield layer


def _next(waiting: deque[nn.Module], kind: type[Layer]) -> Layer | None:
    """Take the next layer if it is of a kind."""
    if waiting and isinstance(waiting[0], kind):
        return cast("Layer", waiting.popleft())
    return None
