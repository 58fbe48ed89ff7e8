"""One slide's maps by several models, as layers for napari's grid.

Room: plugin.
"""

from collections.abc import Sequence
from pathlib import Path

from napari_focusqc.plugin.layers import (
    HEATMAP_COLORMAP,
    HEATMAP_OPACITY,
    map_layers,
    slide_layers,
)
from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.plugin.sample_data import true_defocus_layer
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.slides.slide import Slide

LAYERS_PER_CELL = 3
"""What napari's grid calls its stride: the slide, the heatmap over it, the hidden verdicts."""


def side_by_side_layers(
    slide: Slide, maps: Sequence[FocusMap], defocus: Path
) -> list[list[LayerData]]:
    """Show a slide once for each of its maps, and once under its known defocus.

    Parameters
    ----------
    slide
        Open; from now on it belongs to the layers.
    maps
        Of this slide.
    defocus
        Its truth, see `slides.sample.slide.true_defocus`.

    Returns
    -------
    The layers of each cell, from below; the second is what the cell is about, and carries its
    name. Every cell has `LAYERS_PER_CELL` but the last, which has no verdicts.

    Raises
    ------
    MapFileError
        The truth cannot be read.
    """
    about = [map_layers(focus_map) for focus_map in maps]
    data, keywords, kind = true_defocus_layer(defocus)
    look = {"visible": True, "colormap": HEATMAP_COLORMAP, "opacity": HEATMAP_OPACITY}
    about.append([(data, keywords | look, kind)])
    return [[_named(slide, layers[0]), *layers] for layers in about]


def _named(slide: Slide, above: LayerData) -> LayerData:
    """Return the slide's layer under the name of what is shown above it."""
    ((data, keywords, kind),) = slide_layers(slide)
    return data, keywords | {"name": f"{above[1]['name']} · slide"}, kind
