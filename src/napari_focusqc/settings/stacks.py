"""How a z-stack is measured: every default, range, label and help text, written once.

Room: settings. The command line and the dock widget are both built from these fields.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Literal

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.settings.option import check_ranges, option
from napari_focusqc.settings.scoring import Device, TissueRule

Merit = Literal["sobel", "laplacian", "boddeke", "tenengrad", "variance", "brenner"]


@dataclass(frozen=True, slots=True)
class StackSettings:
    """How a z-stack is measured. Every field says itself what it is (`label`, `help`).

    Parameters
    ----------
    region
        The part of the slide to measure, level-0 px; None measures all of it.

    Raises
    ------
    SettingsError
        A value is outside its range or choices, or planes or heights are no list of numbers.
    """

    planes: str | None = option(
        None,
        "Planes",
        "Which planes are measured, counted from 0, the lowest: 3,5 for two of them, 2-12 for "
        "all between; left empty, all are.",
    )
    heights: str | None = option(
        None,
        "Heights, µm",
        "Height of every plane of the stack, rising, such as -2,0,2; used instead of what the file "
        "says.",
        advanced=True,
    )
    z_step_um: float | None = option(
        None,
        "Distance of planes, µm",
        "Of neighbouring planes whose heights the file does not say.",
        minimum=0.001,
        maximum=1000.0,
    )
    mpp: float | None = option(
        None,
        "µm per pixel",
        "Micrometres per pixel of the full resolution; the network needs it when the file does "
        "not say, and it is used instead of what the file says.",
        minimum=0.01,
        maximum=100.0,
    )
    model: str = option(
        "focus-distance",
        "Model",
        "Model of focus distance; “focusqc models” lists them with their measured accuracy.",
    )
    weights: Path | None = option(
        None,
        "Weights file",
        "Use these weights instead of the ones shipped: a file (.safetensors), or a name that "
        "“focusqc models” lists.",
        advanced=True,
    )
    device: Device = option(
        "auto",
        "Device",
        "Where the network runs: auto takes a CUDA or Apple GPU when there is one, else the CPU.",
        choices=("auto", "cpu", "cuda", "mps"),
    )
    merit: Merit = option(
        "tenengrad",
        "Figure of merit",
        "Which one chooses the sharpest plane; all of them are measured.",
        choices=("sobel", "laplacian", "boddeke", "tenengrad", "variance", "brenner"),
    )
    tissue: TissueRule = option(
        "otsu",
        "Tissue",
        "How glass is told from tissue in the middle plane: otsu (DeepFocus), luma (ConvFocus), or "
        "none to measure every tile.",
        choices=("otsu", "luma", "none"),
    )
    min_tissue: float = option(
        0.25,
        "Least tissue per tile",
        "A tile with a smaller fraction of tissue is called glass and not measured.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    min_structure: float = option(
        1.5,
        "Least structure",
        "Tiles whose brightness varies by less, in %, in every plane are abstained; 0 judges every "
        "tile.",
        minimum=0.0,
        maximum=1000.0,
        advanced=True,
    )
    na: float = option(
        0.75,
        "Numerical aperture",
        "Of the objective; the depth of field follows from it.",
        minimum=0.05,
        maximum=0.99,
    )
    composite_mpx: float = option(
        50.0,
        "Largest composite",
        "Million pixels that the all-in-focus picture may have; 0 makes none.",
        minimum=0.0,
        maximum=1000.0,
        advanced=True,
    )
    threads: int = option(
        0,
        "Threads",
        "Threads that decode the planes; 0 takes one per core.",
        minimum=0,
        maximum=64,
        advanced=True,
    )
    batch: int = option(
        16,
        "Batch",
        "Tiles the network sees at once; it changes the speed, never the distances.",
        minimum=1,
        maximum=4096,
        advanced=True,
    )
    region: Region | None = field(default=None, metadata={"hidden": True})

    def __post_init__(self) -> None:
        check_ranges(self)
        self.heights_um()
        if self.heights is not None and self.z_step_um is not None:
            raise SettingsError("heights and a distance of planes are both given; give one of them")

    def heights_um(self) -> tuple[float, ...] | None:
        """Return the heights given, µm, rising; None where none are.

        Raises
        ------
        SettingsError
            They are no rising numbers.
        """
        if self.heights is None:
            return None
        try:
            found = tuple(float(each.replace("−", "-")) for each in self.heights.split(","))
        except ValueError:
            found = ()
        if not found or not all(map(isfinite, found)) or any(a >= b for a, b in pairwise(found)):
            raise SettingsError(
                f"the heights are {self.heights!r}; give rising numbers, such as -2,0,2"
            )
        return found

    def chosen_planes(self, count: int) -> tuple[int, ...]:
        """Return which of so many planes are measured, rising.

        Parameters
        ----------
        count
            Planes of the stack.

        Raises
        ------
        SettingsError
            `planes` is no list of such planes, or chooses fewer than two.
        """
        if self.planes is None:
            return tuple(range(count))
        chosen: set[int] = set()
        for part in self.planes.split(","):
            first, dash, last = (each.strip() for each in part.partition("-"))
            ends = (first, last if dash else first)
            if not all(end.isdecimal() and int(end) < count for end in ends):
                raise SettingsError(
                    f"the planes are {self.planes!r}; give numbers from 0 to {count - 1}, such as "
                    "0,2 or 0-4"
                )
            chosen.update(range(int(ends[0]), int(ends[1]) + 1))
        if len(chosen) < 2:
            raise SettingsError(f"the planes {self.planes!r} are fewer than two; choose more")
        return tuple(sorted(chosen))
