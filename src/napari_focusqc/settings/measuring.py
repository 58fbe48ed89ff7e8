"""How models are measured: every default, range, label and help text, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.option import option

EvaluationProtocol = Literal["stack", "focuslitenn", "deepfocus", "convfocus", "shift", "vplot"]
Scanners = Literal["usual", "widest"]
Judged = Literal["unseen", "all"]


@dataclass(frozen=True, slots=True)
class EvaluateSettings(ImageSettings):
    """How a model is measured on images it never saw; the split is that of its training."""

    protocol: EvaluationProtocol = option(
        "stack",
        "Protocol",
        "What is measured: stack (simulated focus stacks), focuslitenn, deepfocus or convfocus "
        "(as those papers do), shift (stacks with other colours, light and sharpening), "
        "vplot (a real focus stack: --data holds images of --mpp named by their height, such as "
        "-1.png, 0.png, 1.png).",
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


@dataclass(frozen=True, slots=True)
class EvaluateNuclei(ImageSettings):
    """How well a model finds nuclei in images where somebody marked them."""

    data: Path = option(
        MISSING,
        "Images",
        "Folder of RGB fields with annotated nuclei, laid out as for training (ImageScope XML, "
        "label images or a CSV of centres).",
    )
    images: Judged = option(
        "unseen",
        "Images",
        "unseen: those that training with the same share and seed kept out; all: every annotated "
        "one, for data the weights never saw.",
        choices=("unseen", "all"),
    )
    rows: Literal["sets", "images"] = option(
        "sets",
        "Rows",
        "sets: a line for each data set; images: also one for each image.",
        choices=("sets", "images"),
    )
    sheet: int = option(24, "Pictures", "Of errors on the contact sheet.", minimum=1, maximum=400)
    weights: Path | None = option(
        None,
        "Weights file",
        "Measure these weights instead of the shipped: a file, or a name that “focusqc models” "
        "lists.",
    )
    out: Path | None = option(
        None,
        "Results",
        "Folder for figures (JSON), images, curves and errors (CSV), and plots (PNG).",
    )


@dataclass(frozen=True, slots=True)
class CompareNuclei:
    """What found nuclei are compared with, where it is no layer."""

    truth: Path | None = option(
        None,
        "File",
        "True nuclei in a file: outlines of ImageScope (XML), a table of centres (CSV), a label "
        "image, or a table of nuclei (Parquet); their pixels are those of the found ones.",
    )
