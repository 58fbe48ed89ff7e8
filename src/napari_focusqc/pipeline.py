"""The whole way from a slide to a map: the only file that knows the order of the steps.

Room: pipeline. Torch is imported when the first slide is scored, not before.
"""

import json
import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc import __version__
from napari_focusqc.errors import MissingMppError
from napari_focusqc.geometry import model_scale
from napari_focusqc.inference.device import choose_device, import_torch
from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights, model_card
from napari_focusqc.progress import Progress, finish
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, MapSource, Reason
from napari_focusqc.results.growing import GrowingMap, file_fingerprint, go_on
from napari_focusqc.settings.scoring import ScoreSettings, TissueRule
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import map_blocks
from napari_focusqc.tiles.structure import StructureRule
from napari_focusqc.tiles.tissue import TissueMask, tissue_mask

MapProgress = Progress[FocusMap | BlockUpdate]


def score_slide(
    slide: Slide,
    settings: ScoreSettings,
    *,
    save_to: str | Path | None = None,
    earlier: FocusMap | None = None,
) -> Generator[MapProgress, None, FocusMap]:
    """Score a slide, or the part of it in `settings.region`, tile by tile.

    Parameters
    ----------
    slide
        From `open_slide`, or an `ArraySlide`.
    settings
        Model, device, tissue rule and the rest.
    save_to
        Where the map shall stand on the disk. It grows there as ``NAME.unfinished``; a run that was
        killed goes on from it, with the same scores as if it had not been.
    earlier
        A map of the same slide by the same settings, scored in part: the rest is scored.

    Yields
    ------
    Progress whose first update is the map with nothing scored yet (its place is known), and
    whose later updates are `BlockUpdate`. Closing the generator stops its threads.

    Returns
    -------
    FocusMap
        Higher scores are more out of focus.

    Raises
    ------
    FocusQCError
        `UnknownModelError`, `MissingMppError`, `TooCoarseError`, `WeightsError`, `DeviceError`,
        `RegionError`, `InferenceError`, `OutputError` or `MapFileError` (`earlier` is of another
        run), each with one sentence.
    """
    model_card(settings.model)
    mpp, _ = _resolution(slide, settings)
    weights = find_weights(settings.model, mpp, settings.weights)
    grid = _grid(slide, mpp, weights, settings)
    yield Progress(0, 0, "finding tissue")
    mask = tissue_mask(slide, settings.tissue, mpp, settings.plane)
    yield Progress(0, 0, "loading the model")
    network, device = _load(weights, settings)
    source = _source(slide, settings, weights, mask, device)
    empty = _empty_map(grid, mask, settings.min_tissue, source)
    focus_map = empty if earlier is None else go_on(earlier, empty)
    work = partial(_fill, slide=slide, network=network, device=device, settings=settings)
    if save_to is None:
        yield from work(focus_map)
        return focus_map
    growing = GrowingMap(save_to, file_fingerprint(slide.info.path))
    focus_map = growing.begin(focus_map)
    yield from _saved(work(focus_map), growing)
    return focus_map


def score_image(
    image: NDArray[np.uint8],
    *,
    mpp: float,
    model: str = "focuslitenn",
    weights: str | Path | None = None,
    tissue: TissueRule = "otsu",
) -> FocusMap:
    """Score an image in memory as the papers do: whole tiles only.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB.
    mpp
        Micrometres per pixel of the image.
    model
        Name of the model; `focusqc models` lists them.
    weights
        A `.safetensors` or published file, or the name of weights, instead of the shipped ones.
    tissue
        ``"otsu"``, ``"luma"`` or ``"none"`` to score every tile.

    Returns
    -------
    FocusMap
        Its `scores` are float32 (rows, cols), NaN where a tile is glass.

    Raises
    ------
    FocusQCError
        As `score_slide`; also for an image that is not RGB of eight bits.
    """
    settings = ScoreSettings(
        model=model,
        weights=None if weights is None else Path(weights),
        tissue=tissue,
        edges="whole",
    )
    return finish(score_slide(ArraySlide([image], mpp=mpp), settings))


