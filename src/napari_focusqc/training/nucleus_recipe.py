"""From a folder of annotated fields to MicroNet's weights with their card.

Room: training.
"""

import re
from collections.abc import Generator, Sequence
from typing import Any

import torch

from napari_focusqc.errors import WeightsError
from napari_focusqc.evaluation.nucleus_metrics import (
    RADII_PX,
    choose_xi,
    detection_curve,
    score_images,
)
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.cards import MICRONET
from napari_focusqc.models.micronet import WIDTHS, MicroNet
from napari_focusqc.models.registry import path_of, weights_in
from napari_focusqc.models.weights import load_micronet, save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.training.nucleus_fields import NucleusField, NucleusFields, read_nucleus_fields
from napari_focusqc.training.nucleus_judging import all_peaks
from napari_focusqc.training.nucleus_loop import NucleusRun, fit_nuclei
from napari_focusqc.training.proximity import PAPER_MPP, TRAINING_FACTOR
from napari_focusqc.training.record import card_of_run, command_line, run_name, write_history

CHECKPOINT = "checkpoint.pt"
NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial", re.IGNORECASE)
"""In a licence, such as CC BY-NC-SA 4.0."""
FITTED_PX = 16
"""The radius, px at 40x, at which ξ is chosen, as in the paper."""
MEANING = (
    "proximity to the centre of a nucleus: 1 there, 0 from 3.75 µm on (the paper's equation 1)"
)
THRESHOLD_MEANING = (
    "peaks from this proximity on are nuclei: the best F1 of the validation images at 4 µm"
)
NOTE = "measured on images kept out of training; ξ and the threshold were chosen on these images"


def train_micronet(
    settings: MicroNetTraining,
) -> Generator[Progress[None], None, WeightsCard]:
    """Train MicroNet and write ``micronet-MPP`` (.safetensors, .json).

    Loss, target and crops are the paper's (Xing et al. 2019); `nucleus_loop` says which of the
    schedule is. Weights that learned from annotations whose licence forbids commercial use are
    named so, ``micronet-noncommercial-MPP``. At the end the factor that targets are multiplied by
    for training is divided out, so that the output is proximity.

    Parameters
    ----------
    settings
        Images, output folder, resolution, schedule. A run that was stopped goes on from the
        checkpoint in the output folder and ends with the same weights.

    Yields
    ------
    Progress of reading and training.

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
    fields = yield from _read(settings)
    auxiliary = (yield from _read(settings, settings.aux)) if settings.aux else None
    network = _start(settings)
    network.freeze(settings.freeze)
    used = fields.used + (auxiliary.used if auxiliary else ())
    checkpoint, name = settings.out / CHECKPOINT, run_name(settings, fields)
    besides = auxiliary.training if auxiliary else ()
    run = NucleusRun(settings, fields.training, besides, fields.validation, checkpoint, name)
    history = yield from fit_nuclei(network, run)
    divide_output(network, TRAINING_FACTOR)
    yield Progress(0, 0, "finding nuclei in images kept out of training")
    found = judged(network, fields.validation, settings.mpp)
    card = _card(settings, used, network, found)
    written = save_weights(network, card, settings.out)
    write_history(history, settings.out, card.name)
    checkpoint.unlink(missing_ok=True)
    return written.card


def judged(
    network: MicroNet, fields: Sequence[NucleusField], mpp: float
) -> tuple[float, dict[str, float]]:
    """Choose threshold and ξ, and measure how nuclei are found.

    Parameters
    ----------
    network
        Its output is proximity.
    fields
        That were not trained on.
    mpp
        Their µm/px.

    Returns
    -------
    The absolute threshold, and figures: ξ, then F1, precision and recall at it within 6, 12 and
    16 px of 40x, the mean distance of matches in such px, and F1 at the absolute threshold.
    """
    scale = PAPER_MPP / mpp
    maps = [proximity_of(network, field.pixels) for field in fields]
    peaks = [all_peaks(each, mpp) for each in maps]
    centres, values = [each[0] for each in peaks], [each[1] for each in peaks]
    true = [field.centres for field in fields]
    xi, least = (
        choose_xi(detection_curve(centres, values, true, FITTED_PX * scale, relative=relative))
        for relative in (True, False)
    )
    limits = [xi * float(each.max()) for each in maps]
    kept = [c[v >= limit] for c, v, limit in zip(centres, values, limits, strict=True)]
    figures: dict[str, float] = {"xi": xi}
    for px, score in zip(RADII_PX, _scores(kept, true, mpp), strict=True):
        figures[f"f1_{px:g}px"] = round(score.f1, 4)
        figures[f"precision_{px:g}px"] = round(score.precision, 4)
        figures[f"recall_{px:g}px"] = round(score.recall, 4)
        figures[f"distance_{px:g}px"] = round(score.distance_px / scale, 3)
    kept = [c[v >= least] for c, v in zip(centres, values, strict=True)]
    figures["f1_16px_absolute"] = round(_scores(kept, true, mpp)[-1].f1, 4)
    return least, figures


def _scores(found: list[Any], true: list[Any], mpp: float) -> list[Any]:
    """Return the pooled score at each of the paper's and our radii."""
    radii = tuple(px * PAPER_MPP / mpp for px in RADII_PX)
    return [each.pooled for each in score_images(found, true, mpp=mpp, radii_px=radii)]


