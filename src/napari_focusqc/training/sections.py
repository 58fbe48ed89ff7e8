"""Tissue as light goes through it: thin sections, thick ones, and the lens behind them.

Room: training. By Beer and Lambert's law the optical density of what lies one upon the other adds
up, so the shares of light that pass are multiplied.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.wave import blur_channels
from napari_focusqc.training.blurs import Kernels


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a section, and how the lens sees it.

    Parameters
    ----------
    kernels
        Its blur, for red, green and blue.
    density
        Its optical density as a share of the field's own.
    turned
        Whether it shows the field turned by half a circle: other tissue of the same stain.
    """

    kernels: Kernels
    density: float = 1.0
    turned: bool = False


def light_through(field: NDArray[np.uint8], layers: Sequence[Layer]) -> NDArray[np.float32]:
    """Return what the lens gives of a section.

    Parameters
    ----------
    field
        A sharp field, uint8 (H, W, 3); 255 is clear glass.
    layers
        One at least. Each is blurred by itself, as if it alone were there.

    Returns
    -------
    float32 (H, W, 3), grey levels, neither rounded nor clipped.
    """
    seen = [_seen(field[::-1, ::-1] if each.turned else field, each) for each in layers]
    light = seen[0]
    for other in seen[1:]:
        light *= other / 255
    return light


def _seen(field: NDArray[np.uint8], layer: Layer) -> NDArray[np.float32]:
    """Return what the lens gives of one layer."""
    if layer.density == 1:
        return blur_channels(field, layer.kernels)
    levels = 255 * (np.arange(256) / 255) ** layer.density
    return blur_channels(levels.astype(np.float32)[field], layer.kernels)
