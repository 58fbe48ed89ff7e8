"""All steps before the first tile of a stack: heights, pairs of planes, grid, tissue, network.

Room: pipeline. Torch is imported when a network is loaded, not before. What a network lacks is no
refusal of the stack: figures of merit need neither µm/px nor µm.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc import __version__
from napari_focusqc.errors import SettingsError, StackError, TooCoarseError, WeightsError
from napari_focusqc.geometry import model_scale
from napari_focusqc.inference.device import choose_device, import_torch
from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights
from napari_focusqc.optics.depth_of_field import depth_of_field_um
from napari_focusqc.optics.objective import Objective
from napari_focusqc.progress import Progress
from napari_focusqc.results.distance_map import StackSource
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.tissue import TissueMask, remembered_tissue, tissue_mask

StackProgress = Progress[None]

TILE_PX = 112
"""Side of the tiles where no network says another, level-0 px."""
DELTA_TOLERANCE = 0.1
"""Planes serve a network that lie within this share of its Δ apart."""

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class StackJob:
    """What measures tiles of what.

    Parameters
    ----------
    slide, settings
        As for `measure_stack`.
    grid
        The tiles.
    found
        uint8 (rows, cols), `StackReason`: `GLASS` or `NOT_RUN`.
    source
        Where the map comes from.
    network, device
        From `load_focus_distance`, and where it is; None without one.
    """

    slide: Slide
    settings: StackSettings
    grid: TileGrid
    found: NDArray[np.uint8]
    source: StackSource
    network: Any
    device: Any


def begin_stack(slide: Slide, settings: StackSettings) -> Generator[StackProgress, None, StackJob]:
    """Take all steps before the first tile.

    Raises
    ------
    FocusQCError
        As `measure_stack`.
    """
    heights, z_source = plane_heights(slide, settings)
    planes = settings.chosen_planes(len(heights))
    z_um = tuple(heights[plane] for plane in planes)
    mpp = settings.mpp or slide.mpp
    weights, pairs, why_not = _compared(slide.name, settings, mpp, z_um if z_source else None)
    grid = _grid(slide, settings, mpp, weights)
    yield Progress(0, 0, "finding tissue")
    tissue = _tissue(slide, settings, mpp, planes[len(planes) // 2])
    network = device = None
    if weights is not None:
        yield Progress(0, 0, "loading the model")
        network, device = _load(weights, settings)
    glass = tissue.fraction(grid) < settings.min_tissue
    found = np.where(glass, StackReason.GLASS, StackReason.NOT_RUN).astype(np.uint8)
    source = StackSource(
        slide=slide.name,
        mpp=mpp,
        mpp_source="given" if settings.mpp else slide.mpp_source,
        planes=planes,
        z_um=z_um,
        z_source=z_source,
        merit=settings.merit,
        pairs=pairs,
        model=None if weights is None else weights.model.name,
        weights={} if weights is None else json.loads(weights.card.to_json()),
        no_network=why_not,
        depth_of_field_um=None if mpp is None else depth_of_field_um(Objective(settings.na), mpp),
        min_structure=settings.min_structure,
        tissue=tissue.how,
        device="" if device is None else str(device),
        version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return StackJob(slide, settings, grid, found, source, network, device)


def plane_heights(slide: Slide, settings: StackSettings) -> tuple[tuple[float, ...], str | None]:
    """Return the height of every plane, µm, and whether file or user said so.

    Without either they are the slide's own steps, of unknown length, and None.

    Raises
    ------
    StackError
        The slide has one plane.
    SettingsError
        There are not as many heights as planes.
    """
    count = len(slide.z_um)
    if count < 2:
        raise StackError(
            f"{slide.name} has one plane; give a z-stack, or a folder with one file for each plane"
        )
    given = settings.heights_um()
    if given is not None:
        if len(given) != count:
            raise SettingsError(
                f"{slide.name} has {count} planes, but {len(given)} heights are given; give one "
                "for each plane"
            )
        return given, "given"
    if settings.z_step_um is None:
        return slide.z_um, slide.info.z_source
    steps = slide.z_um if slide.info.z_source is None else range(count)
    return tuple(step * settings.z_step_um for step in steps), "given"


def pairs_of(z_um: Sequence[float], delta_um: float) -> Pairs:
    """Return which planes lie Δ apart: for each second plane the first that fits best.

    Parameters
    ----------
    z_um
        Heights, rising.
    delta_um
        Δ; distances within `DELTA_TOLERANCE` of it serve.

    Returns
    -------
    Indices of first and second, by second.
    """
    pairs = []
    for second, z in enumerate(z_um):
        apart = [abs(z - each - delta_um) for each in z_um[:second]]
        if apart and min(apart) <= DELTA_TOLERANCE * delta_um + 1e-9:
            pairs.append((apart.index(min(apart)), second))
    return tuple(pairs)


def _compared(
    name: str, settings: StackSettings, mpp: float | None, z_um: tuple[float, ...] | None
) -> tuple[Weights | None, Pairs, str]:
    """Choose weights and the pairs of planes they compare, or say why there are none."""
    if z_um is None:
        return (
            None,
            (),
            (
                f"the heights of the planes of {name} are not known in µm; give their distance "
                "with --z-step-um or their heights with --heights"
            ),
        )
    if mpp is None:
        return None, (), f"{name} does not say how many µm a pixel is; give it with --mpp"
    try:
        weights = find_weights(settings.model, mpp, settings.weights, "distance")
    except (WeightsError, TooCoarseError) as error:
        if settings.weights is not None:
            raise
        return None, (), str(error)
    options = weights.card.network
    if not options["difference"]:
        return weights, tuple((plane, plane) for plane in range(len(z_um))), ""
    pairs = pairs_of(z_um, options["delta_um"])
    if not pairs:
        return (
            None,
            (),
            (
                f"no two planes of {name} lie {options['delta_um']:g} µm apart, within "
                f"{DELTA_TOLERANCE:.0%}, as the weights {weights.card.name} need; choose other "
                "planes or weights for another distance"
            ),
        )
    return weights, pairs, ""


def _grid(
    slide: Slide, settings: StackSettings, mpp: float | None, weights: Weights | None
) -> TileGrid:
    """Lay tiles side by side over the slide, or the part of them that covers the region."""
    scale, side = 1.0, TILE_PX
    if weights is not None and mpp is not None:
        scale, side = model_scale(mpp, weights.card.mpp), weights.card.network["input_px"]
    grid = TileGrid.covering(slide.shape, scale, side, side, "cover")
    return grid if settings.region is None else grid.within(settings.region)


def _tissue(slide: Slide, settings: StackSettings, mpp: float | None, z: int) -> TissueMask:
    """Find tissue in a plane; where nobody knows the µm/px there is no 1x to look at it."""
    if mpp is None:
        return tissue_mask(slide, "none", 1.0)
    return remembered_tissue(slide, settings.tissue, mpp, z)


def _load(weights: Weights, settings: StackSettings) -> tuple[Any, Any]:
    """Return the network on its device, and the device."""
    import_torch()
    from napari_focusqc.models.weights import load_focus_distance

    device = choose_device(settings.device)
    return load_focus_distance(weights).to(device), device
