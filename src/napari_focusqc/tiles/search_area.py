"""Where on a slide something is looked for: in tissue, and a little way beside it.

Room: tiles. Whether a pixel is searched depends on its place alone, not on how the slide is cut.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from napari_focusqc.geometry import Region
from napari_focusqc.tiles.tissue import TissueMask

MARGIN_UM = 32.0
"""A tissue mask at 1x is coarse, and pale rims of tissue are easily called glass."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchArea:
    """The searched part of a slide; made by `around`.

    Parameters
    ----------
    mask
        bool (h, w), True where the slide is searched.
    px_level0
        Level-0 pixels per mask pixel.
    scale
        Level-0 pixels per model pixel.
    """

    mask: NDArray[np.bool_]
    px_level0: float
    scale: float

    @classmethod
    def around(cls, tissue: TissueMask, mpp: float, scale: float) -> "SearchArea":
        """Search tissue, and at least `MARGIN_UM` beside it.

        Parameters
        ----------
        tissue
            Where tissue is.
        mpp
            Micrometres per pixel of level 0.
        scale
            Level-0 pixels per model pixel.
        """
        reach = ceil(MARGIN_UM / (tissue.px_level0 * mpp))
        side = (min(2 * reach, 2 * max(tissue.mask.shape)) + 1,) * 2
        wide = maximum_filter(tissue.mask, side, mode="constant", cval=False)
        return cls(np.asarray(wide, bool), tissue.px_level0, scale)

    def searched(self, part: Region) -> NDArray[np.bool_]:
        """Say of each pixel of a part of the slide whether it is searched.

        Parameters
        ----------
        part
            Model px, inside the slide.

        Returns
        -------
        bool (height, width): the mask at the middle of each pixel.
        """
        rows, cols = self._cells(part)
        return self.mask[np.ix_(rows, cols)]

    def meets(self, part: Region) -> bool:
        """Say whether any pixel of a part is searched, without looking at each."""
        rows, cols = self._cells(part)
        return bool(self.mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].any())

    def _cells(self, part: Region) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the mask's row under each row of a part, and its column under each column."""
        spans = ((part.y, part.bottom), (part.x, part.right))
        rows, cols = (
            np.minimum(
                (middles_level0(*span, self.scale) / self.px_level0).astype(np.intp), side - 1
            )
            for span, side in zip(spans, self.mask.shape, strict=True)
        )
        return rows, cols


def in_region(part: Region, region: Region | None, scale: float) -> NDArray[np.bool_]:
    """Say of each model pixel of a part of the slide whether its middle lies in a region.

    Parameters
    ----------
    part
        Model px.
    region
        Level-0 px; None is everywhere.
    scale
        Level-0 pixels per model pixel.

    Returns
    -------
    bool (height, width).
    """
    if region is None:
        return np.ones((part.height, part.width), bool)
    y, x = middles_level0(part.y, part.bottom, scale), middles_level0(part.x, part.right, scale)
    rows, cols = (y >= region.y) & (y < region.bottom), (x >= region.x) & (x < region.right)
    return rows[:, None] & cols


def middles_level0(start: int, stop: int, scale: float) -> NDArray[np.float64]:
    """Return where the middles of model pixels lie, level-0 px from the slide's outer edge."""
    return np.asarray((np.arange(start, stop) + 0.5) * scale)
