"""All steps before the first tile is scored: resolution, grid, tissue, network.

Room: pipeline. Torch is imported when the first slide is scored, not before.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from napari_focusqc import __version__
from napari_focusqc.errors import MissingMppError
from napari_focusqc.geometry import model_scale
from napari_focusqc.inference.device import choose_device, import_torch
from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights, model_card
from napari_focusqc.progress import Progress, finish
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, MapSource
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import Block
from napari_focusqc.tiles.tissue import TissueMask, remembered_tissue

MapProgress = Progress[FocusMap | BlockUpdate]

MOST_UNASKED_PX = 1 << 26
"""A coarsest level of more pixels is not decoded before a run is asked for."""


def _first(given: float | None, of_weights: float | None) -> float | None:
    """Return the user's value where there is one, else that of the weights' card."""
    return of_weights if given is None else given


def resolution(slide: Slide, settings: ScoreSettings | NucleusSettings) -> tuple[float, str]:
    """Return level 0's µm/px and whether the file or the user said so.

    Raises
    ------
    MissingMppError
        Neither did.
    """
    if settings.mpp is not None:
        return settings.mpp, "given"
    if slide.mpp is None or slide.mpp_source is None:
        raise MissingMppError(
            f"{slide.name} does not say how many micrometres a pixel is; give it with --mpp, the "
            f"“µm per pixel” field or {type(settings).__name__}(mpp=…), for instance 0.25 for a "
            "40x scan"
        )
    return slide.mpp, slide.mpp_source


def _grid(slide: Slide, mpp: float, weights: Weights, settings: ScoreSettings) -> TileGrid:
    """Lay the model's grid on the slide, or the part of it that covers the asked region."""
    model, scale = weights.model, model_scale(mpp, weights.card.mpp)
    grid = TileGrid.covering(slide.shape, scale, model.tile_px, model.stride_px, settings.edges)
    return grid if settings.region is None else grid.within(settings.region)


def _load(weights: Weights, settings: ScoreSettings) -> tuple[Any, Any]:
    """Return the network on its device, taking grey levels 0…255, and the device."""
    import_torch()
    from napari_focusqc.models.weights import load_network

    device = choose_device(settings.device)
    network = load_network(weights)
    network.absorb_input_scale(1 / 255)
    return network.to(device), device


@dataclass(frozen=True, slots=True)
class Job:
    """What scores tiles of what."""

    slide: Slide
    settings: ScoreSettings
    network: Any
    device: Any


def begin(
    slide: Slide, settings: ScoreSettings
) -> Generator[MapProgress, None, tuple[FocusMap, Job]]:
    """Take all steps before the first tile; return the map with nothing scored yet."""
    model_card(settings.model)
    mpp, _ = resolution(slide, settings)
    weights = find_weights(settings.model, mpp, settings.weights)
    grid = _grid(slide, mpp, weights, settings)
    yield Progress(0, 0, "finding tissue")
    mask = remembered_tissue(slide, settings.tissue, mpp, settings.plane)
    yield Progress(0, 0, "loading the model")
    network, device = _load(weights, settings)
    source = _source(slide, settings, weights, mask, device)
    empty = FocusMap.empty(mask.fraction(grid), settings.min_tissue, grid, source)
    return empty, Job(slide, settings, network, device)


def _source(
    slide: Slide, settings: ScoreSettings, weights: Weights, mask: TissueMask, device: Any
) -> MapSource:
    """Say where the map comes from."""
    mpp, mpp_source = resolution(slide, settings)
    return MapSource(
        slide=slide.name,
        mpp=mpp,
        mpp_source=mpp_source,
        plane=settings.plane,
        model=weights.model.name,
        weights=json.loads(weights.card.to_json()),
        threshold=_first(settings.threshold, weights.card.threshold),
        min_structure=_first(settings.min_structure, weights.card.min_structure),
        tissue=mask.how,
        device=str(device),
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def prepare(slide: Slide, settings: ScoreSettings) -> None:
    """Do what the first run on a slide would wait for: torch, the network, the slide's tissue.

    Tissue is left to the run where all levels are large: nobody has asked for so much work.

    Parameters
    ----------
    slide, settings
        As for `score_slide`.

    Raises
    ------
    FocusQCError
        What the run would be refused for.
    """
    from napari_focusqc.inference.focus import BlockScorer

    height, width = slide.level_shapes[-1]
    if height * width > MOST_UNASKED_PX:
        settings = replace(settings, tissue="none")
    empty, job = finish(begin(slide, settings))
    side = empty.grid.tile_px
    one = np.ones((1, 1), bool)
    with BlockScorer(job.network, job.device, empty.grid, settings.batch) as score:
        score(Block(0, 0, one, one, np.zeros((side, side, 3), np.uint8)))
