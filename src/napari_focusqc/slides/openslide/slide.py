"""A file that OpenSlide reads, as a slide: NDPI, DICOM, MRXS, SCN, BIF and others.

Room: slides. OpenSlide's (x, y) and level-0 coordinates are turned round here and nowhere else.
"""

from pathlib import Path
from threading import Lock

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from openslide import OpenSlide, OpenSlideError

from napari_focusqc.errors import (
    AssociatedImageError,
    ClosedSlideError,
    EmptyLevelError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import check_picture_size, no_picture
from napari_focusqc.slides.canvas import lay_canvas, on_white
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.openslide.handle import open_handle, read_profile
from napari_focusqc.slides.openslide.unseen_planes import stated_planes, unseen_planes_note
from napari_focusqc.slides.openslide.vendor_tiff import read_vendor_tiff
from napari_focusqc.slides.openslide.vendor_words import vendor_words
from napari_focusqc.slides.pyramid import CHUNK_PX, build_pyramid
from napari_focusqc.slides.resolution import as_number, both_axes, settle_resolution
from napari_focusqc.slides.slide import SlideInfo

BLOCK_PX = 2048
"""Regions are fetched in blocks of at most this side, which bounds OpenSlide's own buffers."""


class OpenSlideSlide:
    """A `Slide` over OpenSlide.

    An error makes an OpenSlide handle refuse everything after it, so the handle is replaced and
    only the region that caused the error is lost.

    OpenSlide takes the place of a region in whole level-0 pixels. On a level whose size is no
    whole fraction of level 0 it therefore interpolates, by less than half a level-0 pixel; level 0
    and levels of a whole fraction are exact.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    NotASlideError, TruncatedSlideError
        See `open_handle`.
    EmptyLevelError
        A level has no pixels.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._lock = Lock()
        handle, self._file = open_handle(path)
        self._handle: OpenSlide | None = handle
        self.level_shapes = tuple((height, width) for width, height in handle.level_dimensions)
        if min(min(shape) for shape in self.level_shapes) < 1:
            raise EmptyLevelError(f"a level of {path.name} has no pixels; export it again")
        self._downsamples = tuple(float(factor) for factor in handle.level_downsamples)
        self._properties = dict(handle.properties)
        self.tile_shapes = tuple(self._tile(level) for level in range(len(self.level_shapes)))
        self._associated = tuple(handle.associated_images)
        self.icc_profile, odd = read_profile(handle, self._properties)
        self.z_um = (0.0,)  # it knows one plane
        stated = both_axes(self._number("openslide.mpp-y"), self._number("openslide.mpp-x"))
        objective = self._number("openslide.objective-power")
        resolution = settle_resolution(stated, None, objective)
        self.mpp, self.mpp_source = resolution.mpp, resolution.source
        words, tiff = vendor_words(self._properties), read_vendor_tiff(path)
        unseen = unseen_planes_note(max(stated_planes(self._properties), tiff.planes))
        self.info = SlideInfo(
            format=words.format,
            reader="openslide",
            compression=words.compression or tiff.compression,
            objective=objective,
            vendor=words.vendor,
            path=path,
            stated_mpp=stated,
            associated=self._associated,
            remarks=tuple(note for note in (unseen, odd) if note),
            mpp_remarks=resolution.notes,
        )

    def _number(self, key: str) -> float | None:
        """Return a property as a number, or None."""
        return as_number(self._properties.get(key))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of level 0, px."""
        return self.level_shapes[0]

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture beside the slide; see `Slide.associated_image`."""
        self._open_handle()
        if name not in self._associated:
            raise no_picture(name, self._associated, self.name)
        sides = [
            self._number(f"openslide.associated.{name}.{side}") for side in ("height", "width")
        ]
        check_picture_size(name, (int(sides[0] or 0), int(sides[1] or 0)), self.name)
        try:
            with OpenSlide(self._file) as handle:  # its own: an error must not break the slide's
                return on_white(np.asarray(handle.associated_images[name].convert("RGBA")))
        except OpenSlideError as error:
            raise AssociatedImageError(
                f"the picture “{name}” of {self.name} cannot be decoded ({error}); leave it out"
            ) from error

    def _tile(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a level's tiles, px; a chunk's where OpenSlide is silent."""
        height = self._number(f"openslide.level[{level}].tile-height")
        width = self._number(f"openslide.level[{level}].tile-width")
        return int(height or CHUNK_PX), int(width or CHUNK_PX)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; see `Slide.read`."""
        self._open_handle()
        canvas = lay_canvas(self, region, level, z, out)
        inside = canvas.inside
        for y in range(0, inside.height, BLOCK_PX):
            for x in range(0, inside.width, BLOCK_PX):
                place = canvas.target[y : y + BLOCK_PX, x : x + BLOCK_PX]
                block = Region(inside.y + y, inside.x + x, place.shape[0], place.shape[1])
                place[...] = on_white(self._pixels(block, level))
        return canvas.out

    def _open_handle(self) -> OpenSlide:
        """Return the handle.

        Raises
        ------
        ClosedSlideError
            The slide was closed.
        """
        handle = self._handle
        if handle is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        return handle

    def _pixels(self, block: Region, level: int) -> NDArray[np.uint8]:
        """Return straight RGBA of a block, on a fresh handle where the shared one has failed.

        Raises
        ------
        UnreadableRegionError
            A fresh handle cannot decode it either.
        """
        handle = self._open_handle()
        try:
            return self._fetch(handle, block, level)
        except OpenSlideError:
            # The error may be another thread's: only a handle of our own can tell.
            fresh = self._replaced(handle)
        try:
            return self._fetch(fresh, block, level)
        except OpenSlideError as error:
            raise UnreadableRegionError(
                f"the region at y {block.y}, x {block.x} px of level {level} of {self.name} cannot "
                f"be decoded ({error}); it counts as unreadable"
            ) from error

    def _replaced(self, broken: OpenSlide) -> OpenSlide:
        """Put a new handle in place of a broken one, and return another for this thread alone.

        The broken handle closes when the last thread reading from it lets go.

        Raises
        ------
        UnreadableRegionError
            The file can no longer be opened.
        """
        try:
            with self._lock:
                if self._handle is broken:
                    self._handle = OpenSlide(self._file)
            return OpenSlide(self._file)
        except OpenSlideError as error:
            raise UnreadableRegionError(
                f"{self.name} can no longer be opened ({error}); see whether the file is there"
            ) from error

    def _fetch(self, handle: OpenSlide, block: Region, level: int) -> NDArray[np.uint8]:
        """Return straight RGBA of a block, uint8 (height, width, 4)."""
        scale = self._downsamples[level]
        corner = (round(block.x * scale), round(block.y * scale))
        return np.asarray(handle.read_region(corner, level, (block.width, block.height)))

    def close(self) -> None:
        """Close the file once the reads in flight are done."""
        with self._lock:
            self._handle = None
