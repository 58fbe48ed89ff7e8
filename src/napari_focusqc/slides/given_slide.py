"""A slide whose µm/px, or whose distance of planes, the user gave after it was opened.

Room: slides. The pixels stay those of the slide behind it; only lengths and their notes differ.
"""

from dataclasses import replace

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.geometry import Region
from napari_focusqc.slides.planes import Heights, settle_heights
from napari_focusqc.slides.resolution import Resolution, settle_resolution
from napari_focusqc.slides.slide import Slide, SlideInfo, Source


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
    info, resolution, heights = slide.info, _resolution(slide), _heights(slide)
    outdated: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    if mpp is not None:
        outdated += resolution.notes
        resolution = settle_resolution(info.stated_mpp, mpp, info.objective)
        fresh += resolution.notes
    if z_step_um is not None:
        outdated += heights.notes
        heights = settle_heights(len(slide.z_um), None, z_step_um, slide.name)
    notes = (*(note for note in info.notes if note not in outdated), *fresh)
    origin = slide.origin if isinstance(slide, GivenSlide) else slide
    return GivenSlide(origin, resolution, heights, notes)


class GivenSlide:
    """A `Slide` that reads another's pixels; made by `with_given`.

    Parameters
    ----------
    origin
        The slide as it was opened.
    resolution, heights
        The lengths it has now.
    notes
        What a user should know of it now, one sentence each.
    """

    def __init__(
        self, origin: Slide, resolution: Resolution, heights: Heights, notes: tuple[str, ...]
    ) -> None:
        self.origin = origin
        self.name = origin.name
        self.shape = origin.shape
        self.level_shapes = origin.level_shapes
        self.mpp = resolution.mpp
        self.mpp_source: Source | None = resolution.source
        self.z_um = heights.z_um
        self.icc_profile = origin.icc_profile
        self.info: SlideInfo = replace(origin.info, z_source=heights.source, notes=notes)

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


def _resolution(slide: Slide) -> Resolution:
    """Return the µm/px a slide has, with the notes that belong to it."""
    given = slide.mpp if slide.mpp_source == "given" else None
    notes = settle_resolution(slide.info.stated_mpp, given, slide.info.objective).notes
    return Resolution(slide.mpp, slide.mpp_source, notes)


def _heights(slide: Slide) -> Heights:
    """Return the heights of a slide's planes, with the notes that belong to them."""
    source = slide.info.z_source
    notes = settle_heights(len(slide.z_um), None, None, slide.name).notes if source is None else ()
    return Heights(slide.z_um, source, notes)
