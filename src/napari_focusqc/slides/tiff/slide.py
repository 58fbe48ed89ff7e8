"""A TIFF file as a slide: SVS, OME-TIFF and every plain tiled or stripped TIFF.

Room: slides. The file is laid out once (`layout`), then read by offset (`reading`).
"""

from pathlib import Path

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import ClosedSlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.canvas import lay_canvas
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.planes import settle_heights
from napari_focusqc.slides.pyramid import build_pyramid
from napari_focusqc.slides.resolution import settle_resolution
from napari_focusqc.slides.slide import SlideInfo
from napari_focusqc.slides.tiff.associated import read_associated
from napari_focusqc.slides.tiff.layout import read_layout
from napari_focusqc.slides.tiff.reading import TiffPixels


class TiffSlide:
    """A `Slide` over a TIFF file.

    Parameters
    ----------
    path
        The file; its directories have passed `check_directories`.

    Raises
    ------
    NotASlideError, TruncatedSlideError
        See `read_layout`.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._layout = read_layout(path)
        self._path = path
        facts, planes = self._layout.facts, len(self._layout.levels[0].planes)
        resolution = settle_resolution(facts.stated_mpp, None, facts.objective)
        heights = settle_heights(planes, facts.z_um, None, self.name)
        self.mpp, self.mpp_source, self.z_um = resolution.mpp, resolution.source, heights.z_um
        self.icc_profile = self._layout.icc_profile
        self.level_shapes = tuple(level.shape for level in self._layout.levels)
        self.tile_shapes = tuple(level.tile for level in self._layout.levels)
        self.info = SlideInfo(
            format=facts.format,
            reader="tifffile",
            compression=self._layout.compression,
            objective=facts.objective,
            vendor=facts.vendor,
            path=path,
            stated_mpp=facts.stated_mpp,
            z_source=heights.source,
            associated=tuple(self._layout.associated),
            remarks=self._layout.notes,
            mpp_remarks=resolution.notes,
            z_remarks=heights.notes,
        )
        self._pixels: TiffPixels | None = TiffPixels(path, self._border_bytes())

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of level 0, px."""
        return self.level_shapes[0]

    def _border_bytes(self) -> int:
        """Return the size of the tiles that lie across the borders of one row of large regions.

        So who goes through the finest level row by row decodes every tile once: kept are the row of
        tiles below, and about as much beside the regions.
        """
        return 2 * self.shape[1] * max(self.tile_shapes[0]) * 3

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture beside the slide; see `Slide.associated_image`."""
        if self._pixels is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        return read_associated(self._path, name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; see `Slide.read`."""
        pixels = self._pixels
        if pixels is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        canvas = lay_canvas(self, region, level, z, out)
        pixels.fill(canvas.target, canvas.inside, self._layout.levels[level], z)
        return canvas.out

    def close(self) -> None:
        """Close the file once the reads in flight are done."""
        self._pixels = None
