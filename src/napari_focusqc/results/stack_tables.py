"""A measured stack as tables: one row per tile, and curves over z.

Room: results. New columns are only ever added at the end.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.tiles.sharpness import FIGURES

TILES = ("row", "col", "y_px", "x_px", "network_z", "merit_z", "best_plane", "reason")
CURVES = ("plane", "z", *FIGURES, "distance_median", "distance_p16", "distance_p84")
MIDDLE = (16.0, 84.0)
"""Percentiles that hold the middle 68 %."""


def write_stack_tiles(distance_map: DistanceMap, path: str | Path) -> Path:
    """Write one row per tile: its place, its heights of focus and why one is missing.

    Parameters
    ----------
    distance_map
        A measured stack.
    path
        CSV file to make or replace: `TILES`, then ``distance_A_B`` for each pair of planes A and
        B, µm from B to focus. Heights are in the unit of the source's.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    planes = distance_map.source.planes
    pairs = [f"distance_{planes[a]}_{planes[b]}" for a, b in distance_map.source.pairs]
    return write_rows(Path(path), (*TILES, *pairs), _tiles(distance_map))


def _tiles(distance_map: DistanceMap) -> Iterator[list[Any]]:
    """Yield the fields of each tile, row by row of the map."""
    grid, planes = distance_map.grid, distance_map.source.planes
    y_px, x_px = distance_map.centres_px
    best = distance_map.best_plane()
    for row, col in np.ndindex(grid.rows, grid.cols):
        place = best[row, col]
        yield [
            grid.row0 + row,
            grid.col0 + col,
            round(float(y_px[row]), 3),
            round(float(x_px[col]), 3),
            _number(distance_map.network_um[row, col]),
            _number(distance_map.merit_um[row, col]),
            "" if place < 0 else planes[place],
            StackReason(int(distance_map.reasons[row, col])).words,
            *(_number(each) for each in distance_map.distances_um[:, row, col]),
        ]


def write_stack_curves(distance_map: DistanceMap, path: str | Path) -> Path:
    """Write one row per plane: each figure of merit of the field, and the network's distances.

    Parameters
    ----------
    distance_map
        A measured stack.
    path
        CSV file to make or replace: `CURVES`; the distance is empty where the plane is not the
        second of a pair.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    source = distance_map.source
    curves = [distance_map.field_curve(name) for name in FIGURES]
    seen = {second: field_distance(distance_map, n) for n, (_, second) in enumerate(source.pairs)}
    rows = (
        [
            source.planes[plane],
            source.z_um[plane],
            *(_number(curve[plane]) for curve in curves),
            *(_number(each) for each in seen.get(plane, (np.nan,) * 3)),
        ]
        for plane in range(len(source.planes))
    )
    return write_rows(Path(path), CURVES, rows)


def field_distance(distance_map: DistanceMap, pair: int) -> tuple[float, float, float]:
    """Return median, 16th and 84th percentile of a pair's distances over the tiles, µm.

    NaN where no tile was measured.
    """
    found = distance_map.distances_um[pair]
    known = found[np.isfinite(found)].astype(np.float64)
    if not known.size:
        return (np.nan,) * 3
    low, high = np.percentile(known, MIDDLE)
    return float(np.median(known)), float(low), float(high)


def _number(value: Any) -> str:
    """Return the shortest text that reads back as the same float32; nothing for NaN."""
    return "" if np.isnan(value) else str(np.float32(value))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a CSV beside its place: UTF-8, a header, commas, decimal points.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    with (
        file_beside(path) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path
