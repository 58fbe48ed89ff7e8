"""An array, or a list of them, as a slide.

Room: slides. For images that another reader has opened (a napari layer, a dask pyramid) and for
`score_image`.
"""

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import ClosedSlideError, EmptyLevelError, NotASlideError
from napari_focusqc.geometry import Region, levels_shrink
from napari_focusqc.slides.associated import no_picture
from napari_focusqc.slides.canvas import lay_canvas, on_white
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.planes import rising
from napari_focusqc.slides.pyramid import CHUNK_PX, build_pyramid
from napari_focusqc.slides.resolution import checked_mpp
from napari_focusqc.slides.slide import SlideInfo, Source


class ArraySlide:
    """A `Slide` over arrays that already exist: numpy, dask, or stored ones such as zarr's.

    Parameters
    ----------
    levels
        One array or a list of them, finest first. uint8, each of shape (H, W, 3), (H, W, 4)
        (alpha is laid on white), (H, W) (grey), or (Z, H, W, 3) for a stack of planes.
    mpp
        Micrometres per pixel of the finest level, or None.
    name
        What the slide is called.
    z_um
        Height of each plane, µm, rising; for a stack without heights the planes count 0, 1, 2 …

    Raises
    ------
    NotASlideError
        The dtype is not uint8, or the shapes are no pyramid.
    EmptyLevelError
        A level has no pixels.
    SettingsError
        `mpp` is out of range.
    """

    def __init__(
        self,
        levels: Any,
        mpp: float | None = None,
        name: str = "image",
        z_um: Sequence[float] | None = None,
    ) -> None:
        arrays = list(levels) if isinstance(levels, Sequence) else [levels]
        self.name = name
        self._levels: list[Any] | None = [_planes_first(level, name) for level in arrays]
        self.level_shapes = _level_shapes(self._levels, name)
        self.tile_shapes = ((CHUNK_PX, CHUNK_PX),) * len(arrays)
        self.mpp = None if mpp is None else checked_mpp(mpp)
        self.z_um = _heights(self._levels[0].shape[0], z_um, name)
        self._z_source: Source | None = None if z_um is None else "given"

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the finest level, px."""
        return self.level_shapes[0]

    @property
    def mpp_source(self) -> Source | None:
        """``"given"``, or None without µm/px."""
        return None if self.mpp is None else "given"

    @property
    def info(self) -> SlideInfo:
        """What is known of an array: no file, no compression."""
        return SlideInfo(format="array in memory", reader="array", z_source=self._z_source)

    @property
    def icc_profile(self) -> bytes | None:
        """An array has no colour profile."""
        return None

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Refuse: an array has no pictures beside it; see `Slide.associated_image`."""
        raise no_picture(name, (), self.name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Copy (or compute) a region; see `Slide.read`."""
        arrays = self._levels
        if arrays is None:
            raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
        canvas = lay_canvas(self, region, level, z, out)
        inside = canvas.inside
        pixels = np.asarray(
            arrays[level][z, inside.y : inside.bottom, inside.x : inside.right], np.uint8
        )
        canvas.target[...] = on_white(pixels) if pixels.shape[-1] == 4 else pixels
        return canvas.out

    def close(self) -> None:
        """Let go of the arrays."""
        self._levels = None


def _planes_first(level: Any, name: str) -> Any:
    """Return the level as (Z, H, W, 1, 3 or 4), a view.

    Raises
    ------
    NotASlideError
        The dtype or the shape is not one a slide can have.
    """
    array = level
    if not isinstance(level, da.Array | np.ndarray):
        array = da.from_array(level)  # type: ignore[no-untyped-call]
    if array.dtype != np.uint8:
        raise NotASlideError(f"{name} is {array.dtype}; a slide needs 8-bit colour or grey (uint8)")
    if array.ndim == 2:
        return array[None, :, :, None]
    if array.ndim == 3 and array.shape[-1] in (3, 4):
        return array[None]
    if array.ndim == 4 and array.shape[-1] in (3, 4):
        return array
    raise NotASlideError(
        f"{name} has the shape {tuple(array.shape)}; a slide is (H, W), (H, W, 3), (H, W, 4) or "
        "(Z, H, W, 3)"
    )


def _level_shapes(levels: list[Any], name: str) -> tuple[tuple[int, int], ...]:
    """Return (height, width) of every level.

    Raises
    ------
    NotASlideError
        There is no level, or the levels do not shrink or differ in their planes.
    EmptyLevelError
        A level has no pixels.
    """
    if not levels:
        raise NotASlideError(f"{name} has no level; give at least one array")
    shapes = tuple((int(level.shape[1]), int(level.shape[2])) for level in levels)
    for number, (height, width) in enumerate(shapes):
        if min(height, width, levels[number].shape[0]) == 0:
            raise EmptyLevelError(
                f"level {number} of {name} is {height} × {width} px; every level needs pixels"
            )
    if not levels_shrink(shapes) or len({level.shape[0] for level in levels}) > 1:
        raise NotASlideError(
            f"the arrays of {name} are no pyramid; give levels with the same planes, finest first"
        )
    return shapes


def _heights(planes: int, z_um: Sequence[float] | None, name: str) -> tuple[float, ...]:
    """Return the height of every plane, µm.

    Raises
    ------
    NotASlideError
        The heights given are not one per plane, rising.
    """
    if z_um is None:
        return tuple(float(plane) for plane in range(planes))
    heights = tuple(float(z) for z in z_um)
    if len(heights) != planes or not rising(heights):
        raise NotASlideError(
            f"{name} has {planes} planes but the heights {heights}; give one per plane, rising"
        )
    return heights
