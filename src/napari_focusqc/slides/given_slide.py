"""A slide whose µm/px, or whose distance of planes, the user gave after it was opened.

Room: slides. The pixels stay those of the slide behind it; only lengths and their notes differ.
"""

from dataclasses import replace

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.geometry import Region
from napari_focusqc.slides.planes import settle_heights
from napari_focusqc.slides.resolution import settle_resolution
from napari_focusqc.slides.slide import Slide


def with_given(slide: Slide, *, mpp: float | None = None, z_step_um: float | None = None) -> Slide:
    """Return the slide with the lengths that the user gives; nothing is opened or decoded.

    Parameters
    ----------
    slide
        Open; the two share its file, and closing either closes both.
    mpp
        Micrometres per pixel of level 0, 0.01 to 100; None leaves what is known.
    z_step_um
        Distance of neighbouring planes, µm, above 0; None leaves what is known.

    Raises
    ------
    SettingsError
        `mpp` or `z_step_um` is out of range, or a flat slide is given a `z_step_um`.
    """
    origin = slide.origin if isinstance(slide, GivenSlide) else slide
    given = GivenSlide(origin, slide)
    if mpp is not None:
        resolution = settle_resolution(slide.info.stated_mpp, mpp, slide.info.objective)
        given.mpp, given.mpp_source = resolution.mpp, resolution.source
        given.info = replace(given.info, mpp_remarks=resolution.notes)
    if z_step_um is not None:
        heights = settle_heights(len(slide.z_um), None, z_step_um, slide.name)
        given.z_um = heights.z_um
        given.info = replace(given.info, z_source=heights.source, z_remarks=heights.notes)
    return given


class GivenSlide:
    """A `Slide` that reads another's pixels; made by `with_given`.

    Parameters
    ----------
    origin
        The slide as it was opened.
    lengths
        The slide whose lengths it has until others are given.
    """

    def __init__(self, origin: Slide, lengths: Slide) -> None:
        self.origin = origin
        self.name = origin.name
        self.shape = origin.shape
        self.level_shapes = origin.level_shapes
        self.tile_shapes = origin.tile_shapes
        self.icc_profile = origin.icc_profile
        self.info = lengths.info
        self.mpp = lengths.mpp
        self.mpp_source = lengths.mpp_source
        self.z_um = lengths.z_um

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        return self.origin.pyramid(srgb=srgb)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture beside the slide; see `Slide.associated_image`."""
        return self.origin.associated_image(name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; see `Slide.read`."""
        return self.origin.read(region, level, z, out)

    def close(self) -> None:
        """Close the file of the slide behind it."""
        self.origin.close()
