"""The worst errors on one sheet: what was found by mistake and what was missed, to be looked at.

Room: evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.nucleus_errors import NucleusErrors
from napari_focusqc.evaluation.nucleus_metrics import Points
from napari_focusqc.evaluation.sheet import Sheet
from napari_focusqc.results.beside import file_beside

MATCHED_COLOUR, EXTRA_COLOUR, MISSED_COLOUR = "#009e73", "#d55e00", "#0072b2"
"""Okabe and Ito's bluish green, vermilion and blue, told apart by every kind of colour vision [1]_.

.. [1] Okabe and Ito, "Color universal design", https://jfly.uni-koeln.de/color/, 2008.
"""

SIDE_UM = 24.0
"""Side of a picture."""
_ACROSS, _CELL, _GAP, _CAPTION, _TOP = 6, 150.0, 12.0, 30.0, 60.0


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPicture:
    """An image with its errors.

    Parameters
    ----------
    name
        What stands under its pictures.
    pixels
        uint8 (H, W, 3), RGB.
    mpp
        Its µm/px.
    true
        Any float (M, 2), its true nuclei, px.
    errors
        Of this image, px.
    """

    name: str
    pixels: NDArray[np.uint8]
    mpp: float
    true: Points
    errors: NucleusErrors


def write_error_sheet(path: Path, pictures: Sequence[JudgedPicture], many: int) -> Path:
    """Draw the worst errors: the surest false positives, then the loneliest missed nuclei.

    Each takes half of the sheet where there are enough of both. A ring marks the error, crosses
    all true nuclei.

    Parameters
    ----------
    path
        PNG file to make or replace.
    pictures
        The images.
    many
        Pictures on the sheet, at least 1.

    Raises
    ------
    EvaluationError
        There is no error to draw.
    OutputError
        The file cannot be written.
    """
    chosen = worst([each.errors for each in pictures], many)
    if not chosen:
        raise EvaluationError("there is no error to draw; all nuclei were found, and no others")
    rows = -(-len(chosen) // _ACROSS)
    step = _CELL + _GAP
    sheet = Sheet(_GAP + _ACROSS * step, _TOP + rows * (step + _CAPTION), 1.0)
    sheet.write(_GAP, 20, "Errors: ring orange = found by mistake, blue = missed", "heading")
    sheet.write(_GAP, 42, f"crosses: true nuclei; a picture is {SIDE_UM:g} µm wide", "note")
    for place, (number, error) in enumerate(chosen):
        row, col = divmod(place, _ACROSS)
        x, y = _GAP + col * step, _TOP + row * (step + _CAPTION)
        picture = pictures[number]
        _draw(sheet.axes(x, y, _CELL, _CELL), picture, error)
        peak = picture.errors.peaks[error]
        value = "missed" if np.isnan(peak) else f"peak {peak:.2f}"
        sheet.write(x, y + _CELL + 9, value, "text")
        sheet.write(x, y + _CELL + 23, picture.name, "note", right=x + _CELL)
    with file_beside(path) as partial:
        sheet.figure.savefig(partial, format="png")
    return path


def worst(errors: Sequence[NucleusErrors], many: int) -> list[tuple[int, int]]:
    """Choose the worst errors of several images.

    Parameters
    ----------
    errors
        Of each image.
    many
        How many at most.

    Returns
    -------
    Number of the image and of the error in it: false positives by falling peak, then missed nuclei
    by falling distance to the nearest found one.
    """
    every = [(image, number) for image, each in enumerate(errors) for number in range(len(each))]
    extra = [at for at in every if errors[at[0]].found[at[1]]]
    missed = [at for at in every if not errors[at[0]].found[at[1]]]
    extra.sort(key=lambda at: -np.nan_to_num(errors[at[0]].peaks[at[1]]))
    missed.sort(key=lambda at: -errors[at[0]].nearest[at[1]])
    half = max(many - len(missed), (many + 1) // 2)
    first = extra[:half]
    return first + missed[: many - len(first)]


def _draw(axes: Axes, picture: JudgedPicture, error: int) -> None:
    """Draw the surroundings of an error."""
    y, x = picture.errors.centres[error]
    reach = SIDE_UM / 2 / picture.mpp
    colour = EXTRA_COLOUR if picture.errors.found[error] else MISSED_COLOUR
    top, left = max(int(y - reach), 0), max(int(x - reach), 0)
    crop = picture.pixels[top : int(y + reach) + 2, left : int(x + reach) + 2]
    height, width = crop.shape[:2]
    axes.imshow(crop, extent=(left - 0.5, left + width - 0.5, top + height - 0.5, top - 0.5))
    axes.plot(picture.true[:, 1], picture.true[:, 0], "+", color=MATCHED_COLOUR, markersize=7)
    axes.plot([x], [y], "o", fillstyle="none", color=colour, markersize=22, markeredgewidth=2)
    axes.set(xlim=(x - reach, x + reach), ylim=(y + reach, y - reach), xticks=[], yticks=[])
