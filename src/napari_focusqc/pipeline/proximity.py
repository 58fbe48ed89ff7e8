"""What the network sees in a part of a slide, before anybody looks for peaks.

Room: pipeline.
"""

from collections.abc import Generator
from contextlib import closing
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.inference.device import usable_cores
from napari_focusqc.pipeline.searching import Search, begin_search
from napari_focusqc.progress import Progress
from napari_focusqc.results.slide_values import SlideValues
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.cores import Core
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.windows import read_window

MOST_PX = 4_000_000
"""Model pixels: a picture to look at, and 16 MB."""
STAGE = "drawing the proximity map"


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
    yield Progress(0, len(search.cores), STAGE)
    with closing(_seen(search)) as parts:
        for done, (core, found) in enumerate(parts, start=1):
            _put(values, asked, found, core.inside)
            yield Progress(done, len(search.cores), STAGE)
    first = ((asked.y + 0.5) * scale - 0.5, (asked.x + 0.5) * scale - 0.5)
    return SlideValues(values, scale, first, search.source.mpp)


def _seen(search: Search) -> Generator[tuple[Core, NDArray[np.float32]], None, None]:
    """Yield each core with its proximity, 0 where it cannot be read; closing it stops its threads.

    The network and the threads are those of a run.
    """
    # imported late, as it imports torch
    from napari_focusqc.inference.nucleus_finder import NucleusFinder

    def look(core: Core) -> tuple[Core, NDArray[np.float32]]:
        pixels, readable = read_window(search.level, core.window)
        found = find.proximity(pixels, core.place)
        return core, np.where(readable[core.place], found, np.float32(0))

    source, threads = search.source, search.settings.threads or usable_cores()
    finder = NucleusFinder(search.network, search.device, source.least, mpp=source.weights["mpp"])
    with (
        finder as find,
        closing(in_order(look, search.cores, threads)) as seen,
    ):
        yield from seen


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
