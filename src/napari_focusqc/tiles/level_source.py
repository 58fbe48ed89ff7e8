"""One level of a slide as an endless image at the model's resolution.

Room: tiles. Chooses the level, averages it down where it is finer than the model, and mirrors it
beyond the slide's border; a pixel is the same whatever rectangle it is read in.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.geometry import Region, level_downsample
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid, model_shape
from napari_focusqc.tiles.resample import area_average, source_span


@dataclass(frozen=True, slots=True)
class LevelSource:
    """The level and plane that a grid is read from; made by `of`.

    Parameters
    ----------
    slide
        What is read.
    level, z
        The level and the plane.
    factor
        Level pixels per model pixel, 1 or more.
    shape
        (height, width) of the slide in model pixels.
    """

    slide: Slide
    level: int
    z: int
    factor: float
    shape: tuple[int, int]

    @classmethod
    def of(cls, slide: Slide, grid: TileGrid, z: int) -> "LevelSource":
        """Choose the coarsest level that is at least as fine as the model."""
        level, factor = 0, grid.scale
        for index, shape in enumerate(slide.level_shapes):
            down = level_downsample(slide.shape, shape)
            if down <= grid.scale * (1 + 1e-6):
                level, factor = index, max(grid.scale / down, 1.0)
        if abs(factor - 1) < 1e-6:
            factor = 1.0
        return cls(slide, level, z, factor, model_shape(grid.shape, grid.scale))

    def cuts(self, axis: int, start: int, stop: int) -> NDArray[np.intp]:
        """Return where file tiles begin between two model pixels, and both ends.

        Parameters
        ----------
        axis
            0 down, 1 right.
        start, stop
            Model px, inside the slide.

        Returns
        -------
        intp, rising, `start` first and `stop` last. A model pixel over two file tiles belongs to
        the first.
        """
        step = self.slide.tile_shapes[self.level][axis] / self.factor
        inner = np.arange(int(start // step) + 1, ceil(stop / step)) * step
        found = np.unique([start, *np.ceil(inner - 1e-9), stop]).astype(np.intp)
        return found[(found >= start) & (found <= stop)]

    def tile_begins(self, axis: int, start: int, stop: int) -> bool:
        """Say whether a file tile begins in [start, stop), model px, down (0) or right (1)."""
        step = self.slide.tile_shapes[self.level][axis] / self.factor
        return ceil(start / step - 1e-9) * step < stop

    def mirrored_from(self, axis: int, start: int, count: int) -> int:
        """Return the first model pixel, down (0) or right (1), of what a window of the slide shows.

        That is `start`, or before it where the window reaches so far beyond the slide.
        """
        return int(_mirrored(start, count, self.shape[axis]).min())

    def mirror(self, region: Region, pixels: NDArray[np.uint8]) -> bool:
        """Complete a region's pixels beyond the slide from those inside it.

        Returns
        -------
        Whether all that is mirrored lies in the region; if not, nothing is done.
        """
        inside = region.clipped(self.shape)
        rows = _mirrored(region.y, region.height, self.shape[0]) - region.y
        cols = _mirrored(region.x, region.width, self.shape[1]) - region.x
        if rows.min() < 0 or cols.min() < 0:
            return False
        pixels[: inside.height, inside.width :] = pixels[: inside.height, cols[inside.width :]]
        pixels[inside.height :] = pixels[rows[inside.height :]]
        return True

    def read(self, region: Region, out: NDArray[np.uint8]) -> None:
        """Fill `out` with a region in model pixels; beyond the slide, the slide is mirrored.

        What is mirrored may lie outside the region; so a tile's pixels do not depend on its block.

        Raises
        ------
        UnreadableRegionError
            A compressed tile under the region, or under what is mirrored, cannot be decoded.
        """
        inside = region.clipped(self.shape)
        top = self.mirrored_from(0, region.y, region.height)
        left = self.mirrored_from(1, region.x, region.width)
        if (top, left) == (region.y, region.x):
            self._read_inside(inside, out[: inside.height, : inside.width])
            self.mirror(region, out)
            return
        under = Region(top, left, region.bottom - top, region.right - left)
        pixels = np.empty((under.height, under.width, 3), np.uint8)
        self.read(under, pixels)
        out[...] = pixels[region.y - top :, region.x - left :]

    def _read_inside(self, region: Region, out: NDArray[np.uint8]) -> None:
        """Fill `out` with a region wholly inside the slide, averaged where it must be."""
        if self.factor == 1:
            self.slide.read(region, self.level, self.z, out)
            return
        top, bottom = source_span(region.y, region.height, self.factor)
        left, right = source_span(region.x, region.width, self.factor)
        under = Region(top, left, bottom - top, right - left)
        pixels = self.slide.read(under, self.level, self.z)
        start, size = (region.y, region.x), (region.height, region.width)
        out[...] = area_average(pixels, self.factor, start, size)


def _mirrored(start: int, count: int, side: int) -> NDArray[np.intp]:
    """Return for the positions from `start` on the position inside a side that mirrors them."""
    period = max(2 * (side - 1), 1)
    steps = np.arange(start, start + count) % period
    return np.where(steps < side, steps, period - steps).astype(np.intp)
