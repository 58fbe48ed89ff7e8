"""Curves over z as PNG: figures of merit, and beside them the v of a network's distances.

Room: evaluation. matplotlib's object interface on an Agg canvas, in the look of `curves`. A curve
with two peaks has both marked, and tiles with two are counted, so that no average hides them.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.curves import DASHES, labelled, line_colours, write_figure
from napari_focusqc.evaluation.sheet import FAINT, INK
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.focus_height import StackReason, peaks_of
from napari_focusqc.results.stack_tables import field_distance
from napari_focusqc.results.summary import tile_count
from napari_focusqc.tiles.sharpness import FIGURES

_SIZE_INCH, _DPI = (11.0, 4.6), 150
_WORDS_WIDE = 44


@dataclass(frozen=True, slots=True, eq=False)
class MeritCurve:
    """A figure of merit along a stack.

    Parameters
    ----------
    values
        float32 (Z,), the highest is 1.
    peaks
        Planes at which it has a peak, intp; more than one are a warning.
    """

    values: NDArray[np.float32]
    peaks: NDArray[np.intp]


def merit_curves(
    distance_map: DistanceMap, tile: tuple[int, int] | None = None
) -> dict[str, MeritCurve]:
    """Return every figure of merit along a stack, of a tile or of the field.

    Parameters
    ----------
    distance_map
        A measured stack.
    tile
        (row, col) in the map; None takes the mean of all measured tiles.

    Raises
    ------
    EvaluationError
        The tile, or every tile, was not measured.
    """
    curves = {}
    for name in FIGURES:
        merits = distance_map.merits_by(name)
        values = distance_map.field_curve(name) if tile is None else merits[:, tile[0], tile[1]]
        if not np.isfinite(values).all():
            what = "no tile" if tile is None else f"the tile in row {tile[0]}, column {tile[1]}"
            raise EvaluationError(
                f"{what} of {distance_map.source.slide} was measured, so there are no curves; "
                "choose another, or measure with less tissue and structure asked for"
            )
        highest = float(values.max())
        shown = values / highest if highest > 0 else values
        curves[name] = MeritCurve(shown.astype(np.float32), peaks_of(values))
    return curves


def write_stack_plot(
    distance_map: DistanceMap, path: Path, tile: tuple[int, int] | None = None
) -> Path:
    """Draw the figures of merit over z and the network's distances beside them.

    Parameters
    ----------
    distance_map
        A measured stack.
    path
        PNG file to make or replace.
    tile
        (row, col) in the map; None draws the field, with the middle 68 % of the tiles' distances.

    Returns
    -------
    The path of the file.

    Raises
    ------
    EvaluationError
        As `merit_curves`.
    OutputError
        The file cannot be written.
    """
    curves, unit = merit_curves(distance_map, tile), distance_map.source.z_unit
    figure = Figure(_SIZE_INCH, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    merits, distances = figure.subplots(1, 2)
    labelled(merits, f"height of the plane, {unit}", "figure of merit / its highest")
    labelled(distances, f"height of the second plane, {unit}", "distance to focus, µm")
    _draw_merits(merits, curves, distance_map)
    if distance_map.has_network:
        _draw_v(distances, distance_map, tile)
    else:
        why = textwrap.fill(distance_map.source.no_network, _WORDS_WIDE)
        distances.set_axis_off()
        distances.text(0.5, 0.5, why, ha="center", color=INK, transform=distances.transAxes)
    return write_figure(merits, path)


def _draw_merits(axes: Axes, curves: dict[str, MeritCurve], distance_map: DistanceMap) -> None:
    """Draw the figures of merit; where one has several peaks, mark them."""
    z = distance_map.source.heights
    for number, (name, curve) in enumerate(curves.items()):
        colour, dash = line_colours(len(curves))[number], DASHES[number % len(DASHES)]
        axes.plot(z, curve.values, color=colour, linestyle=dash, marker=".", label=name)
        if len(curve.peaks) > 1:
            peaks = curve.peaks
            axes.plot(z[peaks], curve.values[peaks], "v", color=colour, markersize=9)
    double = int((distance_map.reasons == StackReason.DOUBLE).sum())
    measured = int((distance_map.found == StackReason.MEASURED).sum())
    if double:
        axes.set_title(
            f"two peaks of {distance_map.source.merit} in {double} of {tile_count(measured)}",
            color=INK,
            fontsize="medium",
        )


def _draw_v(axes: Axes, distance_map: DistanceMap, tile: tuple[int, int] | None) -> None:
    """Draw the network's distances, and the line that a perfect network would draw."""
    z, pairs = distance_map.source.second_heights, range(len(distance_map.source.pairs))
    axes.axhline(0, color=FAINT, linewidth=0.8)
    if tile is None:
        found = np.array([field_distance(distance_map, pair) for pair in pairs])
        middle, focus = found[:, 0], float(np.nanmedian(distance_map.network_um))
        axes.fill_between(z, found[:, 1], found[:, 2], color=line_colours(1)[0], alpha=0.15)
    else:
        middle = distance_map.distances_um[:, tile[0], tile[1]]
        focus = float(distance_map.network_um[tile])
    axes.plot(z, middle, color=line_colours(1)[0], marker=".", label="network")
    axes.plot(z, focus - z, color=FAINT, linestyle=":", label=f"focus at {focus:.2f} µm")
    axes.legend(frameon=False)
