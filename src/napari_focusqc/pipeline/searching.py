"""All steps before the first core is searched for nuclei, and the search itself, core by core.

Room: pipeline. Torch is imported when the first slide is searched, not before.
"""

import json
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_focusqc import __version__
from napari_focusqc.errors import WeightsError
from napari_focusqc.geometry import model_scale
from napari_focusqc.inference.device import choose_device, import_torch, usable_cores
from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights, model_card
from napari_focusqc.pipeline.beginning import resolution
from napari_focusqc.progress import Progress
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.cores import Core, core_grid, cores
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.search_area import SearchArea, in_region
from napari_focusqc.tiles.tissue import TissueMask, remembered_tissue
from napari_focusqc.tiles.windows import read_window

if TYPE_CHECKING:
    from napari_focusqc.inference.nucleus_finder import NucleusFinder

NucleusProgress = Progress[NucleusTable]
STAGE = "finding nuclei"


@dataclass(frozen=True, slots=True)
class Search:
    """What looks for nuclei where.

    Parameters
    ----------
    settings
        What was asked for.
    level
        What is read.
    area
        Where nuclei may be.
    cores
        The parts of the slide that hold some of it, row by row.
    source
        Where the nuclei come from, with no area searched yet.
    network, device
        From `load_micronet`, and where it is.
    """

    settings: NucleusSettings
    level: LevelSource
    area: SearchArea
    cores: tuple[Core, ...]
    source: NucleusSource
    network: Any
    device: Any

    def tables(self, wanted: Iterable[Core]) -> Generator[NucleusTable, None, None]:
        """Yield the nuclei of each core, in the order of the cores; closing it stops its threads.

        A table's source says what area was searched for it.
        """
        from napari_focusqc.inference.nucleus_finder import NucleusFinder

        threads = self.settings.threads or usable_cores()
        with (
            NucleusFinder(
                self.network, self.device, self.source.least, mpp=self.source.weights["mpp"]
            ) as find,
            closing(in_order(lambda core: self._nuclei(core, find), wanted, threads)) as found,
        ):
            yield from found

    def _nuclei(self, core: Core, find: "NucleusFinder") -> NucleusTable:
        """Return the nuclei whose peaks lie in a core, in readable tissue."""
        region, scale = self.settings.region, self.area.scale
        pixels, readable = read_window(self.level, core.window)
        searched = self.area.searched(core.inside)
        seen = searched & readable[core.place]
        asked = in_region(core.inside, region, scale)
        source = replace(
            self.source,
            searched_px2=float((seen & asked).sum() * scale**2),
            unreadable_px2=float((searched & ~seen & asked).sum() * scale**2),
        )
        if not seen.any():
            return NucleusTable.found([], [], source)
        centres, values = find(pixels, core.place)
        rows, cols = np.rint(centres).astype(np.intp).T
        own = seen[rows - core.place[0].start, cols - core.place[1].start]
        corner = np.array([core.window.y, core.window.x]) + 0.5
        table = NucleusTable.found((centres[own] + corner) * scale - 0.5, values[own], source)
        return table if region is None else table.in_region(region)


def begin_search(
    slide: Slide, settings: NucleusSettings
) -> Generator[NucleusProgress, None, Search]:
    """Take all steps before the first core."""
    model_card(settings.model, "nuclei")
    mpp, _ = resolution(slide, settings)
    weights = find_weights(settings.model, mpp, settings.weights, "nuclei")
    least = _least(weights, settings)
    grid = core_grid(slide.shape, model_scale(mpp, weights.card.mpp), settings.region)
    yield Progress(0, 0, "finding tissue")
    tissue = remembered_tissue(slide, settings.tissue, mpp, settings.plane)
    yield Progress(0, 0, "loading the model")
    network, device = _load(weights, settings)
    # imported late, as it imports torch
    from napari_focusqc.inference.nucleus_finder import margin_px

    area = SearchArea.around(tissue, mpp, grid.scale)
    wanted = tuple(
        core for core in cores(grid, margin_px(weights.card.mpp)) if area.meets(core.inside)
    )
    source = replace(_source(slide, settings, weights, tissue), device=str(device), least=least)
    level = LevelSource.of(slide, grid, settings.plane)
    return Search(settings, level, area, wanted, source, network, device)


def _least(weights: Weights, settings: NucleusSettings) -> float:
    """Return the lowest peak that is a nucleus: the user's, else that of the weights' card."""
    least = weights.card.threshold if settings.least is None else settings.least
    if least is None:
        raise WeightsError(
            f"the card of {weights.path.name} gives no threshold; say from which peak on there is "
            "a nucleus, with --least or NucleusSettings(least=…)"
        )
    return least


def _load(weights: Weights, settings: NucleusSettings) -> tuple[Any, Any]:
    """Return the network on its device, and the device."""
    import_torch()
    from napari_focusqc.models.weights import load_micronet

    device = choose_device(settings.device)
    return load_micronet(weights).to(device), device


def _source(
    slide: Slide, settings: NucleusSettings, weights: Weights, tissue: TissueMask
) -> NucleusSource:
    """Say where the nuclei come from; the device and the least peak are filled in later."""
    mpp, mpp_source = resolution(slide, settings)
    return NucleusSource(
        slide=slide.name,
        mpp=mpp,
        mpp_source=mpp_source,
        model=weights.model.name,
        weights=json.loads(weights.card.to_json()),
        least=0.0,
        device="",
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        plane=settings.plane,
        tissue=tissue.how,
    )
