"""Every default, range, label and help text a user may meet, written once.

Room: settings. The command line and the dock widgets are both built from these fields.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region

TissueRule = Literal["otsu", "luma", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Edges = Literal["cover", "whole"]


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
    threads: int = _option(
        0,
        "Decode threads",
        "Threads that decode the slide ahead of the network; 0 chooses by the machine.",
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
