"""How networks are trained: every default, range, label and help text, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.option import option
from napari_focusqc.settings.scoring import Device

Pooling = Literal["min", "minmax"]
Cut = Literal["3a", "5a"]


@dataclass(frozen=True, slots=True)
class TrainSettings(ImageSettings):
    """What every training needs. Every field says itself what it is (`label`, `help`)."""

    out: Path = option(
        MISSING,
        "Output folder",
        "Where the weights and their card are written; training that was stopped goes on from "
        "the checkpoint found here.",
    )
    epochs: int = option(120, "Epochs", "Passes over the crops.", minimum=1, maximum=10_000)
    crops: int = option(
        4000,
        "Crops",
        "Number of blurred training crops, 165 kB each in memory.",
        minimum=60,
        maximum=50_000,
    )
    batch: int = option(
        50,
        "Batch",
        "Crops per step.",
        minimum=8,
        maximum=5000,
    )
    learning_rate: float = option(
        0.01,
        "Learning rate",
        "Of Adam, at the start.",
        minimum=1e-6,
        maximum=1.0,
    )
    start: Path | None = option(
        None,
        "Start from",
        "Fine-tune these weights, a file or a name that “focusqc models” lists, instead of "
        "starting from random ones.",
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network is trained: auto takes a CUDA or Apple GPU when there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
    )


@dataclass(frozen=True, slots=True)
class FocusLiteNNTraining(TrainSettings):
    """How FocusLiteNN is trained; the rest is in `TrainSettings`."""

    kernels: int = option(
        10, "Kernels", "Number of filters; the paper has 1, 2 and 10.", minimum=1, maximum=64
    )
    pooling: Pooling = option(
        "min",
        "Pooling",
        "min as in the published weights, or minmax as in the paper's equation 2.",
        choices=("min", "minmax"),
    )


@dataclass(frozen=True, slots=True)
class ConvFocusTraining(TrainSettings):
    """How ConvFocus is trained; the rest is in `TrainSettings`."""

    cut: Cut = option(
        "3a",
        "Cut",
        "Where Inception v3 is cut: 3a as in the paper, 5a two convolutions later.",
        choices=("3a", "5a"),
    )
    thick: float = option(
        0.0,
        "Thick sections",
        "Share of the crops that are thick sections, with tissue of two depths.",
        minimum=0.0,
        maximum=0.5,
    )
    epochs: int = option(10, "Epochs", "Passes over the crops.", minimum=1, maximum=10_000)
    crops: int = option(
        40_000,
        "Crops",
        "Number of blurred training crops, 58 kB each in memory.",
        minimum=60,
        maximum=500_000,
    )
    batch: int = option(64, "Batch", "Crops per step.", minimum=8, maximum=5000)
    learning_rate: float = option(
        0.003, "Learning rate", "Of Adam, at the start.", minimum=1e-6, maximum=1.0
    )


@dataclass(frozen=True, slots=True)
class AblationSettings(ConvFocusTraining):
    """How each row of an ablation is trained; the rest is in `TrainSettings`."""

    crops: int = option(
        12_000,
        "Crops",
        "Number of blurred training crops for each row, 58 kB each in memory; a few thousand are "
        "too few to rank the rows.",
        minimum=60,
        maximum=500_000,
    )
    start: None = option(
        None, "Start from", "Every row starts from the same random weights.", hidden=True
    )
    thick: float = option(0.0, "Thick sections", "There are none in any row.", hidden=True)


@dataclass(frozen=True, slots=True)
class DeepFocusTraining(TrainSettings):
    """How DeepFocus is trained; the rest is in `TrainSettings`."""

    epochs: int = option(20, "Epochs", "Passes over the crops.", minimum=1, maximum=10_000)
    crops: int = option(
        20_000,
        "Crops",
        "Number of crops, half of them in focus, 12 kB each in memory; the paper has 216,000.",
        minimum=60,
        maximum=1_000_000,
    )
    batch: int = option(64, "Batch", "Crops per step.", minimum=8, maximum=5000)
