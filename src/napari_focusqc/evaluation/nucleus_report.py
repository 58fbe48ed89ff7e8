"""How well nuclei are found in images where somebody marked them, as tables.

Room: evaluation. Measures at some cuts and radii, and lays the figures out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.figures_table import Cell, FiguresTable
from napari_focusqc.evaluation.judged_nuclei import (
    PX_UM,
    Cut,
    JudgedImage,
    average_precision,
    curve,
    errors_of,
)
from napari_focusqc.evaluation.nucleus_errors import NucleusErrors
from napari_focusqc.evaluation.nucleus_metrics import (
    RADII_PX,
    XI,
    DetectionCurve,
    DetectionScore,
    RadiusScore,
    score_images,
)

ALL = "all"
_COLUMNS = (
    "radius, px",
    "µm",
    "precision",
    "recall",
    "F1",
    "distance, px",
    "µm ",
    "nuclei",
    "found",
)
_NOTE = "px are those of 40x, 0.25 µm; distance is the mean of the matched pairs"


@dataclass(frozen=True, slots=True, eq=False)
class NucleusReport:
    """Figures at one or two cuts, and the curves behind them.

    Parameters
    ----------
    images
        What was measured.
    cuts
        Where peaks were cut off.
    scores
        Of each cut, at each of `RADII_PX`.
    average_precision
        At each of `RADII_PX`; NaN where nothing is there.
    """

    images: tuple[JudgedImage, ...]
    cuts: tuple[Cut, ...]
    scores: tuple[tuple[RadiusScore, ...], ...]
    average_precision: tuple[float, ...]

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return it for readers: each cut by data set, then the average precision."""
        several = len({image.data_set for image in self.images}) > 1
        cuts = zip(self.cuts, self.scores, strict=True)
        rows = tuple(
            (round(radius), radius * PX_UM, value)
            for radius, value in zip(RADII_PX, self.average_precision, strict=True)
        )
        heads = ("radius, px", "µm", "average precision")
        return (
            *(self._table(cut, scores, several) for cut, scores in cuts),
            FiguresTable("Over all thresholds", heads, rows),
        )

    def errors(self) -> tuple[NucleusErrors, ...]:
        """Return the errors in each image, at the first cut and the paper's radius."""
        return tuple(errors_of(image, self.cuts[0], RADII_PX[-1]) for image in self.images)

    def curves(self) -> dict[str, dict[str, DetectionCurve]]:
        """Return a curve for each radius, over absolute thresholds and over ξ."""
        found: dict[str, dict[str, DetectionCurve]] = {"threshold": {}, "xi": {}}
        for radius in RADII_PX:
            name = f"within {radius:g} px at 40x, {radius * PX_UM:g} µm"
            found["threshold"][name] = curve(self.images, radius, XI)
            found["xi"][name] = curve(self.images, radius, XI, relative=True)
        return found

    def image_table(self) -> FiguresTable:
        """Return one row for each image, cut and radius."""
        rows: list[tuple[Cell, ...]] = []
        for cut, scores in zip(self.cuts, self.scores, strict=True):
            for number, image in enumerate(self.images):
                names = (image.data_set, image.name, cut.words)
                rows += [(*names, *_cells(each, each.images[number])) for each in scores]
        heads = ("data set", "image", "peaks from")
        return FiguresTable("Images", (*heads, *_COLUMNS), tuple(rows), (_NOTE,))

    def to_dict(self) -> dict[str, Any]:
        """Return the pooled figures for programs."""
        found: dict[str, Any] = {"average_precision": {}}
        for radius, value in zip(RADII_PX, self.average_precision, strict=True):
            found["average_precision"][f"{radius:g}px"] = _rounded(value)
        for cut, scores in zip(self.cuts, self.scores, strict=True):
            found["xi" if cut.relative else "threshold"] = {
                "value": cut.value,
                **{f"{each.radius_px:g}px": _record(each.pooled) for each in scores},
            }
        return found

    def _table(self, cut: Cut, scores: Sequence[RadiusScore], several: bool) -> FiguresTable:
        """Lay out one cut: all images, and each data set where there are several."""
        rows: list[tuple[Cell, ...]] = [(ALL, *_cells(each, each.pooled)) for each in scores]
        for name in dict.fromkeys(image.data_set for image in self.images) if several else ():
            chosen = [image.data_set == name for image in self.images]
            for each in scores:
                some = [s for s, one in zip(each.images, chosen, strict=True) if one]
                rows.append((name, *_cells(each, together(some))))
        title = f"Nuclei: peaks from {cut.words} on"
        return FiguresTable(title, ("data set", *_COLUMNS), tuple(rows), (_NOTE,))


def report(images: Sequence[JudgedImage], cuts: Sequence[Cut]) -> NucleusReport:
    """Measure precision, recall, F1 and distance at every cut and radius.

    Parameters
    ----------
    images
        At least one.
    cuts
        At least one.

    Raises
    ------
    EvaluationError
        There is no image or no cut, or as for `score_images`.
    """
    if not images or not cuts:
        raise EvaluationError(
            f"there are {len(images)} images and {len(cuts)} thresholds to measure at; give one at "
            "least of each"
        )
    true = [image.at_40x(image.true) for image in images]
    scores = []
    for cut in cuts:
        found = [image.at_40x(image.centres[cut.keeps(image.peaks)]) for image in images]
        scores.append(score_images(found, true, mpp=PX_UM, radii_px=RADII_PX))
    every = np.unique(np.concatenate([image.peaks for image in images])).astype(np.float64)
    precisions = [
        average_precision(curve(images, radius, every)) if len(every) else 0.0
        for radius in RADII_PX
    ]
    return NucleusReport(tuple(images), tuple(cuts), tuple(scores), tuple(precisions))


def together(scores: Sequence[DetectionScore]) -> DetectionScore:
    """Pool the scores of some images, as `nucleus_metrics.pool` pools their pairs."""
    tp = sum(each.tp for each in scores)
    away = sum(each.tp * each.distance_px for each in scores if each.tp)
    fp, fn = sum(each.fp for each in scores), sum(each.fn for each in scores)
    return DetectionScore(tp, fp, fn, away / tp if tp else math.nan)


def _cells(at: RadiusScore, score: DetectionScore) -> tuple[Cell, ...]:
    return (
        round(at.radius_px),
        at.radius_um,
        score.precision,
        score.recall,
        score.f1,
        score.distance_px,
        score.distance_px * PX_UM,
        score.tp + score.fn,
        score.tp + score.fp,
    )


def _record(score: DetectionScore) -> dict[str, Any]:
    """Return a score as plain numbers, None where it has no value."""
    return {
        "precision": _rounded(score.precision),
        "recall": _rounded(score.recall),
        "f1": _rounded(score.f1),
        "distance_px_40x": _rounded(score.distance_px),
        "distance_um": _rounded(score.distance_px * PX_UM),
        "tp": score.tp,
        "fp": score.fp,
        "fn": score.fn,
    }


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
