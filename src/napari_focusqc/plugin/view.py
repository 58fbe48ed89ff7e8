"""Which part of a slide a canvas shows: plain geometry, so that it is tested without a window.

Room: plugin. napari's own `corner_pixels` are widened to whole chunks and lag behind the camera,
so they are not used.
"""

from collections.abc import Sequence
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region


def canvas_corners(
    centre: tuple[float, float], zoom: float, canvas_size: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the world coordinates of a 2D canvas's four corners.

    Parameters
    ----------
    centre
        World point (y, x) in the middle of the canvas.
    zoom
        Canvas pixels per world unit.
    canvas_size
        (height, width), canvas pixels.

    Returns
    -------
    float64 (4, 2), (y, x) of each corner.
    """
    half_y, half_x = (side / zoom / 2 for side in canvas_size)
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    return np.asarray(centre, float) + signs * (half_y, half_x)


def visible_region(corners: Sequence[Sequence[float]], shape: tuple[int, int], name: str) -> Region:
    """Return the smallest region of whole level-0 pixels that holds all that is seen.

    Parameters
    ----------
    corners
        The canvas's corners in the slide's level-0 pixel centres, four times (y, x).
    shape
        (height, width) of the slide's level 0, px.
    name
        Of the slide, for the refusal.

    Raises
    ------
    RegionError
        No pixel of the slide is in view.
    """
    edges = np.asarray(corners) + 0.5
    (top, left), (bottom, right) = edges.min(axis=0), edges.max(axis=0)
    if bottom <= 0 or right <= 0 or top >= shape[0] or left >= shape[1]:
        raise RegionError(
            f"nothing of “{name}” is in view; move it into view, or choose the whole slide"
        )
    y, x = max(floor(top), 0), max(floor(left), 0)
    stop_y, stop_x = max(min(ceil(bottom), shape[0]), y + 1), max(min(ceil(right), shape[1]), x + 1)
    return Region(y, x, stop_y - y, stop_x - x)
