"""An all-in-focus picture of a stack, and its file.

Room: results.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_focusqc.results.beside import file_beside

_TILE_PX = 256
_UM_PER_CM = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class Composite:
    """A picture whose every part is from the plane that is sharpest there.

    Parameters
    ----------
    pixels
        uint8 (h, w, 3), RGB.
    step_px
        Level-0 px from one pixel to the next.
    corner_px
        (y, x) of its top left corner, level-0 px from the outer edge of the slide's first pixel.
    mpp
        Micrometres per pixel of level 0; None where nobody knows.
    """

    pixels: NDArray[np.uint8]
    step_px: float
    corner_px: tuple[float, float]
    mpp: float | None


def write_composite(composite: Composite, path: str | Path) -> Path:
    """Write the picture as a tiled TIFF without loss, with its µm/px where that is known.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    path = Path(path)
    resolution = None
    if composite.mpp is not None:
        resolution = (_UM_PER_CM / (composite.mpp * composite.step_px),) * 2
    with file_beside(path) as partial:
        tifffile.imwrite(
            partial,
            composite.pixels,
            photometric="rgb",
            tile=(_TILE_PX, _TILE_PX),
            compression="zlib",
            resolution=resolution,
            resolutionunit=None if resolution is None else "CENTIMETER",
            metadata=None,
        )
    return path
