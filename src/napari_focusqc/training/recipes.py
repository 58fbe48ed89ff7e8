"""From a folder of sharp images to weights with their card.

Room: training. One function per model; the docstring of each says where it leaves its paper.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.cards import CARDS, CONVFOCUS, DEEPFOCUS, FOCUSLITENN
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.deepfocus import DeepFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.registry import path_of, weights_in
from napari_focusqc.models.weights import load_network, save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.training import (
    ConvFocusTraining,
    DeepFocusTraining,
    FocusLiteNNTraining,
    TrainSettings,
)
from napari_focusqc.training.class_scale import disk_crops, fold_line, fold_values
from napari_focusqc.training.crops import Crops, in_three_sizes, make_crops
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.judging import Judge
from napari_focusqc.training.kinds import FOCUSED_OR_NOT, GENTLE, Kind, with_thick
from napari_focusqc.training.loop import Run, fit
from napari_focusqc.training.losses import IN_OR_OUT, RIGHT_CLASS, STRAIGHT_LINE, Goal
from napari_focusqc.training.record import (
    card_of_run,
    command_line,
    run_name,
    write_history,
)

CHECKPOINT = "checkpoint.pt"

_CLASSES = (
    "ConvFocus's out-of-focus class, 0 (in focus) to 29; class c ≥ 1 is a blur disk of radius "
    "0.35 µm × e^(3 (c − 1) / 28) or more"
)
LINE_MEANING = f"by a straight line fitted to crops of training images, about {_CLASSES}"
CLASS_MEANING = f"expected value, fitted to disks, of {_CLASSES}"
SHARE_MEANING = (
    "the network's probability that the tile is out of focus; it was trained to call 0.5 µm of "
    "defocus in focus and 1 µm out of focus, through lenses of NA 0.6 to 0.85"
)
NOTE = (
    "trained and measured on semi-synthetic blur (disk or wave optics, noise, sharpening, colour, "
    "JPEG) of sharp fields; the validation fields come from the same data sets as the training "
    "fields"
)

Training = Generator[Progress[None], None, WeightsCard]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What differs between the models.

    Parameters
    ----------
    model
        Name in `CARDS` that the weights belong to.
    options
        Of the network's constructor.
    build
        Makes the network, with random weights.
    kind, goal
        What it is trained on and for.
    always
        Names of the model's own options, written into the card's command always.
    meaning
        What a score is.
    fold
        Brings scores to the scale of the classes: called with the trained network and crops of
        training images that are blurred as `kinds.BOKEH`, before it is judged, if at all.
    """

    model: str
    options: dict[str, Any]
    build: Callable[[], nn.Module]
    kind: Kind
    goal: Goal
    always: tuple[str, ...]
    meaning: str
    fold: Callable[[Any, Crops], None] | None = None


def train_focuslitenn(settings: FocusLiteNNTraining) -> Training:
    """Train FocusLiteNN and write ``focuslitenn-KERNELS-MPP`` (.safetensors, .json).

    The recipe is the paper's (Wang et al., MICCAI 2020, section 3): Adam, learning rate 0.01,
    decayed every 60 of 120 epochs, loss 1 − PLCC. Ours: the data are semi-synthetic crops
    (`kinds.GENTLE`) instead of FocusPath's z-stacks, the truth is the out-of-focus class 0 to 29
    instead of |z|, and batches of 50 (the paper names no size): enough for a correlation to mean
    something. At the end a straight line is folded into the weights (`class_scale.fold_line`), so
    that scores read as classes.

    Parameters
    ----------
    settings
        Images, output folder, resolution, network and recipe. A run that was stopped goes on
        from the checkpoint in the output folder and ends with the same weights.

    Yields
    ------
    Progress of reading, blurring and training.

    Returns
    -------
    The card, as written beside the weights; the losses are there as PNG and CSV.

    Raises
    ------
    TrainingError
        The images do not serve, the checkpoint is of another run, or training failed.
    WeightsError
        The weights to start from are of another network.
    OutputError
        The output folder cannot be written.
    """
    named = f"{FOCUSLITENN.name}-{settings.kernels}"
    return _train(
        settings,
        Recipe(
            model=named if named in CARDS else FOCUSLITENN.name,
            options={"kernels": settings.kernels, "pooling": settings.pooling},
            build=lambda: FocusLiteNN(settings.kernels, settings.pooling),
            kind=GENTLE,
            goal=STRAIGHT_LINE,
            always=("kernels",),
            meaning=LINE_MEANING,
            fold=fold_line,
        ),
        f"{named}-{settings.mpp:g}",
    )


