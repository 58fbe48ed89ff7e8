"""The same stacks with other colours, other light and sharpening: what a change costs.

Room: evaluation. A protocol of our own. One row for each data set, so for each stain where data
sets are parted by stain, and each change.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from napari_focusqc.evaluation.figures_table import FiguresTable
from napari_focusqc.evaluation.stack_protocol import StackFigures
from napari_focusqc.optics.camera_range import CameraRange, Range

MORE, LESS, SHARPENING = 1.3, 0.7, 1.0


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """The figures of one data set under one change.

    Parameters
    ----------
    data_set, change
        Names.
    figures
        Those of the protocol `stack`.
    """

    data_set: str
    change: str
    figures: StackFigures


@dataclass(frozen=True, slots=True)
class ShiftFigures:
    """What changes cost.

    Parameters
    ----------
    rows
        Data set by data set, each in the order of `CHANGES`.
    """

    rows: tuple[ShiftRow, ...]

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return one table with a row for each data set and change."""
        columns = (
            "data set",
            "change",
            "Spearman",
            "its limit",
            "of true radius",
            "worst image",
            "AUC 0.5/1.0 µm",
            "abstained",
            "tiles",
            "images",
        )
        rows = tuple(
            (
                row.data_set,
                row.change,
                row.figures.spearman,
                row.figures.spearman_limit,
                row.figures.spearman_radius,
                row.figures.spearman_worst_field,
                row.figures.auc_half_from_one_um,
                row.figures.abstained,
                row.figures.tiles,
                row.figures.fields,
            )
            for row in self.rows
        )
        return (FiguresTable("The same stacks, changed", columns, rows, _NOTES),)

    def to_dict(self) -> dict[str, Any]:
        """Return the rows as plain numbers."""
        return {
            "rows": [
                {"data_set": row.data_set, "change": row.change, **row.figures.to_dict()}
                for row in self.rows
            ]
        }


def scanners_of_changes(scanners: CameraRange) -> dict[str, CameraRange]:
    """Return what scanners are drawn from under each change; all else is drawn alike.

    Parameters
    ----------
    scanners
        Without a change.

    Returns
    -------
    Name of the change to its range, ``"plain"`` first.
    """
    return {name: change(scanners) for name, change in CHANGES.items()}


def _colour(factor: float) -> Callable[[CameraRange], CameraRange]:
    """Return what multiplies the density of all stains, and the saturation."""
    return lambda scanners: replace(
        scanners,
        stain_scale=_scaled(scanners.stain_scale, factor),
        saturation=_scaled(scanners.saturation, factor),
    )


def _light(factor: float) -> Callable[[CameraRange], CameraRange]:
    """Return what multiplies the light of all channels; what is brighter than white is cut."""
    return lambda scanners: replace(scanners, gain=_scaled(scanners.gain, factor))


def _scaled(ends: Range, factor: float) -> Range:
    return ends[0] * factor, ends[1] * factor


CHANGES: dict[str, Callable[[CameraRange], CameraRange]] = {
    "plain": lambda scanners: scanners,
    "colour +30 %": _colour(MORE),
    "colour −30 %": _colour(LESS),
    "light +30 %": _light(MORE),
    "light −30 %": _light(LESS),
    "sharpened": lambda scanners: replace(scanners, sharpening=(SHARPENING, SHARPENING)),
}
"""What is done to every scanner that is drawn."""

_NOTES = (
    "Colour: density of the stains and saturation × 1.3 or 0.7. Light: grey levels × 1.3 (cut at "
    "white) or 0.7. Sharpened: unsharp mask of amount 1.",
)
