"""How a slide is scored: every default, range, label and help text, written once.

Room: settings. The command line and the dock widget are both built from these fields.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from napari_focusqc.geometry import Region
from napari_focusqc.settings.option import check_ranges, option

TissueRule = Literal["otsu", "luma", "none"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Edges = Literal["cover", "whole"]


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How a slide is scored. Every field says itself what it is (`label`, `help`).

    Parameters
    ----------
    region
        The part of the slide to score, level-0 px; None scores all of it.
    view
        What to score first, level-0 px; then outwards.
    coarse_first
        Score a tile of every fourth row and column first, then the rest. Parts of the slide are
        decoded twice for it.

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    model: str = option(
        "focuslitenn",
        "Model",
        "Focus model; “focusqc models” lists them with their measured accuracy.",
    )
    weights: Path | None = option(
        None,
        "Weights file",
        "Use these weights instead of the ones shipped: a file (.safetensors, or .pt and .npz as "
        "published), or a name that “focusqc models” lists.",
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
        "How glass is told from tissue: otsu (DeepFocus), luma (ConvFocus), "
        "or none to score every tile.",
        choices=("otsu", "luma", "none"),
    )
    min_tissue: float = option(
        0.25,
        "Least tissue per tile",
        "A tile with a smaller fraction of tissue is called glass and not scored.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    threshold: float | None = option(
        None,
        "Out of focus above",
        "Tiles scoring above this are out of focus; left empty, the model's own measured "
        "threshold is used.",
        minimum=-1000.0,
        maximum=1000.0,
        advanced=True,
    )
    min_structure: float | None = option(
        None,
        "Least structure",
        "Tiles whose brightness varies by less, in %, are abstained: neither in nor out of focus; "
        "left empty, the weights' own limit is used, and 0 judges every tile.",
        minimum=0.0,
        maximum=1000.0,
        advanced=True,
    )
    edges: Edges = option(
        "cover",
        "Edges",
        "cover completes the last row and column by reflection and marks those tiles partial; "
        "whole leaves the remainder unscored, as the papers do.",
        choices=("cover", "whole"),
        advanced=True,
    )
    plane: int = option(
        0,
        "Plane",
        "Which plane of a z-stack is scored, counted from 0, the lowest.",
        minimum=0,
        maximum=10_000,
        advanced=True,
    )
    threads: int = option(
        0,
        "Threads",
        "Threads that decode the slide and, on the CPU, score it; 0 takes one per core.",
        minimum=0,
        maximum=64,
        advanced=True,
    )
    batch: int = option(
        8,
        "Batch",
        "Tiles the network sees at once; it changes the speed, never the scores.",
        minimum=1,
        maximum=4096,
        advanced=True,
    )
    quick: float | None = option(
        None,
        "Quick estimate to ±",
        "Score tiles drawn at random, only as many as tell the share of out-of-focus tiles to ± "
        "this (95 % confidence), for instance 0.02; left empty, every tile is scored.",
        minimum=0.001,
        maximum=0.5,
        bare=0.02,
        advanced=True,
    )
    seed: int = option(
        0,
        "Seed",
        "Of the random tiles of a quick estimate; the same seed draws the same tiles.",
        minimum=0,
        maximum=2**31 - 1,
        advanced=True,
    )
    region: Region | None = field(default=None, metadata={"hidden": True})
    view: Region | None = field(default=None, metadata={"hidden": True})
    coarse_first: bool = field(default=False, metadata={"hidden": True})

    def __post_init__(self) -> None:
        check_ranges(self)
