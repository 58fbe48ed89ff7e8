"""Colours for scores, and the bar that explains them.

Room: evaluation. matplotlib's object interface; no state is shared.
"""

from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError
from napari_focusqc.evaluation.sheet import FAINT, INK

DEFAULT_COLORMAP = "viridis"
"""Dark is in focus, bright is out of focus; told apart by every kind of colour vision."""

_END = 0.04
"""Length of the tip of a bar beyond which scores lie, as a share of the bar."""


def colours(name: str, limits: tuple[float, float]) -> ScalarMappable:
    """Return what turns scores into colours; scores beyond the limits take the last colour.

    Parameters
    ----------
    name
        Of a matplotlib colormap.
    limits
        Scores shown as the first and the last colour.

    Raises
    ------
    SettingsError
        There is no such colormap, or the limits do not rise.
    """
    if name not in mpl.colormaps:
        raise SettingsError(
            f"no colormap {name!r}; choose viridis, cividis, magma, jet or another of matplotlib's"
        )
    if not limits[0] < limits[1]:
        raise SettingsError(f"the limits {limits} do not rise; give the lower score first")
    return ScalarMappable(Normalize(*limits), mpl.colormaps[name])


def draw_colour_bar(
    axes: Axes,
    scale: ScalarMappable,
    values: NDArray[np.float32],
    threshold: float | None,
    orientation: Literal["vertical", "horizontal"] = "vertical",
) -> bool:
    """Fill axes with a colour bar, with the threshold on it where it lies within.

    Parameters
    ----------
    axes
        To fill.
    scale
        From `colours`.
    values
        float32 of any shape, what is coloured; the bar gets a tip where some lie beyond it.
    threshold
        On the same scale; None where there is none.
    orientation
        Which way the values rise: up or to the right.

    Returns
    -------
    Whether the threshold was drawn.
    """
    low, high = scale.get_clim()
    extend = _beyond(values, low, high)
    bar = Colorbar(axes, scale, extend=extend, extendfrac=_END, orientation=orientation)
    bar.outline.set(linewidth=0.6, edgecolor=FAINT)
    axes.tick_params(labelsize=9, color=FAINT, labelcolor=INK, width=0.6)
    if threshold is None or not low <= threshold <= high:
        return False
    _mark(axes, threshold, orientation)
    return True


def _beyond(
    values: NDArray[np.float32], low: float, high: float
) -> Literal["neither", "both", "min", "max"]:
    """Say at which ends of the colour bar values lie beyond it."""
    below, above = bool((values < low).any()), bool((values > high).any())
    if below and above:
        return "both"
    return "min" if below else "max" if above else "neither"


def _mark(axes: Axes, threshold: float, orientation: Literal["vertical", "horizontal"]) -> None:
    """Draw a line across the colour bar with a pointer left of it, or above it."""
    upright = orientation == "vertical"
    line = axes.axhline if upright else axes.axvline
    line(threshold, color="white", linewidth=3)
    line(threshold, color="black", linewidth=1.2)
    axes.plot(
        [-0.32] if upright else [threshold],
        [threshold] if upright else [1.5],
        ">" if upright else "v",
        color=INK,
        markersize=6,
        clip_on=False,
        transform=axes.get_yaxis_transform() if upright else axes.get_xaxis_transform(),
    )
