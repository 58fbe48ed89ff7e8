"""Kinds of crops: their classes, their blur, the section and the scanners that see it.

Room: training. `crops.make_crops` makes them. Ranges are ours where
nothing else is said.
"""

from dataclasses import dataclass, replace

import numpy as np

from napari_focusqc.optics.camera_range import CameraRange, Range
from napari_focusqc.optics.classes import OOF_CLASSES
from napari_focusqc.training.blurs import Blur, disk, disk_or_lens, in_or_out, stage


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of crops is made.

    Parameters
    ----------
    classes
        How many classes there are.
    blur
        What a class is.
    scanners
        What scanners are drawn from.
    any_place
        Whether crops may come from anywhere in a field, or only from places with structure.
    density
        The tissue's optical density is multiplied by a number from this range, drawn on a
        logarithmic scale: (0.1, 1) leads from a section a tenth as thick to one as it is.
    thick
        Whether other tissue lies upon the tissue, out of focus by another class. The crop's class
        and radius are then the means of both, each with its share of the optical density.
    others
        Kinds that crops are of instead, each with its share of the crops.
    """

    classes: int
    blur: Blur
    scanners: CameraRange
    any_place: bool = False
    density: Range = (1.0, 1.0)
    thick: bool = False
    others: "tuple[tuple[float, Kind], ...]" = ()


SCANNED = Kind(OOF_CLASSES, disk_or_lens, CameraRange())
"""All that differs between scanners, stains and lenses."""
ANYWHERE = replace(SCANNED, any_place=True)
FAINT = Kind(2, in_or_out, CameraRange(), any_place=True, density=(0.02, 1.0))
"""Surely in or out of focus, and anything from full stain to all but empty glass, which is not in
fields chosen for their nuclei."""
FOCUSED_OR_NOT = Kind(2, stage, CameraRange())
"""DeepFocus's classes."""
PAPER_CAMERA = CameraRange(
    sharpening=(0.0, 0.0),
    stain_scale=(1.0, 1.0),
    stain_shift=(0.0, 0.0),
    exposure=(1.0, 1.0),
    gain=(1.0, 1.0),
    gamma=(1.0, 1.0),
    hue=(-0.2, 0.2),
    quality=(70, 90),
    subsamplings=("4:2:0",),
)
"""ConvFocus's: noise, JPEG, and the hue, saturation, contrast and brightness it augments; the
ranges of these four are ours."""
BOKEH = Kind(OOF_CLASSES, disk, PAPER_CAMERA)
"""ConvFocus's best kind of crops: a disk, noise, JPEG."""
GENTLE = replace(
    BOKEH,
    scanners=replace(PAPER_CAMERA, noise_scale=(0.0005, 0.02), hue=(-np.pi / 2, np.pi / 2)),
)
"""What FocusLiteNN is trained on: a disk, any stain, little noise. One layer of a few filters
cannot tell noise or sharpening from focus; shown more of either, it follows focus less."""
THICK = replace(SCANNED, density=(0.8, 1.6), thick=True)
"""Sections too thick for the lens's depth of focus: what is in focus lies in what is not."""
MIXED = replace(SCANNED, others=((0.5, BOKEH),))
"""What ConvFocus is trained on. With `SCANNED` alone a disk that no scanner sharpened reads as two
classes more than it is; with `BOKEH` alone sharpening reads as focus."""


def with_thick(share: float) -> Kind:
    """Return `MIXED` with a share of `THICK` sections.

    With a few of them, a nucleus in focus no longer outweighs many that are not; with many, slight
    defocus is told less well.
    """
    return replace(MIXED, others=((0.5 * (1 - share), BOKEH), (share, THICK)))
