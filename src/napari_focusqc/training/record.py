"""What a training was: its name for the checkpoint, its command line, its card.

Room: training.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_focusqc.evaluation.curves import write_loss_curve
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.results.beside import file_beside
from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.training.fields import TrainingFields
from napari_focusqc.training.loop import Epoch
from napari_focusqc.training.nucleus_fields import NucleusFields


def run_name(settings: ImageSettings, sharp: TrainingFields | NucleusFields) -> str:
    """Say what a checkpoint belongs to: everything the weights depend on."""
    names = {f.name for f in fields(settings)} - {"data", "out", "device"}
    chosen = {name: str(getattr(settings, name)) for name in sorted(names)}
    images = [f"{field.data_set}/{field.path.name}" for field in sharp.training]
    return json.dumps(chosen | {"images": images})


def command_line(command: str, settings: ImageSettings, always: tuple[str, ...]) -> str:
    """Return the command line that makes the same card; of the folders only the data's name.

    Parameters
    ----------
    command
        Words after ``focusqc``, such as ``"train convfocus"``.
    settings
        Of the run.
    always
        Names of options that are written out even where they have their default.
    """
    options = [
        f"--{option.name.replace('_', '-')} {_word(getattr(settings, option.name))}"
        for option in fields(settings)
        if option.name not in ("data", "out", "device")
        and (option.name in always or getattr(settings, option.name) != option.default)
    ]
    data = f"--data DATA/{settings.data.resolve().name}"
    return " ".join([f"focusqc {command}", data, "--out OUT", *options])


def _word(value: Any) -> str:
    """Return a value as it stands on a command line; of weights the name they are listed by."""
    return value.name.removesuffix(".safetensors") if isinstance(value, Path) else str(value)


def card_of_run(
    settings: ImageSettings, used: tuple[dict[str, Any], ...], **facts: Any
) -> WeightsCard:
    """Write down where the weights come from and what they are worth.

    Parameters
    ----------
    settings
        Of the run.
    used
        The data sets, as the fields describe them.
    facts
        The card's other fields: name, model, network, command and what was measured; a licence
        where it is not this package's.
    """
    return WeightsCard(
        mpp=settings.mpp,
        data=used,
        seed=settings.seed,
        date=datetime.now(UTC).date().isoformat(),
        **{"licence": "BSD-3-Clause"} | facts,
    )


def write_history(history: Sequence[Epoch], folder: Path, name: str) -> None:
    """Write the losses of a training, ``NAME.loss.csv`` and ``NAME.loss.png``.

    Raises
    ------
    OutputError
        A file cannot be written.
    """
    with file_beside(folder / f"{name}.loss.csv") as partial:
        lines = [f"{n},{each.training:.6f},{each.unseen:.6f}" for n, each in enumerate(history, 1)]
        partial.write_text("\n".join(["epoch,training,unseen", *lines, ""]), encoding="utf-8")
    write_loss_curve(
        folder / f"{name}.loss.png",
        range(1, len(history) + 1),
        [each.training for each in history],
        [each.unseen for each in history],
    )