def _read(
    settings: MicroNetTraining, folder: Any = None
) -> Generator[Progress[None], None, NucleusFields]:
    """Read the annotated fields, or the auxiliary ones."""
    return (
        yield from read_nucleus_fields(
            folder or settings.data,
            mpp=settings.mpp,
            data_mpp=settings.data_mpp,
            crop_px=settings.crop,
            validation=settings.validation,
            seed=settings.seed,
        )
    )


def _start(settings: MicroNetTraining) -> MicroNet:
    """Return the network with random weights, or with those to be fine-tuned.

    Raises
    ------
    WeightsError
        They are of another network, or of another width.
    """
    widths = [settings.width * width // WIDTHS[0] for width in WIDTHS]
    if settings.start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return MicroNet(widths)
    network = load_micronet(weights_in(path_of(settings.start)))
    if network.options_of(network.state_dict())["widths"] != widths:
        raise WeightsError(
            f"{settings.start.name} has other widths than {settings.width} channels at full size; "
            "give --width as it was trained"
        )
    divide_output(network, 1 / TRAINING_FACTOR)
    return network


def divide_output(network: MicroNet, factor: float) -> None:
    """Divide what a network without a sigmoid gives.

    Parameters
    ----------
    network
        Changed in place.
    factor
        Training's outputs by `TRAINING_FACTOR` are proximity, and the other way round.
    """
    last: Any = network.blocks[-1].last[-1]  # type: ignore[index]
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.div_(factor)


def _card(
    settings: MicroNetTraining,
    used: tuple[dict[str, Any], ...],
    network: MicroNet,
    found: tuple[float, dict[str, float]],
) -> WeightsCard:
    """Write down where the weights come from and what they are worth."""
    closed = [each["licence"] for each in used if NON_COMMERCIAL.search(each["licence"])]
    model = MICRONET.name + ("-noncommercial" if closed else "")
    facts: dict[str, Any] = {"licence": f"as its annotations: {closed[0]}"} if closed else {}
    always = ("mpp", "schedule", "iterations", "seed")
    return card_of_run(
        settings,
        used,
        name=f"{model}-{settings.mpp:g}",
        model=model,
        network=network.options_of(network.state_dict()),
        score_meaning=MEANING,
        threshold=found[0],
        threshold_meaning=THRESHOLD_MEANING,
        figures=found[1],
        command=command_line("train micronet", settings, always),
        note=NOTE,
        **facts,
    )
