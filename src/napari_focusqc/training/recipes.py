"""From a folder of sharp images to weights with their card.

Room: training. The recipe is FocusLiteNN's (Wang et al., MICCAI 2020, section 3): Adam, learning
rate 0.01, decayed every 60 of 120 epochs, loss 1 − PLCC. Ours: the data are ConvFocus's
semi-synthetic crops instead of FocusPath's z-stacks, the truth is the out-of-focus class 0 to 29
instead of |z|, and batches of 50 (the paper names no size): enough for a correlation to mean
something.
"""

import json
from collections.abc import Generator
from dataclasses import fields
from datetime import UTC, datetime

import torch

from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.registry import CARDS, FOCUSLITENN
from napari_focusqc.models.weights import save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings import TrainSettings
from napari_focusqc.training.defocus_data import in_three_sizes, make_crops
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.loop import fit, score_crops
from napari_focusqc.training.measures import (
    BLURRED_UM,
    SHARP_UM,
    best_threshold,
    class_line,
    figures,
)

CHECKPOINT = "checkpoint.pt"

SCORE_MEANING = (
    "about ConvFocus's out-of-focus class, 0 (in focus) to 29, by a straight line fitted to the "
    "training crops; class c ≥ 1 is a blur disk of radius 0.35 µm × e^(3 (c − 1) / 28) or more"
)
THRESHOLD_MEANING = (
    f"parts training crops blurred by a disk of radius ≤ {SHARP_UM:g} µm best from those of "
    f"≥ {BLURRED_UM:g} µm (balanced accuracy); in between either verdict is right"
)
NOTE = (
    "trained and measured on semi-synthetic blur (bokeh disk, Poisson noise, JPEG) of sharp "
    "fields; the validation fields come from the same data sets as the training fields"
)


def train_focuslitenn(settings: TrainSettings) -> Generator[Progress[None], None, WeightsCard]:
    """Train FocusLiteNN and write ``focuslitenn-KERNELS-MPP`` (.safetensors, .json).

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
    The card, as written beside the weights.

    Raises
    ------
    TrainingError
        The images do not serve, the checkpoint is of another run, or training failed.
    OutputError
        The output folder cannot be written.
    """
    tile_px, checkpoint = FOCUSLITENN.tile_px, settings.out / CHECKPOINT
    sharp = yield from read_fields(settings, tile_px)
    training = yield from make_crops(
        in_three_sizes(sharp.training, tile_px),
        settings.crops,
        settings.mpp,
        tile_px,
        settings.seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = FocusLiteNN(settings.kernels, settings.pooling)
    yield from fit(network, training, settings, checkpoint, _run_name(settings, sharp))
    slope, offset = class_line(score_crops(network, training), training.classes)
    network.rescale(slope, offset)
    threshold = round(best_threshold(score_crops(network, training), training.radius_um), 2)
    unseen = yield from make_crops(
        sharp.validation, max(settings.crops // 4, 60), settings.mpp, tile_px, settings.seed + 1
    )
    measured = figures(score_crops(network, unseen), unseen, threshold)
    written = save_weights(network, _card(settings, sharp, threshold, measured), settings.out)
    checkpoint.unlink(missing_ok=True)
    return written.card


def _run_name(settings: TrainSettings, sharp: TrainingFields) -> str:
    """Say what a checkpoint belongs to: everything the weights depend on."""
    chosen = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "out"}
    chosen["data"] = [f"{field.data_set}/{field.path.name}" for field in sharp.training]
    return json.dumps(chosen)


def _command(settings: TrainSettings) -> str:
    """Return the command line that trains the same weights; of the folders only the data's name."""
    always = ("mpp", "kernels", "seed")
    options = [
        f"--{option.name.replace('_', '-')} {getattr(settings, option.name)}"
        for option in fields(settings)
        if option.name not in ("data", "out")
        and (option.name in always or getattr(settings, option.name) != option.default)
    ]
    data = f"--data DATA/{settings.data.resolve().name}"
    return " ".join(["focusqc train focuslitenn", data, "--out OUT", *options])


def _card(
    settings: TrainSettings, sharp: TrainingFields, threshold: float, measured: dict[str, float]
) -> WeightsCard:
    """Write down where the weights come from and what they are worth."""
    named = f"focuslitenn-{settings.kernels}"
    return WeightsCard(
        name=f"{named}-{settings.mpp:g}",
        model=named if named in CARDS else FOCUSLITENN.name,
        mpp=settings.mpp,
        network={"kernels": settings.kernels, "pooling": settings.pooling},
        threshold=threshold,
        threshold_meaning=THRESHOLD_MEANING,
        score_meaning=SCORE_MEANING,
        data=sharp.used,
        licence="BSD-3-Clause",
        seed=settings.seed,
        command=_command(settings),
        date=datetime.now(UTC).date().isoformat(),
        figures=measured,
        note=NOTE,
    )
