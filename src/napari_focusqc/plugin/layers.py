"""What napari shows: slides, heatmaps and verdicts as layer tuples `(data, keywords, kind)`.

Room: plugin. Looks are decided here, places in `plugin.placing`; napari itself is not imported.

Units: a slide that knows its µm/px lies in µm. One that does not lies in pixels, and napari
then shows no µm for any layer until somebody gives the µm/px (the widget does it with
`in_micrometres`); a guess would be worse than a missing scale bar.

Ownership: the open `Slide` travels in ``metadata["napari-focusqc"]["slide"]`` and belongs to the
layer. Nothing closes it by hand, since a copy of the layer may still draw from it: the file is
closed when the last layer, run or caller lets go.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.plugin.placing import (
    METADATA_KEY,
    UM,
    LayerData,
    LayerView,
    Place,
    over_slide,
)
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason, Verdict
from napari_focusqc.results.scale import score_limits
from napari_focusqc.slides.facts import describe
from napari_focusqc.slides.slide import Slide

PIXEL = "pixel"
_VIRIDIS = [
    "#440154",
    "#472d7b",
    "#3b528b",
    "#2c728e",
    "#21918c",
    "#28ae80",
    "#5ec962",
    "#addc30",
    "#fde725",
]
HEATMAP_COLORMAP: dict[str, Any] = {
    "name": "focus",
    "colors": [
        f"{colour}{round(255 * (0.2 + 0.1 * step)):02x}" for step, colour in enumerate(_VIRIDIS)
    ],
}
"""Viridis, told apart by every kind of colour vision, and the clearer the sharper, so that tissue
in focus can still be looked at: dark and clear is in focus, bright and opaque is out of focus."""

HEATMAP_OPACITY = 0.8

VERDICT_COLORS = {
    Verdict.NOT_RUN: "#00000000",
    Verdict.IN_FOCUS: "#0072b2",
    Verdict.OUT_OF_FOCUS: "#e69f00",
    Verdict.GLASS: "#bbbbbb",
    Verdict.UNREADABLE: "#000000",
    Verdict.ABSTAINED: "#cc79a7",
    Verdict.SCORED: "#56b4e9",
}
"""Okabe and Ito's colours, which people with any colour vision tell apart [1]_.

