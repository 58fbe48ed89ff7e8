"""What napari shows of nuclei: points, pictures of values, dashed frames, as layer tuples.

Room: plugin. Points lie in level-0 px and are scaled, so that what the user adds is in px, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.annotation.corrections import ADDED
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.placing import LayerData, LayerView, Place, ours, over_slide
from napari_focusqc.results.focus_map import Reason
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable
from napari_focusqc.results.slide_values import SlideValues

SIZE_UM = 4.0
"""Of a point: a nucleus is 5 to 10 µm wide, and its rim is to be seen."""

NUCLEUS_COLORS = {
    FocusFlag.UNKNOWN: "#f0e442",
    FocusFlag.IN_FOCUS: "#56b4e9",
    FocusFlag.OUT_OF_FOCUS: "#e69f00",
}
"""The bright ones of the Okabe and Ito palette: told apart by every kind of colour vision, and from
haematoxylin and eosin. Points out of focus are crosses, too."""

ADDED_COLOR, ADDED_SYMBOL = "#ffffff", "diamond"
"""Of nuclei that the user added."""
_SYMBOLS = {FocusFlag.OUT_OF_FOCUS: "x"}
DISC = "disc"

DENSITY_COLORMAP: dict[str, Any] = {
    "name": "nuclei per mm²",
    "colors": ["#00000400", "#3b0f7099", "#8c2981bb", "#de4968cc", "#fe9f6ddd", "#fcfdbfee"],
}
"""Magma, told apart by every kind of colour vision; clear where there is no nucleus."""
PROXIMITY_COLORMAP: dict[str, Any] = {"name": "proximity", "colors": ["#f0e44200", "#f0e442ff"]}

FRAME_COLOR = "#009e73"
DASHES = 24
"""On each side of a frame."""


def nucleus_layer(nuclei: NucleusTable, on: LayerView | None = None) -> LayerData:
    """Show nuclei as points with their peak and focus as float features.

    Parameters
    ----------
    nuclei
        The layer gets its own copy of the centres, which napari changes when points are dragged.
    on
        The slide's layer, as in `over_slide`.
    """
    source = nuclei.source
    keywords = over_slide(Place(source.mpp), on, {"layer": "nuclei", "source": source}) | {
        "name": f"{source.slide} · nuclei",
        "features": nucleus_features(nuclei),
        "size": SIZE_UM / source.mpp,
        "face_color": NUCLEUS_COLORS[FocusFlag.UNKNOWN],
        "border_width": 0,  # a border would be all that is seen of a point in an overview
        "symbol": DISC,
        "ndim": 2,
    }
    return nuclei.centres.copy(), keywords, "points"


def nucleus_features(
    nuclei: NucleusTable, rows: NDArray[np.int64] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Return what the points say of themselves, float32 (N,) each.

    Parameters
    ----------
    nuclei
        In the order of the points.
    rows
        Their found rows, or `ADDED`; None where none is added.

    Returns
    -------
    ``peak``, ``focus`` (NaN where there is no score), ``in_focus`` (1, 0, or NaN where it is not
    known) and ``added`` (1 for those that the user added, else 0).
    """
    known = np.array([np.nan, 1.0, 0.0], np.float32)  # in the order of FocusFlag
    added = np.zeros(len(nuclei), np.float32) if rows is None else (rows == ADDED)
    return {
        "peak": nuclei.peaks,
        "focus": nuclei.focus,
        "in_focus": known[nuclei.in_focus],
        "added": np.asarray(added, np.float32),
    }


