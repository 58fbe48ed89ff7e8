"""Weights that are there already, judged anew on sharp images: threshold, scale and figures.

Room: training. The numbers of the network stay as they are.
"""

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from napari_focusqc.errors import OutputError
from napari_focusqc.models.card import Weights
from napari_focusqc.models.weights import load_network, save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.calibrating import CalibrateSettings
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.judging import Judge
from napari_focusqc.training.record import command_line


def calibrate_weights(
    weights: Weights, settings: CalibrateSettings
) -> Generator[Progress[None], None, Weights]:
    """Judge weights as training judges its own, and write them with what was found on their card.

    Threshold, calibration, least structure, figures and tables are new; the calibration's note says
    from what images, when and by what command. All else on the card stays. The threshold is fitted
    unless the model's paper gives it, and errors are counted in classes only where scores are
    classes (`ModelCard.on_scale`).

    Parameters
    ----------
    weights
        From `models.registry.find_weights`, shipped, the user's own or published.
    settings
        Images, output folder, number of crops and seed; its µm/px give way to the weights'.

    Yields
    ------
    Progress of reading and blurring.

    Returns
    -------
    The weights as written, ``NAME.safetensors`` with ``NAME.json``, NAME being the card's.

    Raises
    ------
    WeightsError
        The weights cannot be loaded.
    TrainingError
        The images do not serve, or the scores do not rise with the blur.
    EvaluationError
        No tile of the images kept out has structure.
    OutputError
        Weights of this name are in the output folder already, or it cannot be written to.
    """
    model, card = weights.model, weights.card
    _check_free(settings.out, card.name)
    network = load_network(weights)
    settings = replace(settings, mpp=card.mpp)
    sharp = yield from read_fields(settings, model.tile_px)
    classes = model.threshold is None and model.on_scale(card.command)
    judge = Judge(network, sharp, settings, model.tile_px, model.threshold, classes)
    found = yield from judge.facts()
    command = command_line(f"calibrate {model.name}", settings, ("mpp", "seed"))
    scale = found.pop("calibration")
    noted = replace(scale, note=f"{_origin(command, sharp)}; {scale.note}")
    return save_weights(network, replace(card, calibration=noted, **found), settings.out)


def _origin(command: str, sharp: TrainingFields) -> str:
    """Say when, by what command and from what images a card was filled in."""
    images = "; ".join(
        f"{used['name']} ({used['licence']}; threshold and least structure fitted on "
        f"{used['images_training']} images, scale fitted and figures measured on "
        f"{used['images_validation']} others)"
        for used in sharp.used
    )
    return (
        "threshold, scale, least structure, figures and table are later than the weights: made on "
        f"{datetime.now(UTC).date().isoformat()} by “{command}” from {images}"
    )


def _check_free(folder: Path, name: str) -> None:
    """Refuse to replace weights or their card, which may be those that are calibrated."""
    for path in (folder / f"{name}.safetensors", folder / f"{name}.json"):
        if path.exists():
            raise OutputError(
                f"{path} is there already, and calibrating replaces nothing; choose another output "
                "folder"
            )
