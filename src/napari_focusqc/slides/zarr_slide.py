"""An OME-Zarr image as a slide.

Room: slides. Chunks are fetched and decoded region by region; nothing is cached, and no file stays
open between reads.
"""

from pathlib import Path

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import (
    AssociatedImageError,
    ClosedSlideError,
    EmptyLevelError,
    NotASlideError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import check_picture_size, no_picture
from napari_focusqc.slides.canvas import lay_canvas, on_white
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.ome_zarr_collection import read_collection
from napari_focusqc.slides.planes import settle_heights
from napari_focusqc.slides.pyramid import build_pyramid
from napari_focusqc.slides.resolution import settle_resolution
from napari_focusqc.slides.slide import SlideInfo, Source
from napari_focusqc.slides.zarr_folder import is_zarr, read_node
from napari_focusqc.slides.zarr_image import ZarrImage, open_image

_ALPHA = 4


class ZarrSlide:
    """A `Slide` over an OME-Zarr folder of version 0.4 or 0.5.

    Parameters
    ----------
    path
        The folder of an image, or of several as bioformats2raw lays them out: then the first that
        is no picture of the glass is the slide.
    mpp
        Micrometres per pixel to use instead of what the metadata says.
    z_step_um
        Distance of neighbouring planes to use instead of what the metadata says, µm.

    Raises
    ------
    NotASlideError
        It is a plate, labels, a focus map or a plain array; its pixels are no 8-bit grey or RGB; or
        it is damaged.
    EmptyLevelError
        A level has no pixels.
    SettingsError
        `mpp` or `z_step_um` is out of range, or there is one plane only.
    """

    def __init__(
        self, path: Path, mpp: float | None = None, z_step_um: float | None = None
    ) -> None:
        self.name = _name(path)
        self._path = path
        self._collection = read_collection(read_node(path), self.name)
        image = open_image(self._collection.image, self.name)
        self._image: ZarrImage | None = image
        self._metadata = image.metadata
        self.level_shapes = tuple(level.shape for level in image.levels)
        self._resolution = settle_resolution(image.metadata.mpp, mpp, self._collection.objective)
        planes = image.levels[0].size("z")
        self._heights = settle_heights(planes, image.z_um, z_step_um, self.name)
        unknown = image.metadata.mpp_notes if mpp is None else ()
        self._info = SlideInfo(
            format=f"OME-Zarr {image.metadata.version}",
            reader="zarr",
            compression=image.levels[0].compression,
            objective=self._collection.objective,
            vendor=self._collection.vendor,
            path=path,
            stated_mpp=image.metadata.mpp,
            z_source=self._heights.source,
            associated=tuple(self._collection.pictures),
            notes=(
                *self._collection.notes,
                *image.notes,
                *(f"{note}; give the µm per pixel" for note in unknown),
                *self._resolution.notes,
                *self._heights.notes,
            ),
        )

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
        return self.level_shapes[0]

    @property
    def z_um(self) -> tuple[float, ...]:
        """Height of each plane, µm; 0, 1, 2 … where nobody knows (see `info`)."""
        return self._heights.z_um

    @property
    def info(self) -> SlideInfo:
        """What the metadata says."""
        return self._info

    @property
    def icc_profile(self) -> bytes | None:
        """OME-Zarr has no place for a colour profile."""
        return None

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, [level.tile for level in self._open().levels], recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture beside the slide; see `Slide.associated_image`."""
        self._open()
        pictures = self._collection.pictures
        if name not in pictures:
            raise no_picture(name, tuple(pictures), self.name)
        try:
            level = open_image(read_node(pictures[name]), self.name).levels[0]
            height, width = level.shape
            check_picture_size(name, level.shape, self.name)
            picture = np.empty((height, width, 3), np.uint8)
            _lay(level.read(Region(0, 0, height, width), 0), picture)
            return picture
        except (NotASlideError, EmptyLevelError, UnreadableRegionError) as error:
            raise AssociatedImageError(
                f"the picture “{name}” of {self.name} cannot be decoded ({error})"
            ) from error

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; see `Slide.read`."""
        image = self._open()
        canvas = lay_canvas(self, region, level, z, out)
        _lay(image.levels[level].read(canvas.inside, z), canvas.target)
        return canvas.out

    def _open(self) -> ZarrImage:
        """Return the open image.

        Raises
        ------
        ClosedSlideError
            The slide was closed.
        """
        if self._image is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        return self._image

    def close(self) -> None:
        """Let go of the arrays."""
        self._image = None


def _name(path: Path) -> str:
    """Return what a slide is called; an image inside a Zarr folder has that folder's name too."""
    folder = path.resolve() if path.name in ("", "..") else path.absolute()
    return f"{folder.parent.name} {folder.name}" if is_zarr(folder.parent) else folder.name


def _lay(pixels: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Copy decoded pixels of 1, 3 or 4 channels into an RGB buffer.

    Channels that lie apart are copied one by one, which is five times as fast as all at once.
    """
    count = pixels.shape[-1]
    if count == _ALPHA:
        target[...] = on_white(pixels)
    elif count == 3 and pixels.strides[-1] == 1:
        target[...] = pixels
    else:
        for sample in range(3):
            target[..., sample] = pixels[..., min(sample, count - 1)]
