"""Regions and lengths: pixels, micrometres, levels.

Room: geometry. Axes are always (y, x); opens nothing, decodes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from napari_focusqc.errors import RegionError

SAME_MPP_TOLERANCE = 0.15
"""A slide this close to a model's µm/px is used as it is, as the papers do (relative)."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of whole pixels; it may reach beyond the image it is laid on.

    Parameters
    ----------
    y, x
        Top left corner, px, of any sign.
    height, width
        Size, px, at least 1.

    Raises
    ------
    RegionError
        The height or the width is below 1.
    """

    y: int
    x: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise RegionError(
                f"the region is {self.height} × {self.width} px; it needs at least 1 × 1 px"
            )

    @property
    def bottom(self) -> int:
        """First row below the region, px."""
        return self.y + self.height

    @property
    def right(self) -> int:
        """First column right of the region, px."""
        return self.x + self.width

    def clipped(self, shape: tuple[int, int]) -> "Region":
        """Return the part inside an image of `shape` (height, width).

        Raises
        ------
        RegionError
            No pixel of the region lies inside the image.
        """
        top, left = max(self.y, 0), max(self.x, 0)
        bottom, right = min(self.bottom, shape[0]), min(self.right, shape[1])
        if bottom <= top or right <= left:
            raise RegionError(
                f"the region y {self.y}…{self.bottom}, x {self.x}…{self.right} px lies outside "
                f"the image of {shape[0]} × {shape[1]} px; choose one that overlaps it"
            )
        return Region(top, left, bottom - top, right - left)


def same_resolution(mpp: float, model_mpp: float) -> bool:
    """Say whether an image at `mpp` is used as it is by a model trained at `model_mpp` (µm/px)."""
    low, high = model_mpp / (1 + SAME_MPP_TOLERANCE), model_mpp * (1 + SAME_MPP_TOLERANCE)
    return low <= mpp <= high


def model_scale(mpp: float, model_mpp: float) -> float:
    """Return level-0 pixels per model pixel: 1.0 when within the tolerance, else the exact ratio.

    Parameters
    ----------
    mpp, model_mpp
        Micrometres per pixel of the slide's level 0 and of the model's training data.
    """
    return 1.0 if same_resolution(mpp, model_mpp) else model_mpp / mpp


def level_downsample(shape: tuple[int, int], level_shape: tuple[int, int]) -> float:
    """Return level-0 pixels per pixel of a level.

    Writers round the size of a level down or up; a ratio that a whole number explains to within
    one pixel is that whole number.

    Parameters
    ----------
    shape, level_shape
        (height, width) of level 0 and of the level, px.
    """
    ratio = max(shape[0] / level_shape[0], shape[1] / level_shape[1])
    whole = round(ratio)
    fits = all(abs(full / whole - part) <= 1 for full, part in zip(shape, level_shape, strict=True))
    if fits:
        return float(whole)
    return (shape[0] / level_shape[0] + shape[1] / level_shape[1]) / 2


def levels_shrink(shapes: Sequence[tuple[int, int]]) -> bool:
    """Say whether levels are a pyramid, each smaller than the one before and no side longer.

    Parameters
    ----------
    shapes
        (height, width) of every level, px, finest first.
    """
    return all(
        fine != coarse and fine[0] >= coarse[0] and fine[1] >= coarse[1]
        for fine, coarse in pairwise(shapes)
    )
