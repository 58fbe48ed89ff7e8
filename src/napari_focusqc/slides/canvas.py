"""The buffer a region is read into, and the white around and behind the pixels.

Room: slides. Shared by every kind of slide; knows no file format.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.slide import Slide

WHITE = 255
"""What is beyond the image, behind a transparent pixel, and in a tile the scanner left out."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where the pixels of one read go.

    Parameters
    ----------
    out
        The whole region, uint8 (height, width, 3); already white beyond the image.
    inside
        The part of the region inside the level, px of that level.
    target
        The view of `out` that `inside` fills, uint8 (inside.height, inside.width, 3).
    """

    out: NDArray[np.uint8]
    inside: Region
    target: NDArray[np.uint8]


def lay_canvas(
    slide: Slide, region: Region, level: int, z: int, out: NDArray[np.uint8] | None
) -> Canvas:
    """Check a request and make the buffer for it; the arguments are those of `Slide.read`.

    Raises
    ------
    RegionError
        Level, plane or buffer do not fit the slide, or the region lies wholly outside it.
    """
    levels, planes = len(slide.level_shapes), len(slide.z_um)
    if not 0 <= level < levels:
        raise RegionError(f"{slide.name} has no level {level}; choose one from 0 to {levels - 1}")
    if not 0 <= z < planes:
        raise RegionError(f"{slide.name} has no plane {z}; choose one from 0 to {planes - 1}")
    inside = region.clipped(slide.level_shapes[level])
    shape = (region.height, region.width, 3)
    if out is None:
        out = np.empty(shape, np.uint8)
    elif out.shape != shape or out.dtype != np.uint8:
        raise RegionError(
            f"the buffer to read into is {out.dtype} {out.shape}; this region needs uint8 {shape}"
        )
    if inside != region:
        out[...] = WHITE
    top, left = inside.y - region.y, inside.x - region.x
    target = out[top : top + inside.height, left : left + inside.width]
    return Canvas(out, inside, target)


def on_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay pixels with straight (not premultiplied) alpha on white.

    Parameters
    ----------
    rgba
        uint8, shape (H, W, 4).

    Returns
    -------
    uint8, shape (H, W, 3); a view where every pixel is opaque.
    """
    alpha = rgba[..., 3:]
    if (alpha == 255).all():
        return rgba[..., :3]
    weight = alpha.astype(np.uint32)
    mixed = rgba[..., :3] * weight + WHITE * (255 - weight)
    return ((mixed + 127) // 255).astype(np.uint8)
