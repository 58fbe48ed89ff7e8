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
from napari_focusqc.slides.planes import settle_heights
from napari_focusqc.slides.pyramid import build_pyramid
from napari_focusqc.slides.resolution import settle_resolution
from napari_focusqc.slides.slide import SlideInfo
from napari_focusqc.slides.zarr.collection import read_collection
from napari_focusqc.slides.zarr.folder import is_zarr, read_node
from napari_focusqc.slides.zarr.image import ZarrImage, open_image

_ALPHA = 4


class ZarrSlide:
    """A `Slide` over an OME-Zarr folder of version 0.4 or 0.5.

    Parameters
    ----------
    path
        The folder of an image, or of several as bioformats2raw lays them out: then the first that
        is no picture of the glass is the slide.

    Raises
    ------
    NotASlideError
        It is a plate, labels, a focus map or a plain array; its pixels are no 8-bit grey or RGB; or
        it is damaged.
    EmptyLevelError
        A level has no pixels.
    """

    def __init__(self, path: Path) -> None:
        self.name = _name(path)
        self._path = path
        self._collection = read_collection(read_node(path), self.name)
        image = open_image(self._collection.image, self.name)
        self._image: ZarrImage | None = image
        self.level_shapes = tuple(level.shape for level in image.levels)
        self.tile_shapes = tuple(level.tile for level in image.levels)
        metadata, objective = image.metadata, self._collection.objective
        resolution = settle_resolution(metadata.mpp, None, objective)
        heights = settle_heights(image.levels[0].size("z"), image.z_um, None, self.name)
        self.mpp, self.mpp_source, self.z_um = resolution.mpp, resolution.source, heights.z_um
        self.icc_profile: bytes | None = None  # OME-Zarr has no place for one
        unknown = (f"{note}; give the µm per pixel" for note in metadata.mpp_notes)
        self.info = SlideInfo(
            format=f"OME-Zarr {metadata.version}",
            reader="zarr",
            compression=image.levels[0].compression,
            objective=objective,
            vendor=self._collection.vendor,
            path=path,
            stated_mpp=metadata.mpp,
            z_source=heights.source,
            associated=tuple(self._collection.pictures),
            remarks=(*self._collection.notes, *image.notes),
            mpp_remarks=(*unknown, *resolution.notes),
            z_remarks=heights.notes,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of level 0, px."""
        return self.level_shapes[0]

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        self._open()
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

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
