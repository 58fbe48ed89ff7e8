"""How models are measured: every default, range, label and help text, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from napari_focusqc.settings.option import check_ranges, option

EvaluationProtocol = Literal["stack", "focuslitenn", "deepfocus", "convfocus", "shift", "vplot"]
Scanners = Literal["usual", "widest"]


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """How a model is measured on images it never saw; the split is that of its training.

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    data: Path = option(
        MISSING,
        "Images",
        "Folder of sharp RGB fields, as for training; only those kept out of training are used. "
        "For vplot: a folder of images named by their height, such as -1.png, 0.png, 1.png.",
    )
    protocol: EvaluationProtocol = option(
        "stack",
        "Protocol",
        "What is measured: stack (simulated focus stacks), focuslitenn, deepfocus or convfocus "
        "(as those papers do), shift (stacks with other colours, light and sharpening), "
        "vplot (a real focus stack).",
        choices=("stack", "focuslitenn", "deepfocus", "convfocus", "shift", "vplot"),
    )
    scanners: Scanners = option(
        "usual",
        "Scanners",
        "What the scanners of simulated stacks are drawn from: usual ones, or the widest ranges "
        "of stain, noise and sharpening that models are trained on.",
        choices=("usual", "widest"),
    )
    out: Path | None = option(
        None, "Results", "Folder for figures (JSON), tiles (CSV) and plots (PNG)."
    )
    threshold: float | None = option(
        None,
        "Out of focus above",
        "For deepfocus: tiles scoring above this are out of focus, instead of the weights' own.",
        minimum=-1000.0,
        maximum=1000.0,
    )
    crops: int = option(
        1500, "Crops", "For convfocus: blurred crops to score.", minimum=60, maximum=100_000
    )
    tiles_per_grade: int = option(
        3000,
        "Tiles per grade",
        "For convfocus: drawn with replacement from each grade.",
        minimum=10,
        maximum=100_000,
    )
    weights: Path | None = option(
        None,
        "Weights file",
        "Measure these weights instead of the shipped: a file (.safetensors, .pt, .npz), or a name "
        "that “focusqc models” lists.",
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
