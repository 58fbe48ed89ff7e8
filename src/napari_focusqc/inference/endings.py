"""What is done with a convolution's results before they are written.

Room: inference. The kinds are types, so that the compiler makes of each a loop without questions.
`numbers` are float32 (lines, K), K rounded up to 16, a column for each filter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_focusqc.inference.llvm_code import FILTERS

Numbers = NDArray[np.float32]


class Clamped(NamedTuple):
    """Add a bias, raise to a lowest value, multiply by a scale, add a shift."""

    numbers: Numbers


class Elu(NamedTuple):
    """Multiply by a scale, add a shift, take the ELU."""

    numbers: Numbers


class EluAdded(NamedTuple):
    """As `Elu`, then add what is there already."""

    numbers: Numbers


class EluAddedElu(NamedTuple):
    """As `EluAdded`, then take the ELU of the sum."""

    numbers: Numbers


Ending = Clamped | Elu | EluAdded | EluAddedElu
Convolution = nn.Conv2d | nn.ConvTranspose2d


def clamped(
    convolution: Convolution, relu: bool = False, norm: nn.BatchNorm2d | None = None
) -> Clamped:
    """Read a convolution's bias and the normalisation after it, a ReLU between them or not."""
    lowest = np.full(convolution.out_channels, 0 if relu else -np.inf)
    return Clamped(_lines(_bias(convolution), lowest, *_affine(convolution, norm)))


def before_elu(convolution: Convolution, norm: nn.BatchNorm2d | None = None) -> Numbers:
    """Read the same for the endings with an ELU after the normalisation."""
    scale, shift = _affine(convolution, norm)
    return _lines(scale, _bias(convolution) * scale + shift)


def _bias(convolution: Convolution) -> NDArray[np.float64]:
    if convolution.bias is None:
        return np.zeros(convolution.out_channels)
    return convolution.bias.detach().numpy().astype(np.float64)


def _affine(
    convolution: Convolution, norm: nn.BatchNorm2d | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a normalisation's scale and shift."""
    if norm is None:
        return np.ones(convolution.out_channels), np.zeros(convolution.out_channels)
    mean, variance, weight, bias = (
        value.detach().numpy().astype(np.float64)
        for value in (
            norm.get_buffer("running_mean"),
            norm.get_buffer("running_var"),
            norm.weight,
            norm.bias,
        )
    )
    scale = weight / np.sqrt(variance + norm.eps)
    return scale, bias - mean * scale


def _lines(*lines: NDArray[np.float64]) -> Numbers:
    """Put lines together, with zeros for the filters that are missing to a multiple of 16."""
    missing = -len(lines[0]) % FILTERS
    return np.pad(np.stack(lines), ((0, 0), (0, missing))).astype(np.float32)
