"""How models are measured: every default, range, label and help text, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path

from napari_focusqc.settings.option import check_ranges, option


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """How a model is measured on images it never saw; the split is that of its training."""

    data: Path = option(
        MISSING,
        "Images",
        "Folder of sharp RGB fields, as for training; only those kept out of training are used.",
    )
    weights: Path | None = option(
        None, "Weights file", "Measure these weights (.safetensors, .pt) instead of the shipped."
    )
    mpp: float = option(
        0.25, "µm per pixel", "Resolution that is measured at.", minimum=0.05, maximum=10.0
    )
    data_mpp: float = option(
        0.25,
        "µm per pixel of the images",
        "Of images whose µm/px neither their file nor their dataset.json mentions.",
        minimum=0.05,
        maximum=10.0,
    )
    validation: float = option(
        0.2, "Validation share", "That of the training.", minimum=0.05, maximum=0.5
    )
    seed: int = option(0, "Seed", "That of the training.", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        check_ranges(self)
