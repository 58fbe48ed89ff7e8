"""A plain PNG or JPEG picture, one field of view, as a slide.

Room: slides. Pillow reads it, whole, the first time a pixel is asked for: such a file has no tiles.
"""

import warnings
from pathlib import Path
from threading import Lock

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import ClosedSlideError, NotASlideError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import no_picture
from napari_focusqc.slides.canvas import lay_canvas, on_white
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.pyramid import CHUNK_PX, build_pyramid
from napari_focusqc.slides.resolution import both_axes, settle_resolution, tag_mpp
from napari_focusqc.slides.slide import SlideInfo

_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_FORMATS = ("PNG", "JPEG")
_ENDINGS = (".png", ".jpg", ".jpeg")
_MODES = ("L", "LA", "P", "RGB", "RGBA")
_UM_PER_INCH = 25400.0
_ORIENTATION_TAG = 274
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = 5
"""From this Exif orientation on, height and width change places."""


def is_picture(path: Path) -> bool:
    """Say whether a file begins as a PNG or a JPEG does."""
    with path.open("rb") as file:
        return file.read(8).startswith(_STARTS)


class PictureSlide:
    """A `Slide` over a plain picture.

    Parameters
    ----------
    path
        A file for which `is_picture` is true.

    Raises
    ------
    NotASlideError
        It is damaged, too large to be decoded whole, or not 8-bit grey or colour.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._lock = Lock()
        self._closed = False
        self._pixels: NDArray[np.uint8] | None = None
        self._damage: str | None = None
        with _opened(path) as image:
            kind, turned = f"{image.format} picture", _orientation(image)
            sides = (image.height, image.width)
            dpi_x, dpi_y = image.info.get("dpi", (0.0, 0.0))
            profile = image.info.get("icc_profile")
        self.shape = sides[::-1] if turned >= _ON_ITS_SIDE else sides
        self.level_shapes = (self.shape,)
        self.tile_shapes = ((CHUNK_PX, CHUNK_PX),)
        self.z_um = (0.0,)
        self.icc_profile: bytes | None = profile if isinstance(profile, bytes) and profile else None
        stated = both_axes(*(tag_mpp(float(dpi), _UM_PER_INCH) for dpi in (dpi_y, dpi_x)))
        resolution = settle_resolution(stated, None, None)
        self.mpp, self.mpp_source = resolution.mpp, resolution.source
        self.info = SlideInfo(
            format=kind,
            reader="pillow",
            compression="deflate" if kind.startswith("PNG") else "JPEG",
            path=path,
            stated_mpp=stated,
            remarks=_remarks(path, kind, turned),
            mpp_remarks=resolution.notes,
        )

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Refuse: a picture has none beside it; see `Slide.associated_image`."""
        raise no_picture(name, (), self.name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Copy a region; see `Slide.read`."""
        canvas = lay_canvas(self, region, level, z, out)
        inside = canvas.inside
        pixels = self._decoded()
        canvas.target[...] = pixels[inside.y : inside.bottom, inside.x : inside.right]
        return canvas.out

    def _decoded(self) -> NDArray[np.uint8]:
        """Return all pixels, decoded once.

        Raises
        ------
        ClosedSlideError
            The slide was closed.
        UnreadableRegionError
            The picture is damaged, or gone.
        """
        with self._lock:
            if self._closed:
                raise ClosedSlideError(f"{self.name} was closed; open it again to read it")
            if self._pixels is None and self._damage is None:
                try:
                    with _opened(self._path) as image:
                        self._pixels = _rgb(image)
                except (NotASlideError, OSError, SyntaxError, ValueError) as error:
                    self._damage = str(error)
            if self._pixels is None:
                raise UnreadableRegionError(
                    f"{self.name} cannot be decoded ({self._damage}); it counts as unreadable"
                )
            return self._pixels

    def close(self) -> None:
        """Let go of the pixels."""
        with self._lock:
            self._closed, self._pixels = True, None


def _opened(path: Path) -> Image.Image:
    """Open a picture and read its header.

    Raises
    ------
    NotASlideError
        It is damaged, too large to be decoded whole, or not 8-bit grey or colour.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise NotASlideError(
            f"{path.name} has more than {Image.MAX_IMAGE_PIXELS or 0:,} px, too many for a plain "
            "picture; convert it to a tiled TIFF"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise NotASlideError(
            f"{path.name} begins as a picture but cannot be read as one ({error}); copy it again"
        ) from error
    mode = image.tile[0].args if image.tile else image.mode
    if image.mode not in _MODES or "16" in str(mode):
        image.close()
        raise NotASlideError(
            f"the pixels of {path.name} are {image.mode} ({mode}); a slide needs 8-bit colour or "
            "grey"
        )
    return image


def _remarks(path: Path, kind: str, turned: int) -> tuple[str, ...]:
    """Return what a user should know of how the picture is read."""
    remarks = []
    if turned in _TURNS:
        remarks.append("it is turned as its Exif tag says")
    if path.suffix.lower() not in _ENDINGS:
        remarks.append(f"its name ends in “{path.suffix}”, but it is a {kind}")
    return tuple(remarks)


def _orientation(image: Image.Image) -> int:
    """Return the Exif orientation in a picture's header, 1 to 8; decodes nothing."""
    exif = Image.Exif()
    exif.load(image.info.get("exif", b""))
    found = exif.get(_ORIENTATION_TAG)
    return found if found in _TURNS else 1


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Decode a picture upright and on white, uint8 (H, W, 3)."""
    turn = _TURNS.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    if "A" in image.mode or "transparency" in image.info:
        return on_white(np.asarray(upright.convert("RGBA")))
    return np.asarray(upright.convert("RGB"))
