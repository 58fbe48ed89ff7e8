"""How MicroNet is fine-tuned on reviewed fields: defaults, ranges, labels, help, written once.

Room: settings. The form is built from these fields.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from napari_focusqc.errors import SettingsError
from napari_focusqc.settings.option import check_ranges, option
from napari_focusqc.settings.scoring import Device

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How weights learn from reviewed fields. Every field says itself what it is.

    Raises
    ------
    SettingsError
        A value is outside its range or choices, or the name is not one for a file.
    """

    model: str = option("micronet", "Model", "Model of nuclei whose shipped weights are the start.")
    weights: Path | None = option(
        None,
        "Start from",
        "Start from these weights instead: a .safetensors file, or a name that “focusqc models” "
        "lists.",
    )
    name: str = option(
        "tuned",
        "Name",
        "Of the new weights: letters, digits, - and _. The model goes before it and the µm/px "
        "after it, as in micronet-tuned-0.25.",
    )
    iterations: int = option(
        300,
        "Iterations",
        "Steps of one batch each; on two cores 100 take about a minute.",
        minimum=20,
        maximum=100_000,
    )
    learning_rate: float = option(
        0.0005,
        "Learning rate",
        "At its highest: it rises and falls once.",
        minimum=1e-6,
        maximum=0.1,
        advanced=True,
    )
    freeze: int = option(
        2,
        "Frozen blocks",
        "The first blocks of ten that keep their weights; the paper finds 2 as good as none.",
        minimum=0,
        maximum=9,
        advanced=True,
    )
    held_back: float = option(
        0.25,
        "Held-back share",
        "Share of the reviewed fields that is kept out of training, one at least; the figures "
        "before and after are measured on these.",
        minimum=0.05,
        maximum=0.5,
        advanced=True,
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network is trained: auto takes a CUDA or Apple GPU when there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
        advanced=True,
    )
    seed: int = option(
        0,
        "Seed",
        "Of every random number; the same seed holds back the same fields.",
        minimum=0,
        maximum=2**31 - 1,
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if not _NAME.fullmatch(self.name):
            raise SettingsError(
                f"the name {self.name!r} is not one for weights; give 1 to 40 letters, digits, - "
                "and _, the first a letter or digit"
            )