def train_convfocus(settings: ConvFocusTraining) -> Training:
    """Train ConvFocus and write ``convfocus-CUT-MPP`` (.safetensors, .json).

    Kohlberger et al. name the loss, softmax cross-entropy over 30 classes, and the blur, noise and
    JPEG of the data. Ours: Adam, the schedule, and half of the data, seen by scanners of every kind
    (`kinds.with_thick`). At the end the classes get values that bring the expected value of a crop
    blurred by a disk to its class (`class_scale.class_values`). The rest is as for
    `train_focuslitenn`.
    """
    model = f"{CONVFOCUS.name}-{settings.cut}"
    return _train(
        settings,
        Recipe(
            model=model,
            options={"cut": settings.cut},
            build=lambda: ConvFocus(settings.cut),
            kind=with_thick(settings.thick),
            goal=RIGHT_CLASS,
            always=("cut",),
            meaning=CLASS_MEANING,
            fold=fold_values,
        ),
        f"{model}-{settings.mpp:g}",
    )


def train_deepfocus(settings: DeepFocusTraining) -> Training:
    """Train DeepFocus and write ``deepfocus-MPP`` (.safetensors, .json).

    Senaras et al. train by SGD in batches of 64 for 20 epochs on 216,000 tiles of nine focal
    planes, classes balanced, turned and mirrored; within 0.5 µm of focus is in focus. Ours: the
    planes are simulated (`blurs.stage`), fewer crops, momentum and half a cosine (`IN_OR_OUT`).
    The rest is as for `train_focuslitenn`.
    """
    return _train(
        settings,
        Recipe(
            model=DEEPFOCUS.name,
            options={},
            build=DeepFocus,
            kind=FOCUSED_OR_NOT,
            goal=IN_OR_OUT,
            always=(),
            meaning=SHARE_MEANING,
        ),
        f"{DEEPFOCUS.name}-{settings.mpp:g}",
    )


def _train(settings: TrainSettings, recipe: Recipe, name: str) -> Training:
    """Read, blur, train, judge, write: the way of every model."""
    model, checkpoint = CARDS[recipe.model], settings.out / CHECKPOINT
    tile_px = model.tile_px
    sharp = yield from read_fields(settings, tile_px)
    network = _start(settings, recipe)
    crops, unseen = yield from training_crops(settings, recipe.kind, sharp, tile_px)
    run = Run(settings, recipe.goal, checkpoint, run_name(settings, sharp))
    history = yield from fit(network, crops, unseen, run)
    if recipe.fold:
        known = yield from disk_crops(settings, sharp, tile_px)
        recipe.fold(network, known)
    judge = Judge(network, sharp, settings, tile_px, model.threshold, model.threshold is None)
    found = yield from judge.facts()
    card = card_of_run(
        settings,
        sharp.used,
        name=name,
        model=recipe.model,
        network=recipe.options,
        score_meaning=recipe.meaning,
        command=command_line(f"train {model.network}", settings, ("mpp", *recipe.always, "seed")),
        note=NOTE,
        **found,
    )
    written = save_weights(network, card, settings.out)
    write_history(history, settings.out, name)
    checkpoint.unlink(missing_ok=True)
    return written.card


def training_crops(
    settings: TrainSettings, kind: Kind, sharp: TrainingFields, tile_px: int
) -> Generator[Progress[None], None, tuple[Crops, Crops]]:
    """Make the crops to train on, and some of unseen images for the loss curve.

    Raises
    ------
    TrainingError
        Nothing in the fields has structure.
    """
    fields, mpp, seed = in_three_sizes(sharp.training, tile_px), settings.mpp, settings.seed
    crops = yield from make_crops(fields, settings.crops, mpp, tile_px, seed, kind)
    few = max(settings.crops // 20, 60)
    unseen = yield from make_crops(sharp.validation, few, mpp, tile_px, seed + 5, kind)
    return crops, unseen


def _start(settings: TrainSettings, recipe: Recipe) -> nn.Module:
    """Return the network with random weights, or with those to be fine-tuned.

    Raises
    ------
    WeightsError
        They are of another network.
    """
    if settings.start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return recipe.build()
    weights = weights_in(path_of(settings.start))
    network = load_network(weights)
    if weights.model.network != CARDS[recipe.model].network or (
        network.options_of(network.state_dict()) != recipe.options
    ):
        raise WeightsError(
            f"{settings.start.name} holds {weights.model.name}; to fine-tune {recipe.model} give "
            "weights of the same network"
        )
    return network
