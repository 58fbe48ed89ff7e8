"""How weights are calibrated anew: every default, range, label and help text, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path

from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.option import option


@dataclass(frozen=True, slots=True)
class CalibrateSettings(ImageSettings):
    """How weights are judged again; resolution and network are the weights' own."""

    out: Path = option(
        MISSING,
        "Output folder",
        "Where the weights and their new card are written; nothing there is replaced.",
    )
    weights: Path | None = option(
        None,
        "Weights file",
        "Calibrate these weights instead of the shipped, at their own µm/px: a file (.safetensors, "
        ".pt, .npz), or a name that “focusqc models” lists.",
    )
    crops: int = option(
        12_000,
        "Crops",
        "A tenth as many, but 60 to 1200, are blurred for each thing that is fitted or measured, "
        "as in a training with so many crops.",
        minimum=60,
        maximum=1_000_000,
    )
