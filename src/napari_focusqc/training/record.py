"""What a training was: its name for the checkpoint, its command line, its card.

Room: training.
"""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from napari_focusqc.models.card import WeightsCard
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.fields import TrainingFields
from napari_focusqc.training.measures import BLURRED_UM, SHARP_UM

THRESHOLD_MEANING = (
    f"parts training crops blurred by a disk of radius ≤ {SHARP_UM:g} µm best from those of "
    f"≥ {BLURRED_UM:g} µm (balanced accuracy); in between either verdict is right"
)


def run_name(settings: TrainSettings, sharp: TrainingFields) -> str:
    """Say what a checkpoint belongs to: everything the weights depend on."""
    chosen = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name != "out"}
    chosen["data"] = [f"{field.data_set}/{field.path.name}" for field in sharp.training]
    return json.dumps(chosen)


def command_line(model: str, settings: TrainSettings, always: tuple[str, ...]) -> str:
    """Return the command line that trains the same weights; of the folders only the data's name.

    Parameters
    ----------
    model
        What is trained.
    settings
        Of the run.
    always
        Names of options that are written out even where they have their default.
    """
    options = [
        f"--{option.name.replace('_', '-')} {getattr(settings, option.name)}"
        for option in fields(settings)
        if option.name not in ("data", "out")
        and (option.name in always or getattr(settings, option.name) != option.default)
    ]
    data = f"--data DATA/{settings.data.resolve().name}"
    return " ".join([f"focusqc train {model}", data, "--out OUT", *options])


def card_of_run(settings: TrainSettings, sharp: TrainingFields, **facts: Any) -> WeightsCard:
    """Write down where the weights come from and what they are worth.

    Parameters
    ----------
    settings, sharp
        Of the run.
    facts
        The card's other fields: name, model, network, command and what was measured.
    """
    return WeightsCard(
        mpp=settings.mpp,
        threshold_meaning=THRESHOLD_MEANING,
        data=sharp.used,
        licence="BSD-3-Clause",
        seed=settings.seed,
        date=datetime.now(UTC).date().isoformat(),
        **facts,
    )