def _first(given: float | None, of_weights: float | None) -> float | None:
    """Return the user's value where there is one, else that of the weights' card."""
    return of_weights if given is None else given


def _resolution(slide: Slide, settings: ScoreSettings) -> tuple[float, str]:
    """Return level 0's µm/px and whether the file or the user said so."""
    if settings.mpp is not None:
        return settings.mpp, "given"
    if slide.mpp is None or slide.mpp_source is None:
        raise MissingMppError(
            f"{slide.name} does not say how many micrometres a pixel is; give it with --mpp, the "
            "“µm per pixel” field or ScoreSettings(mpp=…), for instance 0.25 for a 40x scan"
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


def _source(
    slide: Slide, settings: ScoreSettings, weights: Weights, mask: TissueMask, device: Any
) -> MapSource:
    """Say where the map comes from."""
    mpp, mpp_source = _resolution(slide, settings)
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


def _empty_map(grid: TileGrid, mask: TissueMask, min_tissue: float, source: MapSource) -> FocusMap:
    """Return a map that knows its glass and its place, and no score yet."""
    tissue = mask.fraction(grid)
    reasons = np.where(tissue >= min_tissue, Reason.NOT_RUN, Reason.GLASS).astype(np.uint8)
    scores = np.full(tissue.shape, np.nan, np.float32)
    return FocusMap(scores, reasons, tissue, grid, source)


def _fill(
    focus_map: FocusMap, slide: Slide, network: Any, device: Any, settings: ScoreSettings
) -> Generator[MapProgress, None, None]:
    """Score the tiles that are not run yet, block by block, into the map's own arrays."""
    from napari_focusqc.inference.focus import BlockScorer

    grid, wanted = focus_map.grid, focus_map.reasons == Reason.NOT_RUN
    least, mpp = focus_map.source.min_structure, focus_map.source.weights["mpp"]
    rule = None if least is None else StructureRule(least, mpp)
    total = int((focus_map.reasons != Reason.GLASS).sum())
    done = total - int(wanted.sum())
    yield Progress(done, total, "scoring", _copy(focus_map))
    threads = settings.threads or _cores()
    with (
        BlockScorer(network, device, grid, settings.batch, rule) as score,
        closing(map_blocks(score, slide, grid, wanted, threads=threads, z=settings.plane)) as work,
    ):
        for block in work:
            part = np.s_[
                block.row : block.row + block.scores.shape[0],
                block.col : block.col + block.scores.shape[1],
            ]
            asked = wanted[part]
            found = np.select(
                [~block.readable, block.abstained],
                [Reason.UNREADABLE, Reason.ABSTAINED],
                Reason.SCORED,
            )
            focus_map.reasons[part] = np.where(asked, found, focus_map.reasons[part])
            focus_map.scores[part] = np.where(asked, block.scores, focus_map.scores[part])
            done += int(asked.sum())
            parts = focus_map.scores[part].copy(), focus_map.reasons[part].copy()
            yield Progress(done, total, "scoring", BlockUpdate(block.row, block.col, *parts))


def _saved(
    work: Generator[MapProgress, None, None], growing: GrowingMap
) -> Generator[MapProgress, None, None]:
    """Store each block of a run before it is shown, and the map when it is complete."""
    with closing(work):
        for step in work:
            if isinstance(step.update, BlockUpdate):
                growing.write(step.update)
            yield step
    growing.finish()


def _copy(focus_map: FocusMap) -> FocusMap:
    """Return a map with arrays of its own, so that a viewer may hold it while the run goes on."""
    return replace(
        focus_map,
        scores=focus_map.scores.copy(),
        reasons=focus_map.reasons.copy(),
        tissue=focus_map.tissue.copy(),
    )


def _cores() -> int:
    """Return how many cores this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, 8)
