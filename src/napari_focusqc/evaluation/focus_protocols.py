"""A map beside what is known to be true.

Room: evaluation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from napari_focusqc.errors import EvaluationError
from napari_focusqc.results.focus_map import FocusMap, Reason


@dataclass(frozen=True, slots=True)
class TruthCorrelation:
    """How well scores follow a known blur.

    Parameters
    ----------
    spearman
        Rank correlation over the compared tiles, ties at their mean rank.
    tiles
        Number of tiles compared.
    """

    spearman: float
    tiles: int

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.spearman:.3f} ({self.tiles} tiles)"


@dataclass(frozen=True, slots=True, eq=False)
class TileTruth:
    """The known blur of each tile of a map.

    Parameters
    ----------
    mean_um
        float32 (rows, cols), mean blur-disk radius under the window, µm; NaN where any of it is
        glass.
    uniform
        bool (rows, cols), whether the whole window has one and the same blur. ConvFocus counts
        such tiles only: “only tiles wholly inside a region” [1]_.

    References
    ----------
    .. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019.
    """

    mean_um: NDArray[np.float32]
    uniform: NDArray[np.bool_]


def tile_truth(blur_um: NDArray[np.float32], cell_level0: float, focus_map: FocusMap) -> TileTruth:
    """Look a known blur up under each tile's window.

    Parameters
    ----------
    blur_um
        float32 (h, w), radius of the blur disk, µm; NaN where there is no tissue.
    cell_level0
        Level-0 pixels per cell of `blur_um`.
    focus_map
        Whose tiles.
    """
    grid = focus_map.grid
    y0, x0 = grid.origin_level0
    rows = _cells(y0 + np.arange(grid.rows) * grid.stride_level0, grid.tile_level0, cell_level0)
    cols = _cells(x0 + np.arange(grid.cols) * grid.stride_level0, grid.tile_level0, cell_level0)
    mean_um = np.empty((grid.rows, grid.cols), np.float32)
    uniform = np.empty((grid.rows, grid.cols), bool)
    for row, down in enumerate(rows):
        for col, across in enumerate(cols):
            under = blur_um[slice(*down), slice(*across)]
            mean_um[row, col], uniform[row, col] = under.mean(), under.min() == under.max()
    return TileTruth(mean_um, uniform)


def _cells(start: NDArray[np.floating[Any]], side: float, cell: float) -> list[tuple[int, int]]:
    """Return for each window the half-open range of cells it touches."""
    first = np.floor(start / cell).astype(int)
    last = np.ceil((start + side) / cell).astype(int)
    return [(int(a), int(b)) for a, b in zip(first, last, strict=True)]


def truth_correlation(
    focus_map: FocusMap, truth: TileTruth, *, uniform_only: bool = True
) -> TruthCorrelation:
    """Correlate the ranks of scores and known blur over scored tiles that have a truth.

    Parameters
    ----------
    focus_map
        Whose scores.
    truth
        From `tile_truth`.
    uniform_only
        Leave out tiles that straddle two blurs, as ConvFocus does.

    Raises
    ------
    EvaluationError
        Fewer than three tiles can be compared.
    """
    known = (focus_map.reasons == Reason.SCORED) & np.isfinite(truth.mean_um)
    if uniform_only:
        known &= truth.uniform
    count = int(known.sum())
    if count < 3:
        raise EvaluationError(
            f"only {count} scored tiles have a known blur; at least 3 are needed to compare"
        )
    rho = spearmanr(focus_map.scores[known], truth.mean_um[known]).statistic
    return TruthCorrelation(float(rho), count)


@dataclass(frozen=True, slots=True, eq=False)
class KnownDefocus:
    """What is known of a slide's defocus.

    Parameters
    ----------
    radius_um
        float32 (h, w), covers the whole slide: radius of the blur disk, µm in the plane of the
        specimen; NaN on glass.
    cell_level0
        Level-0 pixels per cell of it.

    Raises
    ------
    EvaluationError
        No part of it is blurred.
    """

    radius_um: NDArray[np.float32]
    cell_level0: float

    def __post_init__(self) -> None:
        if not (self.radius_um > 0).any():
            raise EvaluationError(
                "the known defocus is 0 everywhere, so there is nothing to compare scores with; "
                "take a slide that is blurred somewhere"
            )


@dataclass(frozen=True, slots=True, eq=False)
class ComparedMap:
    """A map with how well its scores follow the known defocus.

    Parameters
    ----------
    focus_map
        The map.
    uniform
        Rank correlation over tiles that have one blur.
    every
        The same over all tiles.
    """

    focus_map: FocusMap
    uniform: TruthCorrelation
    every: TruthCorrelation


def compare(focus_map: FocusMap, known: KnownDefocus) -> ComparedMap:
    """Correlate a map's scores with the known defocus.

    Parameters
    ----------
    focus_map
        The map.
    known
        Of the same slide.

    Raises
    ------
    EvaluationError
        Fewer than three tiles can be compared.
    """
    truth = tile_truth(known.radius_um, known.cell_level0, focus_map)
    return ComparedMap(
        focus_map,
        truth_correlation(focus_map, truth),
        truth_correlation(focus_map, truth, uniform_only=False),
    )
