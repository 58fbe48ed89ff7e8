"""A TIFF file as a slide: SVS, OME-TIFF and every plain tiled or stripped TIFF.

Room: slides. The file is laid out once (`tiff_layout`), then read by offset (`tiff_reading`).
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
from napari_focusqc.slides.slide import SlideInfo, Source
from napari_focusqc.slides.tiff_associated import read_associated
from napari_focusqc.slides.tiff_layout import read_layout
from napari_focusqc.slides.tiff_reading import TiffPixels


class TiffSlide:
    """A `Slide` over a TIFF file.

    Parameters
    ----------
    path
        The file; its directories have passed `check_directories`.
    mpp
        Micrometres per pixel to use instead of what the file says.
    z_step_um
        Distance of neighbouring planes to use instead of what the file says, µm.

    Raises
    ------
    NotASlideError, TruncatedSlideError
        See `read_layout`.
    SettingsError
        `mpp` or `z_step_um` is out of range, or there is one plane only.
    """

    def __init__(
        self, path: Path, mpp: float | None = None, z_step_um: float | None = None
    ) -> None:
        self.name = path.name
        self._layout = read_layout(path)
        self._path = path
        facts = self._layout.facts
        self._resolution = settle_resolution(facts.stated_mpp, mpp, facts.objective)
        planes = len(self._layout.levels[0].planes)
        self._heights = settle_heights(planes, facts.z_um, z_step_um, self.name)
        self._pixels: TiffPixels | None = TiffPixels(path)

    @property
    def mpp(self) -> float | None:
        """µm per pixel of level 0, or None."""
        return self._resolution.mpp

    @property
    def mpp_source(self) -> Source | None:
        """Where `mpp` is from."""
        return self._resolution.source

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of level 0, px."""
        return self._layout.levels[0].shape

    @property
    def level_shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of every stored level, px."""
        return tuple(level.shape for level in self._layout.levels)

    @property
    def z_um(self) -> tuple[float, ...]:
        """Height of each plane, µm; 0, 1, 2 … where nobody knows (see `info`)."""
        return self._heights.z_um

    @property
    def info(self) -> SlideInfo:
        """What the file says of itself."""
        facts = self._layout.facts
        return SlideInfo(
            format=facts.format,
            reader="tifffile",
            compression=self._layout.compression,
            objective=facts.objective,
            vendor=facts.vendor,
            path=self._path,
            stated_mpp=facts.stated_mpp,
            z_source=self._heights.source,
            associated=tuple(self._layout.associated),
            notes=(*self._layout.notes, *self._resolution.notes, *self._heights.notes),
        )

    @property
    def icc_profile(self) -> bytes | None:
        """The scanner's colour profile."""
        return self._layout.icc_profile

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, [level.tile for level in self._layout.levels], recolour)

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
