"""The slide's own grid of tiles, in model pixels and in level-0 pixels.

Room: tiles. The grid belongs to the slide: it starts at level-0 (0, 0) and steps by whole
strides, so a region's tiles are the same tiles as in a run over the whole slide.
"""

from dataclasses import dataclass, replace
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Square windows of `tile_px`, `stride_px` apart, over a slide or a part of it.

    Parameters
    ----------
    shape
        (height, width) of the slide's level 0, px.
    scale
        Level-0 pixels per model pixel, 1.0 where the slide is used as it is.
    tile_px, stride_px
        Side and step of the windows, model px.
    row0, col0
        First row and column on the slide's grid.
    rows, cols
        Number of rows and columns.
    """

    shape: tuple[int, int]
    scale: float
    tile_px: int
    stride_px: int
    row0: int
    col0: int
    rows: int
    cols: int

    @classmethod
    def covering(
        cls, shape: tuple[int, int], scale: float, tile_px: int, stride_px: int, edges: str
    ) -> "TileGrid":
        """Lay the grid over a whole slide.

        Parameters
        ----------
        shape, scale, tile_px, stride_px
            As in `TileGrid`.
        edges
            ``"whole"`` keeps only windows wholly inside, as the papers do; ``"cover"`` adds a
            last row and column that reach beyond the border, so that every pixel is seen.

        Raises
        ------
        RegionError
            With ``"whole"``, the slide is smaller than one window.
        """
        height, width = model_shape(shape, scale)
        if edges == "whole" and min(height, width) < tile_px:
            raise RegionError(
                f"the image is {height} × {width} px at the model's resolution; whole tiles need "
                f"at least {tile_px} × {tile_px} px, or choose edges “cover”"
            )
        steps = [max(side - tile_px, 0) / stride_px for side in (height, width)]
        rows, cols = (floor(n) + 1 if edges == "whole" else ceil(n) + 1 for n in steps)
        return cls(shape, scale, tile_px, stride_px, 0, 0, rows, cols)

    def within(self, region: Region) -> "TileGrid":
        """Return the smallest part of the grid whose strides cover a level-0 region.

        A tile stands for the square of one stride around its centre; the outermost tiles stand
        for everything out to the slide's border.

        Raises
        ------
        RegionError
            The region lies wholly outside the slide.
        """
        inside = region.clipped(self.shape)
        row_a, row_b = self._nearest(inside.y, inside.bottom, self.row0, self.rows)
        col_a, col_b = self._nearest(inside.x, inside.right, self.col0, self.cols)
        return replace(self, row0=row_a, col0=col_a, rows=row_b - row_a, cols=col_b - col_a)

    def _nearest(self, start: int, stop: int, first: int, count: int) -> tuple[int, int]:
        """Return the half-open range of grid lines whose stride squares meet [start, stop) px."""
        margin = (self.tile_px - self.stride_px) / 2
        low = floor((start / self.scale - margin) / self.stride_px)
        high = ceil((stop / self.scale - margin) / self.stride_px)
        last = first + count - 1
        low = min(max(low, first), last)
        return low, min(max(high, low + 1), last + 1)

    @property
    def tile_level0(self) -> float:
        """Side of a window, level-0 px."""
        return self.tile_px * self.scale

    @property
    def stride_level0(self) -> float:
        """Step between windows, level-0 px."""
        return self.stride_px * self.scale

    @property
    def origin_level0(self) -> tuple[float, float]:
        """(y, x) of the first window's top left corner, level-0 px."""
        return self.row0 * self.stride_level0, self.col0 * self.stride_level0

    @property
    def first_centre_level0(self) -> tuple[float, float]:
        """(y, x) of the first window's centre in continuous level-0 px (0 = outer edge)."""
        y, x = self.origin_level0
        return y + self.tile_level0 / 2, x + self.tile_level0 / 2

    def partial(self) -> NDArray[np.bool_]:
        """Return which windows reach beyond the slide, bool (rows, cols)."""
        height, width = model_shape(self.shape, self.scale)
        ends_y = (self.row0 + np.arange(self.rows)) * self.stride_px + self.tile_px
        ends_x = (self.col0 + np.arange(self.cols)) * self.stride_px + self.tile_px
        return (ends_y > height)[:, None] | (ends_x > width)[None, :]


def model_shape(shape: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return (height, width) of the slide in whole model pixels, at least 1 × 1.

    A model pixel that the slide covers only in part is left out; the tolerance keeps a width of
    exactly n model pixels from losing one to rounding.
    """
    height, width = (max(floor(side / scale + 1e-9), 1) for side in shape)
    return height, width
