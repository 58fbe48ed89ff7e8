"""Scores beside what is known of the tiles, ready for any protocol.

Room: evaluation.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.results.beside import file_beside


@dataclass(frozen=True, slots=True, eq=False)
class ScoredTiles:
    """Tiles with a score, a truth and an image that each is from.

    Parameters
    ----------
    scores
        float64 (N,), higher is more out of focus; NaN where the weights abstain.
    truth
        float (N,): a distance from focus (µm, signed or not), a class, a grade.
    field
        int64 (N,), number of the image, slide or scanner a tile is from.
    radius_um
        float (N,), true radius of the blur disk, µm; None where nobody knows it.

    Raises
    ------
    EvaluationError
        They differ in length.
    """

    scores: NDArray[np.float64]
    truth: NDArray[np.floating[Any]]
    field: NDArray[np.int64]
    radius_um: NDArray[np.floating[Any]] | None = None

    def __post_init__(self) -> None:
        known = self.scores if self.radius_um is None else self.radius_um
        if not self.scores.shape == self.truth.shape == self.field.shape == known.shape:
            raise EvaluationError(
                f"there are {len(self.scores)} scores, {len(self.truth)} truths and "
                f"{len(self.field)} field numbers; each tile needs one of each"
            )

    @property
    def abstained(self) -> float:
        """Share of the tiles, 0 to 1, that have no score."""
        return float(np.isnan(self.scores).mean()) if len(self.scores) else 0.0

    def judged(self) -> "ScoredTiles":
        """Return the tiles with a score.

        Raises
        ------
        EvaluationError
            There are none.
        """
        kept = self.select(~np.isnan(self.scores))
        if not len(kept.scores):
            raise EvaluationError(
                f"none of {len(self.scores)} tiles has a score; give images with more structure"
            )
        return kept

    def select(self, chosen: NDArray[np.bool_]) -> "ScoredTiles":
        """Return some of the tiles: bool (N,)."""
        radius = None if self.radius_um is None else self.radius_um[chosen]
        return ScoredTiles(self.scores[chosen], self.truth[chosen], self.field[chosen], radius)


def write_tile_table(
    tiles: ScoredTiles,
    path: Path,
    truth_name: str,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write one row per tile: score (empty where abstained), truth, field, and labels.

    Parameters
    ----------
    tiles
        What was scored.
    path
        CSV file to make or replace: UTF-8, a header, commas, decimal points.
    truth_name
        Name of the truth's column, with its unit, such as ``"z_um"``.
    labels
        Further columns: name to N words.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    further = labels or {}
    scores = ["" if np.isnan(score) else f"{score:.7g}" for score in tiles.scores]
    truth = [f"{value:.7g}" for value in tiles.truth]
    with file_beside(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["score", truth_name, "field", *further])
        writer.writerows(zip(scores, truth, tiles.field.tolist(), *further.values(), strict=True))
    return path
