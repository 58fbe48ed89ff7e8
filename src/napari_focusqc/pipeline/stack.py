"""The whole way from a z-stack to distances, best planes and an all-in-focus picture.

Room: pipeline.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import StackError
from napari_focusqc.inference.device import usable_cores
from napari_focusqc.pipeline.stack_beginning import StackJob, StackProgress, begin_stack
from napari_focusqc.pipeline.stack_composite import all_in_focus
from napari_focusqc.progress import Progress, finish
from napari_focusqc.results.composite import Composite
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.distance_summary import StackSummary, summarise_stack
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.settings.scoring import Device
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.plane_tiles import Strip, read_strip, strips
from napari_focusqc.tiles.sharpness import FIGURES, figures_of
from napari_focusqc.tiles.structure import structure_of

STAGE = "measuring the stack"
USUAL_MPP = 0.25
"""Where nobody knows the µm/px, structure is measured in cells as if it were this."""


@dataclass(frozen=True, slots=True, eq=False)
class StackResult:
    """All that a stack tells.

    Parameters
    ----------
    distance_map
        Of every tile.
    summary
        Of the field.
    composite
        The all-in-focus picture; None where it is not wanted, too large, or nothing is sharpest.
    """

    distance_map: DistanceMap
    summary: StackSummary
    composite: Composite | None

    @property
    def measured(self) -> bool:
        """Whether any tile was measured."""
        return bool((self.distance_map.found == StackReason.MEASURED).any())


def measure_stack(
    slide: Slide, settings: StackSettings
) -> Generator[StackProgress, None, StackResult]:
    """Measure how far each tile of a stack is from focus, which way, and its best plane.

    Figures of merit are measured in every plane; the network's distances for every two planes that
    lie as far apart as its weights need. Where no network can serve, the map's source says why.

    Parameters
    ----------
    slide
        With at least two planes: from `open_slide` or `open_plane_files`, or an `ArraySlide`.
    settings
        Planes, heights, weights and the rest.

    Yields
    ------
    Progress; closing the generator stops its threads.

    Returns
    -------
    StackResult
        Distances are signed as `models.focus_distance` states.

    Raises
    ------
    FocusQCError
        `StackError` (one plane), `SettingsError`, `UnknownModelError`, `DeviceError`,
        `RegionError`, `InferenceError`; `WeightsError` or `TooCoarseError` where weights are given,
        each with one sentence.
    """
    job = yield from begin_stack(slide, settings)
    distance_map = yield from _measured(job)
    composite = yield from all_in_focus(job, distance_map)
    return StackResult(distance_map, summarise_stack(distance_map), composite)


def focus_distance(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    *,
    mpp: float,
    delta_um: float = 2.0,
    weights: str | Path | None = None,
    device: Device = "auto",
) -> float:
    """Tell how far the second of two planes is from focus: the median over tiles, as the paper.

    Parameters
    ----------
    first, second
        The same field in two planes, uint8 (H, W, 3), RGB.
    mpp
        Micrometres per pixel.
    delta_um
        How far above the first plane the second lies, µm.
    weights
        A `.safetensors` file, or the name of weights, instead of the shipped ones.
    device
        Where the network runs.

    Returns
    -------
    µm from the second plane to focus; positive = move up.

    Raises
    ------
    FocusQCError
        `StackError` where the planes differ in shape, no weights serve them, or no tile has enough
        structure; else as `measure_stack`.
    """
    if first.shape != second.shape:
        raise StackError(
            f"the planes are {first.shape} and {second.shape}; give the same field twice"
        )
    slide = ArraySlide([np.stack([first, second])], mpp=mpp, z_um=(0.0, delta_um))
    own = None if weights is None else Path(weights)
    settings = StackSettings(weights=own, tissue="none", device=device)
    job = finish(begin_stack(slide, settings))
    if job.network is None:
        raise StackError(job.source.no_network)
    found = finish(_measured(job)).distances_um[-1]
    if np.isnan(found).all():
        raise StackError(
            "no tile of the two planes has enough structure to show focus; take another field"
        )
    return float(np.nanmedian(found))


def _measured(job: StackJob) -> Generator[StackProgress, None, DistanceMap]:
    """Measure every tile that is not glass: in threads, but for the network."""
    source, shape = job.source, (job.grid.rows, job.grid.cols)
    found = job.found.copy()
    distances = np.full((len(source.pairs), *shape), np.nan, np.float32)
    merits = np.full((len(FIGURES), len(source.planes), *shape), np.nan, np.float32)
    wanted = found == StackReason.NOT_RUN
    places, done = list(strips(job.grid, wanted)), 0
    mpp = USUAL_MPP if source.mpp is None else source.mpp * job.grid.scale

    def work(place: tuple[int, NDArray[np.intp]]) -> tuple[Strip, NDArray[np.uint8], Merits]:
        strip = read_strip(job.slide, job.grid, source.planes, place)
        reasons = _reasons(strip, mpp, source.min_structure)
        return strip, reasons, _merits(strip, reasons)

    yield Progress(0, int(wanted.sum()), STAGE)
    threads = job.settings.threads or usable_cores()
    with closing(in_order(work, places, threads)) as parts:
        for strip, reasons, merit in parts:
            at = np.s_[..., strip.row, strip.cols]
            found[at], merits[at] = reasons, merit
            distances[at] = _distances(job, strip, reasons)
            done += len(strip.cols)
            yield Progress(done, int(wanted.sum()), STAGE)
    return DistanceMap.of(distances, merits, found, job.grid, source)


Merits = NDArray[np.float32]
"""(F, Z, n), NaN where a tile is not measured."""


def _reasons(strip: Strip, mpp: float, least: float) -> NDArray[np.uint8]:
    """Say of each tile whether it is measured: it is where any plane has enough structure."""
    most = np.max([structure_of(plane, mpp) for plane in strip.pixels], axis=0)
    enough = np.where(most >= np.float32(least), StackReason.MEASURED, StackReason.ABSTAINED)
    return np.where(strip.readable, enough, StackReason.UNREADABLE).astype(np.uint8)


def _merits(strip: Strip, reasons: NDArray[np.uint8]) -> Merits:
    """Measure the figures of merit of every plane."""
    found = np.stack([figures_of(plane) for plane in strip.pixels], axis=1)
    found[..., reasons != StackReason.MEASURED] = np.nan
    return found


def _distances(job: StackJob, strip: Strip, reasons: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run the network on every pair of planes, float32 (P, n); NaN where a tile is not measured."""
    pairs, measured = job.source.pairs, reasons == StackReason.MEASURED
    found = np.full((len(pairs), len(reasons)), np.nan, np.float32)
    if job.network is None or not measured.any():
        return found
    from napari_focusqc.inference.distance import distances

    tiles = strip.pixels[:, measured]
    first, second = (np.concatenate([tiles[pair[n]] for pair in pairs]) for n in (0, 1))
    told = distances(job.network, first, second, device=job.device, batch=job.settings.batch)
    found[:, measured] = told.reshape(len(pairs), -1)
    return found
