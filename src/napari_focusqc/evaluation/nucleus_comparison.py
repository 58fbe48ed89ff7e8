"""Found nuclei beside true ones, measured step by step.

Room: evaluation. Points in, figures out; knows no layer and no file.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.figures_table import FiguresTable
from napari_focusqc.evaluation.judged_nuclei import PX_UM
from napari_focusqc.evaluation.nucleus_errors import NucleusErrors, find_errors
from napari_focusqc.evaluation.nucleus_matching import match
from napari_focusqc.evaluation.nucleus_metrics import (
    RADII_PX,
    DetectionCurve,
    DetectionScore,
    detection_curve,
    pool,
)
from napari_focusqc.progress import Progress

_THRESHOLDS = 200
"""Steps of a curve: as many as can be told apart in a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Nuclei:
    """Points to be compared.

    Parameters
    ----------
    centres_um
        float64 (N, 2), (y, x) µm; found and true ones from the same origin.
    peaks
        float (N,), the map's value at each, NaN at those set by hand; None where nobody knows.
    shown
        bool (N,), which of them count as nuclei; the others are for the curve alone. None for all.
    """

    centres_um: NDArray[np.float64]
    peaks: NDArray[np.floating[Any]] | None = None
    shown: NDArray[np.bool_] | None = None

    def counting(self) -> "Nuclei":
        """Return those that count."""
        if self.shown is None:
            return self
        peaks = None if self.peaks is None else self.peaks[self.shown]
        return Nuclei(self.centres_um[self.shown], peaks)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What came out.

    Parameters
    ----------
    radius_px
        The radius of `matched`, `errors` and `curve`, px at 40x.
    scores
        Radius, px at 40x, to score, distances in such px.
    matched_um
        float64 (K, 2), the found nuclei that are true, µm.
    errors
        All others, µm.
    curve
        Counts over thresholds; None where no peaks are known.
    """

    radius_px: float
    scores: dict[float, DetectionScore]
    matched_um: NDArray[np.float64]
    errors: NucleusErrors
    curve: DetectionCurve | None

    def table(self) -> FiguresTable:
        """Lay the scores out, one radius a row."""
        rows = tuple(
            (
                f"{radius:g}",
                f"{radius * PX_UM:g}",
                s.precision,
                s.recall,
                s.f1,
                s.distance_px * PX_UM,
            )
            for radius, s in sorted(self.scores.items())
        )
        heads = ("px at 40x", "µm", "precision", "recall", "F1", "distance, µm")
        return FiguresTable("Figures", heads, rows)

    def sentence(self) -> str:
        """Say what was found in one sentence."""
        score = self.scores[self.radius_px]
        return (
            f"Within {self.radius_px * PX_UM:.3g} µm {score.tp:,} of {score.tp + score.fn:,} "
            f"nuclei were found, and {score.fp:,} points are none."
        )


def compare(
    found: Nuclei, true: Nuclei, radius_px: float
) -> Generator[Progress[None], None, Comparison]:
    """Match found nuclei with true ones at the usual radii and at one's own.

    Parameters
    ----------
    found, true
        What is compared.
    radius_px
        How far apart a pair may be in the lists and in the curve, px at 40x, above 0.

    Raises
    ------
    EvaluationError
        There is nothing to compare, or as for `match`.
    """
    some, others = found.counting(), true.counting().centres_um / PX_UM
    if not len(some.centres_um) and not len(others):
        raise EvaluationError("there is no nucleus, neither found nor true; choose other layers")
    here = some.centres_um / PX_UM
    radii = sorted({*RADII_PX, radius_px})
    steps, matchings = len(radii) + 1, {}
    for done, radius in enumerate(radii):
        yield Progress(done, steps, f"matching within {radius * PX_UM:.3g} µm")
        matchings[radius] = match(here, others, radius)
    yield Progress(len(radii), steps, "drawing the curve")
    matching = matchings[radius_px]
    return Comparison(
        radius_px,
        {radius: pool([each]) for radius, each in matchings.items()},
        some.centres_um[matching.found],
        find_errors(matching, some.centres_um, others * PX_UM, some.peaks),
        _curve(found, others, radius_px),
    )


def _curve(found: Nuclei, true: NDArray[np.float64], radius_px: float) -> DetectionCurve | None:
    """Count at evenly spread values of all peaks; whoever set a nucleus by hand was sure of it."""
    if found.peaks is None or not np.isfinite(found.peaks).any():
        return None
    peaks = np.nan_to_num(found.peaks, nan=float(np.nanmax(found.peaks)))
    at = np.unique(np.quantile(peaks, np.linspace(0, 1, _THRESHOLDS), method="nearest"))
    here = found.centres_um / PX_UM
    return detection_curve(
        [here], [peaks], [true], radius_px, at.astype(np.float64), relative=False
    )
