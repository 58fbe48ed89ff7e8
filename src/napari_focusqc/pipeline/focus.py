"""The whole way from a slide to a focus map, step by step.

Room: pipeline.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.inference.device import usable_cores
from napari_focusqc.pipeline.beginning import Job, MapProgress, begin
from napari_focusqc.progress import Progress, finish
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason
from napari_focusqc.results.growing import GrowingMap, file_fingerprint, go_on
from napari_focusqc.settings.scoring import ScoreSettings, TissueRule
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.order import every_nth
from napari_focusqc.tiles.reading import Reading, map_blocks
from napari_focusqc.tiles.sampling import spread_order
from napari_focusqc.tiles.structure import StructureRule

if TYPE_CHECKING:
    from napari_focusqc.inference.focus import BlockScores

COARSE_STEP = 4
"""A coarse picture has a tile of every so many rows and columns."""
LEAST_SAMPLE = 64
"""A quick estimate begins with so many tiles, and then takes half as many again."""


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
    empty, job = yield from begin(slide, settings)
    focus_map = empty if earlier is None else go_on(earlier, empty)
    if save_to is None:
        yield from _fill(focus_map, job)
        return focus_map
    growing = GrowingMap(save_to, file_fingerprint(slide.info.path))
    focus_map = growing.begin(focus_map)
    yield from _saved(_fill(focus_map, job), growing)
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


def _fill(focus_map: FocusMap, job: Job) -> Generator[MapProgress, None, None]:
    """Score tiles that are not run yet, block by block, into the map's own arrays."""
    from napari_focusqc.inference.focus import BlockScorer

    grid, settings = focus_map.grid, job.settings
    least, mpp = focus_map.source.min_structure, focus_map.source.weights["mpp"]
    rule = None if least is None else StructureRule(least, mpp)
    first = None if settings.view is None else grid.within(settings.view)
    yield Progress(*focus_map.done, "scoring", focus_map.copy())
    with BlockScorer(job.network, job.device, grid, settings.batch, rule) as score:
        for chosen, step in _passes(focus_map, settings):
            wanted = chosen & (focus_map.reasons == Reason.NOT_RUN)
            threads = settings.threads or usable_cores()
            reading = Reading(threads, settings.plane, first)
            with closing(map_blocks(score, job.slide, grid, wanted, reading)) as blocks:
                for block in blocks:
                    update = _put(focus_map, block, wanted, step)
                    yield Progress(*focus_map.done, "scoring", update)


def _passes(
    focus_map: FocusMap, settings: ScoreSettings
) -> Iterator[tuple[NDArray[np.bool_], int]]:
    """Yield which tiles are scored next, and one of how many rows and columns they are."""
    wanted = focus_map.reasons != Reason.GLASS
    if settings.coarse_first:
        yield every_nth(wanted, focus_map.grid, COARSE_STEP), COARSE_STEP
    if not settings.quick:
        yield wanted, 1
        return
    order, count = spread_order(wanted, settings.seed), 0
    while count < len(order):
        # of the sample alone: what else a killed run or another one scored lies where it lies
        known = estimate(focus_map.only(order[:count]))
        if count and known.half_width <= settings.quick:
            return
        more = order[count : count + max(LEAST_SAMPLE, count // 2)]
        chosen = np.zeros_like(wanted)
        chosen[more[:, 0], more[:, 1]] = True
        yield chosen, 1
        count += len(more)


def _put(
    focus_map: FocusMap, block: "BlockScores", wanted: NDArray[np.bool_], step: int
) -> BlockUpdate:
    """Write a block's scores and reasons into the map; return the part of the map that changed."""
    rows, cols = block.scores.shape
    part = np.s_[block.row : block.row + rows, block.col : block.col + cols]
    flags = [~block.readable, block.abstained]
    found = np.select(flags, [Reason.UNREADABLE, Reason.ABSTAINED], Reason.SCORED)
    for array, values in ((focus_map.scores, block.scores), (focus_map.reasons, found)):
        array[part] = np.where(wanted[part], values, array[part])
    parts = focus_map.scores[part].copy(), focus_map.reasons[part].copy()
    return BlockUpdate(block.row, block.col, *parts, step)


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
