"""Curves as PNG: losses of a training, the v of a stack, ROC.

Room: evaluation. matplotlib's object interface on an Agg canvas; no state is shared. Colours are
even steps of viridis, told apart by every kind of colour vision, and every line has a dash of its
own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.metrics import RocCurve
from napari_focusqc.evaluation.sheet import FAINT, INK
from napari_focusqc.results.beside import file_beside

_SIZE_INCH, _DPI = (7.0, 4.6), 150
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
_COLOURS = (0.0, 0.85)
"""The part of viridis that is seen on white."""
_MOST_BANDS = 3
_STEPS = (1, 2, 5, 10)
"""Ticks stand at whole multiples of these and their tenths."""

V = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""z, mean, low, high: `stack_protocol.VCurve`."""


def write_loss_curve(
    path: Path,
    epochs: Sequence[float],
    training_loss: Sequence[float],
    validation_loss: Sequence[float] | None,
) -> Path:
    """Draw the losses of a training, on a logarithmic scale where they span more than tenfold.

    Parameters
    ----------
    path
        PNG file to make or replace.
    epochs
        E of them, rising.
    training_loss, validation_loss
        E of each; None where nothing was measured on validation images.

    Raises
    ------
    EvaluationError
        There are no epochs, not as many losses as epochs, or a loss that is not finite.
    OutputError
        The file cannot be written.
    """
    losses = {"training": training_loss}
    if validation_loss is not None:
        losses["validation"] = validation_loss
    for name, values in losses.items():
        _check_line(f"{name} losses", epochs, values)
    axes = new_axes("epoch", "loss")
    for (name, values), colour, dash in zip(losses.items(), line_colours(2), DASHES, strict=False):
        axes.plot(epochs, values, color=colour, linestyle=dash, marker=".", label=name)
    every = np.concatenate([np.asarray(values, float) for values in losses.values()])
    if every.min() > 0 and every.max() > 10 * every.min():
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return write_figure(axes, path)


def write_v_plot(
    path: Path,
    curves: Mapping[str, V],
    z_label: str = "distance from focus, µm",
    score_label: str = "score (higher is more out of focus)",
) -> Path:
    """Draw mean score against z; up to three curves with a band of the middle 68 % of the scores.

    Parameters
    ----------
    path
        PNG file to make or replace.
    curves
        Name, such as a model's, to its (z, mean, low, high), each (Z,).
    z_label, score_label
        What stands at the axes.

    Raises
    ------
    EvaluationError
        There is no curve, or one whose parts differ in length or are not finite.
    OutputError
        The file cannot be written.
    """
    _check_any(curves)
    axes = new_axes(z_label, score_label)
    for number, (name, (z, mean, low, high)) in enumerate(curves.items()):
        for part in (mean, low, high):
            _check_line(f"scores of {name}", z, part)
        colour, dash = line_colours(len(curves))[number], DASHES[number % len(DASHES)]
        if len(curves) <= _MOST_BANDS:
            axes.fill_between(z, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(z, mean, color=colour, linestyle=dash, marker=".", label=name)
    axes.xaxis.set_major_locator(MaxNLocator(steps=_STEPS))
    return write_figure(axes, path)


def write_roc(path: Path, curves: Mapping[str, RocCurve]) -> Path:
    """Draw ROC curves with their areas; the diagonal is chance.

    Parameters
    ----------
    path
        PNG file to make or replace.
    curves
        Name to curve; out of focus is what should be found.

    Raises
    ------
    EvaluationError
        There is no curve.
    OutputError
        The file cannot be written.
    """
    _check_any(curves)
    axes = new_axes(
        "share of tiles in focus that are called out of focus",
        "share of tiles out of focus\nthat are called so",
    )
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle=":", label="chance")
    for number, (name, curve) in enumerate(curves.items()):
        axes.plot(
            curve.false_positive,
            curve.true_positive,
            color=line_colours(len(curves))[number],
            linestyle=DASHES[number % len(DASHES)],
            label=f"{name}, area {curve.area:.3f}",
        )
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    return write_figure(axes, path)


def new_axes(x_label: str, y_label: str) -> Axes:
    """Return the axes of a new figure, labelled."""
    figure = Figure(_SIZE_INCH, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return labelled(figure.add_subplot(), x_label, y_label)


def labelled(axes: Axes, x_label: str, y_label: str) -> Axes:
    """Give axes labels, a faint grid and no box."""
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=FAINT, labelcolor=INK)
    return axes


def write_figure(axes: Axes, path: Path) -> Path:
    """Add the legend and write the figure beside its place."""
    axes.legend(frameon=False)
    with file_beside(path) as partial:
        axes.get_figure(root=True).savefig(partial, format="png")  # type: ignore[union-attr]
    return path


def line_colours(count: int) -> list[tuple[float, float, float, float]]:
    """Return colours for `count` lines, the first dark."""
    return [mpl.colormaps["viridis"](each) for each in np.linspace(*_COLOURS, max(count, 2))]


def _check_any(curves: Mapping[str, object]) -> None:
    if not curves:
        raise EvaluationError("there is no curve to draw; give at least one")


def _check_line(
    what: str, x: Sequence[float] | NDArray[np.float64], y: Sequence[float] | NDArray[np.float64]
) -> None:
    if not len(x) or len(x) != len(y) or not np.isfinite(y).all():
        raise EvaluationError(
            f"there are {len(y)} {what} for {len(x)} points; give one finite number for each of at "
            "least one point"
        )
