"""Every default, range, label and help text a user may meet, written once.

Room: settings. The command line and the dock widgets are both built from these fields.
"""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region

TissueRule = Literal["otsu", "luma", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Edges = Literal["cover", "whole"]
Pooling = Literal["min", "minmax"]
Cut = Literal["3a", "5a"]


def _option(default: Any, label: str, help_text: str, **bounds: Any) -> Any:
    """Declare a field with what a form and a command line need to show it."""
    return field(default=default, metadata={"label": label, "help": help_text, **bounds})


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How a slide is scored. Every field says itself what it is (`label`, `help`).

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    model: str = _option(
        "focuslitenn",
        "Model",
        "Focus model; “focusqc models” lists them with their measured accuracy.",
    )
    weights: Path | None = _option(
        None,
        "Weights file",
        "Use these weights (.safetensors or a published .pt) instead of the ones shipped.",
        advanced=True,
    )
    mpp: float | None = _option(
        None,
        "µm per pixel",
        "Micrometres per pixel of the full resolution; needed when the file does not say, "
        "and used instead of what it says.",
        minimum=0.01,
        maximum=100.0,
    )
    device: Device = _option(
        "auto",
        "Device",
        "Where the network runs: auto takes a CUDA or Apple GPU when there is one, else the CPU.",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    tissue: TissueRule = _option(
        "otsu",
        "Tissue",
        "How glass is told from tissue: otsu (DeepFocus), luma (ConvFocus), "
        "or none to score every tile.",
        choices=("otsu", "luma", "none"),
    )
    min_tissue: float = _option(
        0.25,
        "Least tissue per tile",
        "A tile with a smaller fraction of tissue is called glass and not scored.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    threshold: float | None = _option(
        None,
        "Out of focus above",
        "Tiles scoring above this are out of focus; left empty, the model's own measured "
        "threshold is used.",
        minimum=-1000.0,
        maximum=1000.0,
        advanced=True,
    )
    edges: Edges = _option(
        "cover",
        "Edges",
        "cover completes the last row and column by reflection and marks those tiles partial; "
        "whole leaves the remainder unscored, as the papers do.",
        choices=("cover", "whole"),
        advanced=True,
    )
    plane: int = _option(
        0,
        "Plane",
        "Which plane of a z-stack is scored, counted from 0, the lowest.",
        minimum=0,
        maximum=10_000,
        advanced=True,
    )
    threads: int = _option(
        0,
        "Threads",
        "Threads that decode the slide and, on the CPU, score it; 0 takes one per core.",
        minimum=0,
        maximum=64,
        advanced=True,
    )
    batch: int = _option(
        8,
        "Batch",
        "Tiles the network sees at once; it changes the speed, never the scores.",
        minimum=1,
        maximum=4096,
        advanced=True,
    )
    region: Region | None = field(default=None, metadata={"hidden": True})

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What every training needs. Every field says itself what it is (`label`, `help`).

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    data: Path = _option(
        MISSING,
        "Images",
        "Folder of sharp RGB fields; each folder directly inside is one data set, described by "
        "its dataset.json (name, licence, mpp) where there is one.",
    )
    out: Path = _option(
        MISSING,
        "Output folder",
        "Where the weights and their card are written; training that was stopped goes on from "
        "the checkpoint found here.",
    )
    mpp: float = _option(
        0.25,
        "µm per pixel",
        "Micrometres per pixel the weights are for; finer fields are area-averaged down to it.",
        minimum=0.05,
        maximum=10.0,
    )
    data_mpp: float = _option(
        0.25,
        "µm per pixel of the images",
        "Of images whose µm/px neither their file nor their dataset.json mentions.",
        minimum=0.05,
        maximum=10.0,
    )
    epochs: int = _option(120, "Epochs", "Passes over the crops.", minimum=1, maximum=10_000)
    crops: int = _option(
        4000,
        "Crops",
        "Number of blurred training crops, 165 kB each in memory.",
        minimum=60,
        maximum=50_000,
    )
    batch: int = _option(
        50,
        "Batch",
        "Crops per step.",
        minimum=8,
        maximum=5000,
    )
    learning_rate: float = _option(
        0.01,
        "Learning rate",
        "Of Adam, at the start.",
        minimum=1e-6,
        maximum=1.0,
    )
    validation: float = _option(
        0.2,
        "Validation share",
        "Share of the images of each data set that is kept out of training and measured on.",
        minimum=0.05,
        maximum=0.5,
    )
    seed: int = _option(
        0, "Seed", "The same seed gives the same weights.", minimum=0, maximum=2**31 - 1
    )

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True, slots=True)
class FocusLiteNNTraining(TrainSettings):
    """How FocusLiteNN is trained; the rest is in `TrainSettings`."""

    kernels: int = _option(
        10, "Kernels", "Number of filters; the paper has 1, 2 and 10.", minimum=1, maximum=64
    )
    pooling: Pooling = _option(
        "min",
        "Pooling",
        "min as in the published weights, or minmax as in the paper's equation 2.",
        choices=("min", "minmax"),
    )


@dataclass(frozen=True, slots=True)
class ConvFocusTraining(TrainSettings):
    """How ConvFocus is trained; the rest is in `TrainSettings`."""

    cut: Cut = _option(
        "3a",
        "Cut",
        "Where Inception v3 is cut: 3a as in the paper, 5a two convolutions later.",
        choices=("3a", "5a"),
    )
    epochs: int = _option(10, "Epochs", "Passes over the crops.", minimum=1, maximum=10_000)
    crops: int = _option(
        40_000,
        "Crops",
        "Number of blurred training crops, 58 kB each in memory.",
        minimum=60,
        maximum=500_000,
    )
    batch: int = _option(64, "Batch", "Crops per step.", minimum=8, maximum=5000)
    learning_rate: float = _option(
        0.003, "Learning rate", "Of Adam, at the start.", minimum=1e-6, maximum=1.0
    )


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """How a model is measured on images it never saw; the split is that of its training."""

    data: Path = _option(
        MISSING,
        "Images",
        "Folder of sharp RGB fields, as for training; only those kept out of training are used.",
    )
    weights: Path | None = _option(
        None, "Weights file", "Measure these weights (.safetensors, .pt) instead of the shipped."
    )
    mpp: float = _option(
        0.25, "µm per pixel", "Resolution that is measured at.", minimum=0.05, maximum=10.0
    )
    data_mpp: float = _option(
        0.25,
        "µm per pixel of the images",
        "Of images whose µm/px neither their file nor their dataset.json mentions.",
        minimum=0.05,
        maximum=10.0,
    )
    validation: float = _option(
        0.2, "Validation share", "That of the training.", minimum=0.05, maximum=0.5
    )
    seed: int = _option(0, "Seed", "That of the training.", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        check_ranges(self)


def check_ranges(settings: Any) -> None:
    """Compare each field of a settings dataclass with the range and choices it declares.

    Raises
    ------
    SettingsError
        Naming the field, the value found and what would do.
    """
    for option in fields(settings):
        value = getattr(settings, option.name)
        if value is None:
            continue
        choices = option.metadata.get("choices")
        if choices is not None and value not in choices:
            raise SettingsError(f"{option.name} is {value!r}; choose one of {', '.join(choices)}")
        low, high = option.metadata.get("minimum"), option.metadata.get("maximum")
        if low is not None and not low <= value <= high:
            raise SettingsError(f"{option.name} is {value}; it must lie between {low} and {high}")
