"""Where the stage should go to have each tile in focus: a rescan plan.

Room: results.
"""

from pathlib import Path

import numpy as np

from napari_focusqc.errors import StackError
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.stack_tables import write_rows

POINTS = ("x_um", "y_um", "z_um")
"""The order of the columns; new ones are only ever added at the end."""


def write_focus_points(
    distance_map: DistanceMap,
    path: str | Path,
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Path:
    """Write where the stage should go to have each tile in focus.

    Parameters
    ----------
    distance_map
        A measured stack.
    path
        CSV file to make or replace: `POINTS`, a row per tile with a height of focus, row by row.
    origin_um
        Stage (z, y, x) at which plane height 0 and the top left corner of the slide's first pixel
        lie, µm; x grows to the right of the image and y downwards.

    Returns
    -------
    The path of the file.

    Raises
    ------
    StackError
        The µm/px or the heights of the planes are unknown, or no tile has a height of focus.
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    source, focus = distance_map.source, distance_map.focus_um
    if source.mpp is None or source.z_source is None:
        raise StackError(
            f"the µm per pixel or the heights of the planes of {source.slide} are unknown, so "
            "there are no stage positions; give them (--mpp, --z-step-um or --heights)"
        )
    if not np.isfinite(focus).any():
        raise StackError(
            f"no tile of {source.slide} has a height of focus; measure planes on both sides of it"
        )
    z0, y0, x0 = origin_um
    y_px, x_px = distance_map.centres_px
    rows = (
        [
            round(x0 + float(x_px[col]) * source.mpp, 3),
            round(y0 + float(y_px[row]) * source.mpp, 3),
            round(z0 + float(focus[row, col]), 3),
        ]
        for row, col in np.argwhere(np.isfinite(focus))
    )
    return write_rows(Path(path), POINTS, rows)
