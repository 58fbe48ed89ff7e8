"""A map as a table: one row per tile, for spreadsheets and statistics.

Room: results. The columns are documented in docs/scoring.md, “The tile table”.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.tiles.grid import TileGrid

COLUMNS = (
    "row",
    "col",
    "y_px",
    "x_px",
    "height_px",
    "width_px",
    "y_um",
    "x_um",
    "score",
    "verdict",
    "partial",
    "tissue",
    "blur_radius_um",
    "blur_radius_low_um",
    "blur_radius_high_um",
)
"""The order of the columns; new ones are only ever added at the end."""


def write_tile_csv(focus_map: FocusMap, path: str | Path) -> Path:
    """Write one row per tile: where it lies, its score and what that means.

    Parameters
    ----------
    focus_map
        The map to write.
    path
        CSV file to make or replace: UTF-8, a header, commas, decimal points.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    WeightsError
        The calibration on the weights' card is damaged.
    """
    path = Path(path)
    with (
        file_beside(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(focus_map))
    return path


def _rows(focus_map: FocusMap) -> Iterator[tuple[object, ...]]:
    """Yield the fields of each tile, row by row of the map."""
    grid, words = focus_map.grid, {int(verdict): verdict.words for verdict in Verdict}
    verdicts, partial = focus_map.verdicts(), focus_map.partial
    tops, heights = _spans(grid.row0, grid.rows, grid.shape[0], grid)
    lefts, widths = _spans(grid.col0, grid.cols, grid.shape[1], grid)
    first_y, first_x = focus_map.first_centre_um
    radii = _radii(focus_map)
    for row, col in np.ndindex(grid.rows, grid.cols):
        yield (
            grid.row0 + row,
            grid.col0 + col,
            tops[row],
            lefts[col],
            heights[row],
            widths[col],
            round(first_y + row * focus_map.stride_um, 4),
            round(first_x + col * focus_map.stride_um, 4),
            _number(focus_map.scores[row, col]),
            words[int(verdicts[row, col])],
            int(partial[row, col]),
            _number(focus_map.tissue[row, col]),
            *(_number(radius[row, col]) for radius in radii),
        )


def _radii(focus_map: FocusMap) -> tuple[NDArray[np.float32], ...]:
    """Return equivalent blur radius, lower and upper bound, µm; NaN without a calibration."""
    calibration = focus_map.calibration
    if calibration is None:
        return (np.full_like(focus_map.scores, np.nan),) * 3
    radius, bounds = focus_map.blur_radius_um(), calibration.interval_um_of(focus_map.scores)
    low, high = (np.where(np.isnan(radius), radius, bound) for bound in bounds)
    return radius, low, high


def _spans(
    first: int, count: int, side: int, grid: TileGrid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the windows begin along an axis and how long they are inside the slide.

    Edges are rounded to whole level-0 px each on its own, so that windows that touch still do.
    """
    begin = (first + np.arange(count)) * grid.stride_level0
    starts = np.rint(begin).astype(np.int64)
    stops = np.rint(begin + grid.tile_level0).astype(np.int64)
    return starts, np.minimum(stops, side) - starts


def _number(value: Any) -> str:
    """Return the shortest text that reads back as the same float32; nothing for NaN."""
    return "" if np.isnan(value) else str(np.float32(value))
