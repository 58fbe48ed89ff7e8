"""How networks of focus distances are trained: every default, range, label, help, written once.

Room: settings. The command line is built from these fields.
"""

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Literal

from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.nuclei import Schedule
from napari_focusqc.settings.option import option
from napari_focusqc.settings.scoring import Device

Source = Literal["simulated", "published"]
Planes = Literal["two", "one"]


@dataclass(frozen=True, slots=True)
class DistanceTraining(ImageSettings):
    """How focus distances are trained. Every field says itself what it is (`label`, `help`)."""

    out: Path = option(
        MISSING,
        "Output folder",
        "Where the pairs, the weights and their card are written; training that was stopped goes "
        "on from what is found here, and the pairs serve other trainings.",
    )
    source: Source = option(
        "simulated",
        "Source",
        "simulated: stacks are made of the sharp fields in the folder. published: the folder holds "
        "real stacks, laid out as Jiang et al. 2018 publish theirs (s1_l1/defocus-350.jpg, nm).",
        choices=("simulated", "published"),
    )
    planes: Planes = option(
        "two",
        "Planes",
        "two: the difference of two planes, as the paper proposes. one: the second plane alone, "
        "which it compares with.",
        choices=("two", "one"),
    )
    tile: int = option(
        112,
        "Tile",
        "Side of the tiles, px; the paper has 224, and 112 for its small network.",
        minimum=32,
        maximum=1024,
    )
    width: float = option(
        0.4,
        "Width",
        "Factor α on MobileNetV2's channels; the paper has 1, and 0.4 for its small network.",
        minimum=0.1,
        maximum=2.0,
    )
    delta_um: float = option(
        2.0, "Δ", "From the first plane up to the second, µm.", minimum=0.1, maximum=20.0
    )
    reach_um: float = option(
        8.0,
        "Reach",
        "Farthest that the second plane is from focus, µm; of published stacks all planes serve.",
        minimum=1.0,
        maximum=15.0,
    )
    pairs: int = option(
        20_000,
        "Pairs",
        "Number of pairs of tiles, 75 kB each on the disk with 112 px, 300 kB with 224 px.",
        minimum=30,
        maximum=1_000_000,
    )
    schedule: Schedule = option(
        "paper",
        "Schedule",
        "paper: plain SGD at one rate. short: AdamW, the rate rising and falling once.",
        choices=("paper", "short"),
    )
    epochs: int = option(50, "Epochs", "Passes over the pairs.", minimum=1, maximum=10_000)
    batch: int = option(32, "Batch", "Pairs per step.", minimum=2, maximum=5000)
    learning_rate: float = option(
        0.001,
        "Learning rate",
        "Throughout (paper), or at its highest (short; 0.003 serves well).",
        minimum=1e-6,
        maximum=1.0,
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network is trained: auto takes a CUDA or Apple GPU when there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
    )
