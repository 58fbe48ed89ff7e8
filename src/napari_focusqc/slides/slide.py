"""What every slide can do, whichever library reads it.

Room: slides. The one contract between a file format and the rest of the house.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_focusqc.geometry import Region

Source = Literal["file", "given"]
"""Whether a length was read in the file or given by the user."""


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """What the file says of itself, for people to read.

    Parameters
    ----------
    format
        The kind of file in words, such as ``"Aperio SVS"``.
    reader
        The library that decodes it, such as ``"tifffile"`` or ``"openslide"``.
    compression
        The compression of level 0 in words, or None where it is not known.
    objective
        Nominal power of the objective, or None where the file is silent.
    vendor
        The scanner's maker, or None where the file is silent.
    path
        Where the file lies, or None for a slide in memory.
    stated_mpp
        µm/px of level 0 along (y, x) as the file states them, believed or not; None where it is
        silent.
    z_source
        Where the heights of the planes are from; None for a flat slide, and for planes of unknown
        heights, which count 0, 1, 2 …
    associated
        Names of the pictures that lie in the file beside the slide, such as ``"macro"``.
    remarks, mpp_remarks, z_remarks
        What a user should know of the pixels, of the µm/px and of the heights of the planes before
        relying on them, one sentence each.
    """

    format: str
    reader: str
    compression: str | None = None
    objective: float | None = None
    vendor: str | None = None
    path: Path | None = None
    stated_mpp: tuple[float, float] | None = None
    z_source: Source | None = None
    associated: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    mpp_remarks: tuple[str, ...] = ()
    z_remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """All that a user should know before relying on the slide, one sentence each."""
        return self.remarks + self.mpp_remarks + self.z_remarks


class Slide(Protocol):
    """An image pyramid that decodes only what is asked for.

    Attributes
    ----------
    name
        The file's name without its folder.
    shape
        (height, width) of level 0, px.
    level_shapes
        (height, width) of every stored level, px, level 0 first.
    tile_shapes
        (height, width) of what is decoded at once at each stored level, px: the file's own tiles,
        strips or chunks, laid from the level's corner.
    mpp
        Micrometres per pixel of level 0; None when the file is silent and none was given.
    mpp_source
        Whether `mpp` came from the file or from the user; None when there is none.
    z_um
        Height of each plane, µm, rising; ``(0.0,)`` for a flat slide.
    info
        What the file says of itself.
    icc_profile
        The scanner's colour profile, bytes; None where the file has none.
    """

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def level_shapes(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def tile_shapes(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def mpp(self) -> float | None: ...
    @property
    def mpp_source(self) -> Source | None: ...
    @property
    def z_um(self) -> tuple[float, ...]: ...
    @property
    def info(self) -> SlideInfo: ...
    @property
    def icc_profile(self) -> bytes | None: ...

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level as a lazy uint8 array, finest first, for looking only.

        Shape (H, W, 3), or (Z, H, W, 3) with more than one plane. The coarsest is at most
        1024 px on its longer side: levels the file lacks are computed. A tile that cannot be
        decoded is shown in flat grey.

        Parameters
        ----------
        srgb
            Turn the scanner's colours into sRGB by the file's own profile; `read` never does.

        Raises
        ------
        ColourProfileError
            `srgb` is asked for, but there is no profile or it is damaged.
        """
        ...

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Decode a picture that lies beside the slide; see `slides.associated` for who may see it.

        Parameters
        ----------
        name
            One of `info.associated`.

        Returns
        -------
        uint8, shape (H, W, 3), RGB.

        Raises
        ------
        AssociatedImageError
            There is none of this name, it is too large, or it cannot be decoded.
        """
        ...

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Decode a region; safe to call from several threads.

        Parameters
        ----------
        region
            In pixels *of that level*. What lies beyond the image is white.
        level
            0 is the finest.
        z
            Index of the plane in `z_um`.
        out
            Buffer to fill, uint8 (height, width, 3); a new one is made when None.

        Returns
        -------
        uint8, shape (height, width, 3), RGB; `out` where it was given.

        Raises
        ------
        RegionError
            The region lies wholly outside the level, or level or plane does not exist.
        UnreadableRegionError
            A compressed tile under the region cannot be decoded; nothing is promised of `out`.
        """
        ...

    def close(self) -> None:
        """Close the file; reading after that is an error."""
        ...
