"""From a folder of sharp images, or of published stacks, to weights that say how far focus is.

Room: training.
"""

import json
from collections.abc import Generator
from functools import partial
from typing import Any

import torch

from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.cards import CARDS, FOCUS_DISTANCE
from napari_focusqc.models.focus_distance import FocusDistance
from napari_focusqc.models.weights import save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.training.crops import in_three_sizes
from napari_focusqc.training.distance_judging import (
    Predict,
    by_distance,
    conditions,
    errors,
    judged,
    learned_kind,
    unseen_pairs,
)
from napari_focusqc.training.distance_loop import DistanceRun, fit_distance, predicted
from napari_focusqc.training.distance_pairs import Pairs, join_pairs, kept_pairs
from napari_focusqc.training.distance_scenes import SceneKind, scene_pairs
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.published_stacks import (
    find_published,
    published_pairs,
    scale_of,
    split_stacks,
)
from napari_focusqc.training.record import card_of_run, command_line, run_name, write_history

CHECKPOINT = "checkpoint.pt"
MAX_SCENES = 10_000_000
MEANING = (
    "stage travel from the second plane to focus, µm, positive where the stage moves up; the first "
    "plane lies Δ below the second"
)
SIMULATED = (
    "simulated: trained and measured on stacks that wave optics made of sharp fields (thick "
    "tissue, spherical aberration, noise, JPEG); measured on images kept out of training, through "
    "lenses that training never draws; no real stack was seen"
)
PUBLISHED = "measured on the published stacks of samples kept out of training"

Work = Generator[Progress[None], None, WeightsCard]


def train_focus_distance(settings: DistanceTraining) -> Work:
    """Train a network of focus distances and write ``focus-distance-TILE-MPP`` with its card.

    Network, input, loss and the schedule ``paper`` are Rai Dastidar's (2019); the stacks are
    simulated unless published ones are given. `distance_loop` says which of the schedule is ours.

    Parameters
    ----------
    settings
        Images, output folder, resolution, network and schedule. A run that was stopped goes on
        from what the output folder holds and ends with the same weights.

    Yields
    ------
    Progress of reading, simulating, training and measuring.

    Returns
    -------
    The card, as written beside the weights; the losses are there as PNG and CSV, and the pairs
    stay for other trainings.

    Raises
    ------
    TrainingError
        The images do not serve, pairs or checkpoint are of another run, or training failed.
    OutputError
        The output folder cannot be written.
    """
    if settings.source == "published":
        return (yield from _from_published(settings))
    return (yield from _from_fields(settings))


def _from_fields(settings: DistanceTraining) -> Work:
    """Train on simulated stacks."""
    fields = yield from read_fields(settings, settings.tile)
    kind = learned_kind(settings.tile, settings.mpp, settings.delta_um, settings.reach_um)
    pairs = yield from _simulated(settings, fields, kind)
    unseen = yield from unseen_pairs(fields.validation, conditions(kind)[""], settings.seed)
    run = DistanceRun(settings, settings.out / CHECKPOINT, run_name(settings, fields))
    network = yield from _trained(settings, pairs, unseen, run)
    found = yield from judged(_predict(network), fields.validation, kind, settings.seed)
    return _written(settings, network, fields.used, found, SIMULATED)


def _from_published(settings: DistanceTraining) -> Work:
    """Train on real stacks; their own µm/px is the settings' `data_mpp`."""
    training, held = split_stacks(find_published(settings.data), settings.validation, settings.seed)
    cut = partial(
        published_pairs,
        tile_px=settings.tile,
        factor=scale_of(settings.data_mpp, settings.mpp),
        delta_um=settings.delta_um,
    )
    name = _pairs_name(settings, [str(stack.planes[0][1].parent.name) for stack in training])
    pairs = yield from kept_pairs(
        settings.out,
        name,
        (settings.pairs, settings.tile),
        lambda number: cut(training[number], number),
        len(training),
    )
    unseen = join_pairs([cut(stack, number) for number, stack in enumerate(held)])
    nothing = TrainingFields((), (), ())
    run = DistanceRun(settings, settings.out / CHECKPOINT, run_name(settings, nothing))
    network = yield from _trained(settings, pairs, unseen, run)
    said = _predict(network)(unseen)
    used = {
        "name": settings.data.name,
        "licence": "not stated",
        "mpp": settings.data_mpp,
        "stacks_training": len(training),
        "stacks_validation": len(held),
    }
    found = errors(said, unseen), by_distance(said, unseen)
    return _written(settings, network, (used,), found, PUBLISHED)


def _simulated(
    settings: DistanceTraining, fields: TrainingFields, kind: SceneKind
) -> Generator[Progress[None], None, Pairs]:
    """Make the pairs to train on, from fields in three sizes."""
    sizes = in_three_sizes(fields.training, settings.tile)
    return (
        yield from kept_pairs(
            settings.out,
            _pairs_name(settings, [f"{f.data_set}/{f.path.name}" for f in fields.training]),
            (settings.pairs, settings.tile),
            lambda number: scene_pairs(sizes, kind, settings.seed, number),
            MAX_SCENES,
        )
    )


def _pairs_name(settings: DistanceTraining, images: list[str]) -> str:
    """Say what pairs belong to: everything they depend on."""
    names = ("source", "mpp", "data_mpp", "tile", "delta_um", "reach_um", "pairs", "seed")
    return json.dumps({name: getattr(settings, name) for name in names} | {"images": images})


def _trained(
    settings: DistanceTraining, pairs: Pairs, unseen: Pairs, run: DistanceRun
) -> Generator[Progress[None], None, FocusDistance]:
    """Build and train the network; the losses are written beside where its weights will be."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = FocusDistance(
            settings.width,
            settings.tile,
            settings.delta_um,
            difference=settings.planes == "two",
        )
    history = yield from fit_distance(network, pairs, unseen, run)
    write_history(history, settings.out, _names(settings)[1])
    return network


def _predict(network: FocusDistance) -> Predict:
    return lambda pairs: predicted(network, pairs, torch.device("cpu"))


def _names(settings: DistanceTraining) -> tuple[str, str]:
    """Return the model's name and that of the weights."""
    ending = f"-{settings.tile}" if settings.planes == "two" else "-one-plane"
    named = FOCUS_DISTANCE.name + ending
    model = named if named in CARDS else FOCUS_DISTANCE.name
    return model, f"{named}-{settings.mpp:g}"


def _written(
    settings: DistanceTraining,
    network: FocusDistance,
    used: tuple[dict[str, Any], ...],
    found: tuple[dict[str, float], dict[str, Any]],
    note: str,
) -> WeightsCard:
    """Write the weights with their card, and clear away the checkpoint."""
    model, name = _names(settings)
    always = ("mpp", "tile", "width", "planes", "pairs", "schedule", "epochs", "seed")
    figures, tables = found
    card = card_of_run(
        settings,
        used,
        name=name,
        model=model,
        network=network.options_of(network.state_dict()),
        score_meaning=MEANING,
        figures=figures,
        tables=tables,
        command=command_line("train focus-distance", settings, always),
        note=note,
    )
    written = save_weights(network, card, settings.out)
    (settings.out / CHECKPOINT).unlink(missing_ok=True)
    return written.card
