"""ConvFocus's protocol: out-of-focus class against grade, every grade weighing the same.

Room: evaluation. The paper [1]_ draws 3,000 tiles per grade and scanner with replacement, takes
Spearman's ρ with its two-sided p, and regresses class on grade. As tiles are drawn again and
again, that p is smaller than independent tiles would give; it is the paper's all the same.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019, “Results”.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import linregress

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.figures_table import Cell, FiguresTable, measures, plain
from napari_focusqc.evaluation.metrics import spearman
from napari_focusqc.evaluation.scored_tiles import ScoredTiles

LAST_GRADE, LAST_CLASS = 6, 29
"""Grades run from 0 to 6 in half points, classes from 0 to 29."""
TILES_PER_GRADE = 3000
IDEAL_SLOPE = LAST_CLASS / LAST_GRADE


@dataclass(frozen=True, slots=True)
class GradeRow:
    """The scores of one grade.

    Parameters
    ----------
    grade
        0 to 6.
    tiles
        How many different tiles there were to draw from.
    mean, sigma
        Of the scores drawn.
    """

    grade: float
    tiles: int
    mean: float
    sigma: float


@dataclass(frozen=True, slots=True)
class ConvFocusFigures:
    """What the protocol gives.

    Parameters
    ----------
    spearman, p
        ρ of score and grade, and its two-sided p.
    slope, intercept
        Of the straight line from grade to score; for classes 29/6 and 0 would be ideal.
    tiles_per_grade
        Drawn with replacement.
    by_grade
        The grades that there were.
    """

    spearman: float
    p: float
    slope: float
    intercept: float
    tiles_per_grade: int
    by_grade: tuple[GradeRow, ...]

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures and the table by grade."""
        rows: dict[str, Cell] = {
            "Spearman's ρ of score and grade": self.spearman,
            "p, two-sided": "below 1e-300" if self.p < 1e-300 else self.p,
            f"slope (ideal {IDEAL_SLOPE:.2f})": self.slope,
            "intercept (ideal 0)": self.intercept,
            "tiles drawn per grade": self.tiles_per_grade,
        }
        grades = tuple((row.grade, row.tiles, row.mean, row.sigma) for row in self.by_grade)
        return (
            measures("ConvFocus's protocol", rows),
            FiguresTable("Scores by grade", ("grade", "tiles", "mean", "σ"), grades),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Scores against the true out-of-focus class, tile by tile.

    Parameters
    ----------
    mean_absolute_error
        Classes; means something only for weights whose score is a class.
    spearman
        Over all tiles.
    tiles
        Their number.
    """

    mean_absolute_error: float
    spearman: float
    tiles: int

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures, one a line."""
        rows = {
            "mean absolute error, classes": self.mean_absolute_error,
            "Spearman of score and true class": self.spearman,
            "tiles": self.tiles,
        }
        note = "The error means something only where a score is a class, 0 to 29."
        return (measures("Scores against the true class", rows, [note]),)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


def convfocus_figures(
    tiles: ScoredTiles, seed: int, per_grade: int = TILES_PER_GRADE
) -> ConvFocusFigures:
    """Measure scores against grades.

    Parameters
    ----------
    tiles
        With grades as truth; tiles without a score do not count.
    seed
        The same seed draws the same tiles.
    per_grade
        Tiles drawn with replacement from each grade that occurs.

    Raises
    ------
    EvaluationError
        There are fewer than two grades, or no tile has a score.
    """
    kept = tiles.judged()
    grades = np.unique(kept.truth)
    if len(grades) < 2:
        raise EvaluationError(
            f"all {len(kept.scores)} tiles have the grade {grades[0]:g}; give tiles of at least "
            "two grades"
        )
    rng = np.random.default_rng(seed)
    pools = [np.flatnonzero(kept.truth == grade) for grade in grades]
    drawn = np.concatenate([rng.choice(pool, per_grade) for pool in pools])
    scores, truth = kept.scores[drawn], kept.truth[drawn].astype(float)
    correlation, line = spearman(scores, truth), linregress(truth, scores)
    return ConvFocusFigures(
        spearman=correlation.value,
        p=correlation.p,
        slope=float(line.slope),
        intercept=float(line.intercept),
        tiles_per_grade=per_grade,
        by_grade=tuple(
            GradeRow(float(grade), len(pool), float(part.mean()), float(part.std()))
            for grade, pool, part in zip(grades, pools, np.split(scores, len(grades)), strict=True)
        ),
    )


def class_figures(tiles: ScoredTiles) -> ClassFigures:
    """Measure scores against true classes; tiles without a score do not count.

    Raises
    ------
    EvaluationError
        No tile has a score.
    """
    kept = tiles.judged()
    return ClassFigures(
        mean_absolute_error=float(np.abs(kept.scores - kept.truth).mean()),
        spearman=spearman(kept.scores, kept.truth).value,
        tiles=len(kept.scores),
    )


def grade_of_class(classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a stand-in for a pathologist's grade: class × 6/29, to the nearest half point.

    Nobody looked at these tiles. What a person calls 3 need not be class 14 or 15; figures against
    such grades tell how a model follows the blur, not how it follows pathologists.

    Parameters
    ----------
    classes
        int64 (N,), 0 to 29.

    Returns
    -------
    float64 (N,), 0, 0.5, …, 6.
    """
    return np.asarray(np.rint(classes * (2 * LAST_GRADE / LAST_CLASS)) / 2, np.float64)