.. [1] Okabe and Ito, "Color universal design", https://jfly.uni-koeln.de/color/, 2008.
"""


def slide_layers(slide: Slide, *, srgb: bool = False) -> list[LayerData]:
    """Show a slide as one multiscale RGB image layer.

    Parameters
    ----------
    slide
        Open; from now on it belongs to the layer.
    srgb
        Show the colours as sRGB by the slide's own profile; scores never depend on it.

    Returns
    -------
    One image layer of axes (y, x), or (z, y, x) where there is more than one plane. Planes that
    are not evenly spaced are drawn at their mean distance; their true heights are in the slide.

    Raises
    ------
    ColourProfileError
        `srgb` is asked for, but the slide has no profile that can be used.
    """
    planes = len(slide.z_um) > 1
    keywords: dict[str, Any] = {
        "name": slide.name,
        "multiscale": True,
        "rgb": True,
        "axis_labels": ("z", "y", "x") if planes else ("y", "x"),
        "metadata": {METADATA_KEY: slide_facts(slide, srgb=srgb)},
    }
    if slide.mpp is None:
        keywords |= {"units": (PIXEL,) * (2 + planes), "scale": (1.0,) * (2 + planes)}
    else:
        keywords |= in_micrometres(slide, slide.mpp)
    return [(slide.pyramid(srgb=srgb), keywords, "image")]


def in_micrometres(slide: Slide, mpp: float) -> dict[str, Any]:
    """Return scale, translate and units that put a slide's layer into µm.

    Parameters
    ----------
    slide
        Gives the heights of its planes.
    mpp
        Micrometres per pixel of level 0, from the file or from the user.
    """
    if len(slide.z_um) == 1:
        return {"scale": (mpp, mpp), "translate": (0.0, 0.0), "units": (UM, UM)}
    step = (slide.z_um[-1] - slide.z_um[0]) / (len(slide.z_um) - 1)
    return {
        "scale": (step, mpp, mpp),
        "translate": (slide.z_um[0], 0.0, 0.0),
        "units": (UM, UM, UM),
    }


def slide_facts(slide: Slide, *, srgb: bool = False) -> dict[str, Any]:
    """Return what travels in the layer's metadata: the open slide and what is known of it.

    Parameters
    ----------
    slide
        Open.
    srgb
        Whether its colours are shown as sRGB; ``"colours"`` says it in words.
    """
    colours = "sRGB by the ICC profile of the slide" if srgb else "as stored"
    return {"slide": slide, "colours": colours, **describe(slide)}


def heatmap_layer(focus_map: FocusMap, on: LayerView | None = None) -> LayerData:
    """Show the scores as a see-through image, one napari pixel per tile; no score, no colour.

    Parameters
    ----------
    focus_map
        Finished, or still empty; the layer gets its own copy of the scores.
    on
        The slide's layer, as in `over_slide`.
    """
    keywords = _over_slide(focus_map, on, "heatmap") | {
        "name": f"{focus_map.source.slide} · {focus_map.source.model}",
        "colormap": HEATMAP_COLORMAP,
        "contrast_limits": score_limits(focus_map),
        "opacity": HEATMAP_OPACITY,
        "blending": "translucent",
        "interpolation2d": "nearest",
    }
    return focus_map.scores.copy(), keywords, "image"


def verdict_layer(focus_map: FocusMap, on: LayerView | None = None) -> LayerData:
    """Show each tile's verdict as a label whose name appears under the mouse.

    Parameters
    ----------
    focus_map
        A finished map.
    on
        As in `heatmap_layer`.
    """
    colours: dict[int | None, str] = {int(v): colour for v, colour in VERDICT_COLORS.items()}
    keywords = _over_slide(focus_map, on, "verdict") | {
        "name": f"{focus_map.source.slide} · {focus_map.source.model} · verdict",
        "colormap": {None: "#00000000"} | colours,
        "features": {
            "index": [int(verdict) for verdict in Verdict],
            "verdict": [verdict.words for verdict in Verdict],
        },
        "opacity": 0.6,
        "blending": "translucent",
    }
    return focus_map.verdicts(), keywords, "labels"


def map_layers(focus_map: FocusMap, on: LayerView | None = None) -> list[LayerData]:
    """Return the heatmap, and the verdicts above it, hidden so that the scores are seen first."""
    data, keywords, kind = verdict_layer(focus_map, on)
    return [heatmap_layer(focus_map, on), (data, keywords | {"visible": False}, kind)]


def fill_block(scores: NDArray[np.float32], update: BlockUpdate) -> None:
    """Write a finished block into the heatmap's data, in place.

    Where only some rows and columns are scored yet, each score also fills the gap after it.
    """
    rows, cols = update.scores.shape
    place = scores[update.row : update.row + rows, update.col : update.col + cols]
    place[...] = update.scores
    open_ = update.reasons == Reason.NOT_RUN
    for row, col in np.argwhere(np.isfinite(update.scores)) if update.step > 1 else ():
        gap = np.s_[row : row + update.step, col : col + update.step]
        place[gap][open_[gap]] = update.scores[row, col]


def _over_slide(focus_map: FocusMap, on: LayerView | None, kind: str) -> dict[str, Any]:
    """Return the keywords that put the first tile's centre and the stride in the right place."""
    grid = focus_map.grid
    y, x = grid.first_centre_level0
    place = Place(focus_map.source.mpp, grid.stride_level0, (y - 0.5, x - 0.5))
    return over_slide(place, on, {"layer": kind, "map": focus_map})
