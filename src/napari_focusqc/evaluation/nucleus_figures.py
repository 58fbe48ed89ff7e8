"""Precision over recall, drawn and listed.

Room: evaluation. matplotlib's object interface; no state is shared.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.curves import DASHES, labelled, line_colours, new_axes, write_figure
from napari_focusqc.evaluation.figures_table import FiguresTable
from napari_focusqc.evaluation.nucleus_metrics import DetectionCurve


def write_precision_recall(path: Path, curves: Mapping[str, DetectionCurve]) -> Path:
    """Draw precision over recall; a dot marks the best F1 of each curve.

    Parameters
    ----------
    path
        PNG file to make or replace.
    curves
        Name, such as a radius, to its counts.

    Raises
    ------
    EvaluationError
        There is no curve.
    OutputError
        The file cannot be written.
    """
    axes = new_axes("", "")
    draw_precision_recall(axes, curves)
    return write_figure(axes, path)


def draw_precision_recall(axes: Axes, curves: Mapping[str, DetectionCurve]) -> None:
    """Draw the curves of `write_precision_recall` on axes that are empty.

    Parameters
    ----------
    axes, curves
        As there.

    Raises
    ------
    EvaluationError
        There is no curve.
    """
    if not curves:
        raise EvaluationError("there is no curve to draw; give at least one")
    labelled(axes, "recall", "precision")
    for number, (name, each) in enumerate(curves.items()):
        colour, dash = line_colours(len(curves))[number], DASHES[number % len(DASHES)]
        axes.plot(each.recall, each.precision, color=colour, linestyle=dash, label=name)
        if np.isfinite(each.f1).any():
            best = int(np.nanargmax(each.f1))
            axes.plot(each.recall[best], each.precision[best], "o", color=colour)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))


def curve_table(curves: Mapping[str, DetectionCurve]) -> FiguresTable:
    """List the counts of curves, one row for each threshold.

    Parameters
    ----------
    curves
        As for `write_precision_recall`.
    """
    rows = [
        (name, float(at), int(tp), int(found), each.true, float(p), float(r), float(f1))
        for name, each in curves.items()
        for at, tp, found, p, r, f1 in zip(
            each.threshold, each.tp, each.found, each.precision, each.recall, each.f1, strict=True
        )
    ]
    columns = ("curve", "threshold", "tp", "found", "true", "precision", "recall", "f1")
    return FiguresTable("Curves", columns, tuple(rows))
