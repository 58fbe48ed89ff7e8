"""How nuclei are found on a slide: every default, range, label and help text, written once.

Room: settings. The command line and the dock widget are both built from these fields.
"""

from dataclasses import dataclass, field
from pathlib import Path

from napari_focusqc.geometry import Region
from napari_focusqc.settings.option import check_ranges, option
from napari_focusqc.settings.scoring import Device, TissueRule


@dataclass(frozen=True, slots=True)
class NucleusSettings:
    """How nuclei are found. Every field says itself what it is (`label`, `help`).

    Parameters
    ----------
    region
        The part of the slide to search, level-0 px; None searches all of it.

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    model: str = option(
        "micronet",
        "Model",
        "Model of nuclei; “focusqc models” lists them with their measured accuracy.",
    )
    weights: Path | None = option(
        None,
        "Weights file",
        "Use these weights instead of the ones shipped: a file (.safetensors), or a name that "
        "“focusqc models” lists.",
        advanced=True,
    )
    mpp: float | None = option(
        None,
        "µm per pixel",
        "Micrometres per pixel of the full resolution; needed when the file does not say, "
        "and used instead of what it says.",
        minimum=0.01,
        maximum=100.0,
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network runs: auto takes a CUDA or Apple GPU when there is one, else the CPU.",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    tissue: TissueRule = option(
        "otsu",
        "Tissue",
        "How glass is told from tissue: otsu (DeepFocus), luma (ConvFocus), or none to search "
        "everywhere; nuclei are looked for in tissue and up to 32 µm beside it.",
        choices=("otsu", "luma", "none"),
    )
    least: float | None = option(
        None,
        "Least peak",
        "A peak of the proximity map from this value on is a nucleus; left empty, the threshold "
        "measured with the weights is used.",
        minimum=0.0,
        maximum=1.0,
    )
    plane: int = option(
        0,
        "Plane",
        "Which plane of a z-stack is searched, counted from 0, the lowest.",
        minimum=0,
        maximum=10_000,
        advanced=True,
    )
    threads: int = option(
        0,
        "Threads",
        "Threads that decode the slide and, on the CPU, find nuclei; 0 takes one per core.",
        minimum=0,
        maximum=64,
        advanced=True,
    )
    region: Region | None = field(default=None, metadata={"hidden": True})

    def __post_init__(self) -> None:
        check_ranges(self)
