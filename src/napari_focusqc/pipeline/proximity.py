"""What the network sees in a part of a slide, before anybody looks for peaks.

Room: pipeline.
"""

from collections.abc import Generator
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.pipeline.searching import begin_search
from napari_focusqc.progress import Progress
from napari_focusqc.results.slide_values import SlideValues
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.windows import read_window

MOST_PX = 4_000_000
"""Model pixels: a picture to look at, and 16 MB."""


def proximity_map(
    slide: Slide, settings: NucleusSettings
) -> Generator[Progress[Any], None, SlideValues]:
    """Predict the proximity of every pixel in `settings.region`.

    Parameters
    ----------
    slide
        From `open_slide`, or an `ArraySlide`.
    settings
        As for `find_nuclei`; without a region it is the whole slide.

    Returns
    -------
    SlideValues
        0 to about 1, one value per pixel of the network, that is 0 where nothing is searched; its
        peaks are the nuclei that `find_nuclei` finds.

    Raises
    ------
    FocusQCError
        As `find_nuclei`; `RegionError` where the region has more than `MOST_PX`.
    """
    search = yield from begin_search(slide, settings)
    # imported late, as it imports torch
    from napari_focusqc.inference.nuclei import proximity_of

    scale = search.area.scale
    asked = _model_px(settings.region or Region(0, 0, *slide.shape), scale).clipped(
        search.level.shape
    )
    if asked.height * asked.width > MOST_PX:
        raise RegionError(
            f"the region has {asked.height * asked.width / 1e6:.1f} million pixels at the "
            f"network's resolution; a proximity map has at most {MOST_PX / 1e6:g}, so zoom in"
        )
    values = np.zeros((asked.height, asked.width), np.float32)
    for done, core in enumerate(search.cores):
        yield Progress(done, len(search.cores), "drawing the proximity map")
        pixels, readable = read_window(search.level, core.window)
        found = proximity_of(search.network, pixels, search.device, core.place)
        _put(values, asked, np.where(readable[core.place], found, np.float32(0)), core.inside)
    first = ((asked.y + 0.5) * scale - 0.5, (asked.x + 0.5) * scale - 0.5)
    return SlideValues(values, scale, first, search.source.mpp)


def _model_px(region: Region, scale: float) -> Region:
    """Return the model pixels of which some of a level-0 region lies in."""
    y, x = floor(region.y / scale), floor(region.x / scale)
    bottom, right = ceil(region.bottom / scale), ceil(region.right / scale)
    return Region(y, x, bottom - y, right - x)


def _put(
    values: NDArray[np.float32], asked: Region, found: NDArray[np.float32], inside: Region
) -> None:
    """Write what was asked for of a core; `found` is what there is inside it."""
    top, left = max(asked.y, inside.y), max(asked.x, inside.x)
    bottom, right = min(asked.bottom, inside.bottom), min(asked.right, inside.right)
    if bottom > top and right > left:
        values[top - asked.y : bottom - asked.y, left - asked.x : right - asked.x] = found[
            top - inside.y : bottom - inside.y, left - inside.x : right - inside.x
        ]