def nucleus_look(
    nuclei: NucleusTable, rows: NDArray[np.int64], by_focus: bool
) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Return the colours and symbols of points.

    Parameters
    ----------
    nuclei, rows
        As in `nucleus_features`.
    by_focus
        Whether points in and out of focus shall look different.

    Returns
    -------
    float32 (N, 4), RGBA from 0 to 1, and str (N,), names of napari's symbols.
    """
    colours = np.array([_rgba(NUCLEUS_COLORS[flag]) for flag in FocusFlag] + [_rgba(ADDED_COLOR)])
    symbols = np.array([_SYMBOLS.get(flag, DISC) for flag in FocusFlag] + [ADDED_SYMBOL])
    kinds = nuclei.in_focus.astype(np.intp) if by_focus else np.zeros(len(nuclei), np.intp)
    kinds[rows == ADDED] = len(FocusFlag)
    return colours[kinds], symbols[kinds]


def shown_nuclei(
    nuclei: NucleusTable, rows: NDArray[np.int64], least: float, hide: bool
) -> NDArray[np.bool_]:
    """Say which points are seen.

    Parameters
    ----------
    nuclei, rows
        As in `nucleus_features`.
    least
        The least peak, compared as float32.
    hide
        Whether those out of focus are hidden; what the user added never is.
    """
    shown: NDArray[np.bool_] = nuclei.peaks >= np.float32(least)
    if hide:
        shown &= (nuclei.in_focus != FocusFlag.OUT_OF_FOCUS) | (rows == ADDED)
    return shown


def rows_after(
    rows: NDArray[np.int64], action: str, at: Sequence[int], count: int
) -> NDArray[np.int64]:
    """Follow what the user did to the points.

    Parameters
    ----------
    rows
        Their found rows, or `ADDED`, before.
    action
        ``"added"`` (at the end), ``"removed"`` or ``"changed"`` (moved), as napari calls it.
    at
        Which of them.
    count
        How many there are now.

    Returns
    -------
    The rows after it. A point that was moved is where the user put it, so it counts as added; so
    do all of them where the points are others altogether.
    """
    after = rows.copy()
    if action == "added":
        after = np.append(rows, np.full(max(count - len(rows), 0), ADDED))
    elif action == "removed":
        after = np.delete(rows, list(at))
    elif len(rows) == count:
        after[list(at)] = ADDED
    return after if len(after) == count else np.full(count, ADDED)


def focus_map_layers(layers: Iterable[Any], source: NucleusSource) -> Iterator[Any]:
    """Yield the heatmaps whose focus maps are of the slide and plane that nuclei are of."""
    for layer in layers:
        facts = ours(layer)
        if facts.get("layer") != "heatmap":
            continue
        found = facts["map"]
        same = (found.source.slide, found.source.plane) == (source.slide, source.plane)
        if same and (found.reasons == Reason.SCORED).any():
            yield layer


def density_layer(density: SlideValues, slide: str, on: LayerView | None = None) -> LayerData:
    """Show nuclei per mm² as a see-through picture, one napari pixel per square."""
    keywords = {
        "name": f"{slide} · nuclei per mm²",
        "colormap": DENSITY_COLORMAP,
        "contrast_limits": (0.0, float(density.values.max(initial=0)) or 1.0),
        "interpolation2d": "nearest",
    }
    return density.values, _picture(density, on) | keywords, "image"


def proximity_layer(proximity: SlideValues, slide: str, on: LayerView | None = None) -> LayerData:
    """Show how near each pixel is to a nucleus's centre, as the network sees it."""
    keywords = {
        "name": f"{slide} · proximity",
        "colormap": PROXIMITY_COLORMAP,
        "contrast_limits": (0.0, 1.0),
    }
    return proximity.values, _picture(proximity, on) | keywords, "image"


def frames_layer(
    regions: Iterable[Region], slide: str, mpp: float, on: LayerView | None = None
) -> LayerData:
    """Show regions as dashed frames.

    Parameters
    ----------
    regions
        Level-0 px.
    slide
        Its name.
    mpp
        Micrometres per pixel of its level 0.
    on
        As in `nucleus_layer`.
    """
    found = [_dashes(region) for region in regions]
    keywords = over_slide(Place(mpp), on, {"layer": "reviewed"}) | {
        "name": f"{slide} · reviewed",
        "edge_color": FRAME_COLOR,
        "edge_width": 2.0 / mpp,
        "vector_style": "line",
        "ndim": 2,
    }
    return np.concatenate([np.empty((0, 2, 2)), *found]), keywords, "vectors"


def _picture(values: SlideValues, on: LayerView | None) -> dict[str, Any]:
    """Return what every picture of values has in common."""
    place = Place(values.mpp, values.step_px, values.first_px)
    return over_slide(place, on, {"layer": "values"}) | {"blending": "translucent"}


def _dashes(region: Region) -> NDArray[np.float64]:
    """Return the dashes of a frame as (start, way), float64 (4 · `DASHES`, 2, 2), level-0 px."""
    start = (np.arange(DASHES) + 0.25) / DASHES
    still, way = np.zeros(DASHES), np.full(DASHES, 0.5 / DASHES)
    sides = []
    for far in (0.0, 1.0):
        at = np.full(DASHES, far)
        sides.append(np.stack([start, at, way, still], 1))
        sides.append(np.stack([at, start, still, way], 1))
    dashes = np.concatenate(sides).reshape(-1, 2, 2) * (region.height, region.width)
    dashes[:, 0] += (region.y - 0.5, region.x - 0.5)
    return dashes


def _rgba(colour: str) -> NDArray[np.float32]:
    """Return #rrggbb as RGBA from 0 to 1, opaque."""
    channels = [int(colour[first : first + 2], 16) for first in (1, 3, 5)]
    return np.array([*channels, 255], np.float32) / np.float32(255)
