"""How nuclei are found and how MicroNet is trained: defaults, ranges, labels, help, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.option import option
from napari_focusqc.settings.scoring import Device

Schedule = Literal["paper", "short"]


@dataclass(frozen=True, slots=True)
class MicroNetTraining(ImageSettings):
    """How MicroNet is trained. Every field says itself what it is (`label`, `help`)."""

    data: Path = option(
        MISSING,
        "Images",
        "Folder of RGB fields with annotated nuclei (ImageScope XML, label images or a CSV of "
        "centres); each folder directly inside is one data set, described by its dataset.json "
        "(name, licence, mpp) where there is one.",
    )
    out: Path = option(
        MISSING,
        "Output folder",
        "Where the weights and their card are written; training that was stopped goes on from "
        "the checkpoint found here.",
    )
    schedule: Schedule = option(
        "paper",
        "Schedule",
        "paper: SGD with Nesterov's momentum, the rate divided by 10 on a plateau. short: AdamW, "
        "the rate rising and falling once, for a few thousand iterations.",
        choices=("paper", "short"),
    )
    iterations: int = option(
        100_000, "Iterations", "Steps of one batch each.", minimum=20, maximum=10_000_000
    )
    batch: int = option(4, "Batch", "Crops per step.", minimum=1, maximum=1024)
    crop: int = option(
        200,
        "Crop",
        "Side of the crops, px; images smaller than that are left out.",
        minimum=48,
        maximum=2048,
    )
    learning_rate: float = option(
        0.01,
        "Learning rate",
        "At the start (paper) or at its highest (short; 0.002 serves well).",
        minimum=1e-6,
        maximum=1.0,
    )
    width: int = option(
        16,
        "Width",
        "Channels at full size; they double with each halving but the last.",
        minimum=2,
        maximum=128,
    )
    start: Path | None = option(
        None,
        "Start from",
        "Fine-tune these weights, a file or a name that “focusqc models” lists, instead of "
        "starting from random ones.",
    )
    freeze: int = option(
        0,
        "Frozen blocks",
        "The first blocks of ten that keep their weights; the paper finds 2 as good as none.",
        minimum=0,
        maximum=9,
    )
    aux: Path | None = option(
        None,
        "Auxiliary images",
        "Folder of further annotated fields, laid out as the images, of other tissue: half of "
        "each batch comes from them.",
    )
    gamma: float = option(
        1.0,
        "γ",
        "Weight of the images against the auxiliary ones; the paper finds above 1 better where "
        "there are few images.",
        minimum=0.0,
        maximum=100.0,
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network is trained: auto takes a CUDA or Apple GPU when there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
    )
