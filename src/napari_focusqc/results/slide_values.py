"""Values that lie on a slide as the pixels of a picture.

Room: results.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class SlideValues:
    """A picture of values and its place on a slide.

    Parameters
    ----------
    values
        float32 (rows, cols).
    step_px
        Level-0 px from one value to the next, both ways.
    first_px
        (y, x) of the middle of the first one; whole numbers are the centres of level-0 pixels.
    mpp
        Micrometres per pixel of level 0.
    """

    values: NDArray[np.float32]
    step_px: float
    first_px: tuple[float, float]
    mpp: float
