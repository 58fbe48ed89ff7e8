"""Separate files, one for each height of the stage, as one slide with z-planes.

Room: slides. A folder of fields as microscopes write them (``-3.bmp`` … ``9.bmp``), or files that
are given with their heights; each is read as a slide of its own is.
"""

import re
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import dask.array as da
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import NotASlideError, SlideNotFoundError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.associated import no_picture
from napari_focusqc.slides.canvas import lay_canvas
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.planes import rising
from napari_focusqc.slides.pyramid import build_pyramid
from napari_focusqc.slides.slide import Slide, SlideInfo, Source

MOST_PICTURE_BYTES = 1 << 32
"""Plain pictures stay decoded in memory; more of them are refused."""
LEAST_SHARE = 0.8
"""Sides of planes may differ down to this share of the longest; what all of them have is used."""
_HEIGHT = re.compile(r"([-+−]?\d{1,6}(?:\.\d{1,6})?)\s?([uµμ]m)?")


def open_plane_files(folder: Path, heights_um: Sequence[float] | None = None) -> "PlaneFiles":
    """Open the images of a folder as the planes of one slide; close it when done.

    Parameters
    ----------
    folder
        Images whose whole name is a height: ``-1.5um.png`` is one in µm, ``-3.bmp`` a step of
        unknown length. Other files in it are left alone.
    heights_um
        Height of each plane, µm, rising, in the order of the names' numbers; where they are given,
        any images may be in the folder if none is named by its height: then in the order of names.

    Raises
    ------
    SlideNotFoundError
        There is no such folder.
    NotASlideError
        It holds fewer than two planes, two of one height, planes that differ too much in size, or
        a file that cannot be read; or there are not as many heights as planes.
    """
    if not folder.is_dir():
        raise SlideNotFoundError(f"there is no folder {folder}; see whether the path is right")
    named = sorted(
        ((found, path) for path in folder.iterdir() if (found := _height(path)) is not None),
        key=lambda plane: plane[0],
    )
    paths = [path for _, path in named]
    heights = [z for (z, _), _ in named]
    known = bool(named) and all(is_um for (_, is_um), _ in named)
    if heights_um is not None:
        paths = paths or sorted(path for path in folder.iterdir() if path.is_file())
        return PlaneFiles(paths, heights_um, "given", folder.name)
    return PlaneFiles(paths, heights, "file" if known else None, folder.name)


def _height(path: Path) -> tuple[float, bool] | None:
    """Return the height that a file's name says, and whether in µm; None where it says none."""
    found = _HEIGHT.fullmatch(path.stem)
    if found is None or not path.suffix or not path.is_file():
        return None
    return float(found[1].replace("−", "-")), found[2] is not None


class PlaneFiles:
    """A `Slide` over one file for each plane.

    Parameters
    ----------
    paths
        The files, lowest first; each a slide with one plane, or a BMP.
    z_um
        Height of each, µm, rising; steps where `z_source` is None.
    z_source
        Where the heights are from; None for steps of unknown length.
    name
        What the stack is called.

    Raises
    ------
    NotASlideError
        As `open_plane_files`.
    """

    def __init__(
        self, paths: Sequence[Path], z_um: Sequence[float], z_source: Source | None, name: str
    ) -> None:
        _check_heights(z_um, len(paths), name)
        with ExitStack() as opened:
            self._planes: list[Slide] = []
            for path in paths:
                self._planes.append(_opened(path))
                opened.callback(self._planes[-1].close)
                _check_memory(self._planes, name)
            self.level_shapes = _common_shapes(self._planes, name)
            opened.pop_all()
        first = self._planes[0]
        self.name, self.shape, self.z_um = name, self.level_shapes[0], tuple(map(float, z_um))
        self.tile_shapes = first.tile_shapes[: len(self.level_shapes)]
        self.icc_profile = first.icc_profile
        alike = {plane.mpp for plane in self._planes} == {first.mpp}
        self.mpp = first.mpp if alike else None
        self.mpp_source = first.mpp_source if alike else None
        self.info = self._described(paths[0].parent, z_source)

    def _described(self, folder: Path, z_source: Source | None) -> SlideInfo:
        """Say what the planes are, with all that is doubtful."""
        first, remarks = self._planes[0].info, list(self._planes[0].info.remarks)
        if any(plane.shape != self.shape for plane in self._planes):
            height, width = self.shape
            remarks.append(
                f"its planes differ in size, and the top left {width} × {height} px that all have "
                "are used"
            )
        steps = f"its {len(self._planes)} planes are named by steps of unknown length; give it"
        return replace(
            first,
            format=f"{len(self._planes)} files, {first.format}",
            path=folder,
            z_source=z_source,
            associated=(),
            remarks=tuple(remarks),
            z_remarks=() if z_source else (steps,),
        )

    def pyramid(self, *, srgb: bool = False) -> list[da.Array]:
        """Return every level lazily; see `Slide.pyramid`."""
        recolour = srgb_recolour(self.icc_profile, self.name) if srgb else None
        return build_pyramid(self, recolour)

    def associated_image(self, name: str) -> NDArray[np.uint8]:
        """Refuse: a stack of files has none beside it; see `Slide.associated_image`."""
        raise no_picture(name, (), self.name)

    def read(
        self,
        region: Region,
        level: int = 0,
        z: int = 0,
        out: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Copy a region of one file; see `Slide.read`."""
        canvas = lay_canvas(self, region, level, z, out)
        canvas.target[...] = self._planes[z].read(canvas.inside, level)
        return canvas.out

    def close(self) -> None:
        """Close all files."""
        for plane in self._planes:
            plane.close()


def _check_heights(z_um: Sequence[float], planes: int, name: str) -> None:
    """Refuse what is no stack."""
    if planes < 2:
        raise NotASlideError(
            f"{name} holds {planes} images named by their height; a stack needs at least two, such "
            "as -1.png, 0.png, 1.png"
        )
    if len(z_um) != planes or not rising(z_um):
        raise NotASlideError(
            f"{name} has {planes} planes, but their heights are {', '.join(map(str, z_um))}; there "
            "must be one for each plane, rising"
        )


def _opened(path: Path) -> Slide:
    """Open one plane.

    Raises
    ------
    FocusQCError
        As `open_slide`; also where the file has several planes.
    """
    with path.open("rb") as file:
        bitmap = file.read(2) == b"BM"
    slide = _bitmap(path) if bitmap else open_slide(path)
    if len(slide.z_um) > 1:
        slide.close()
        raise NotASlideError(
            f"{path.name} has {len(slide.z_um)} planes itself; open it alone, not as one of a stack"
        )
    return slide


def _bitmap(path: Path) -> ArraySlide:
    """Decode a BMP.

    Raises
    ------
    NotASlideError
        It is damaged, or too large to be decoded whole.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("BMP",)) as image:
                return ArraySlide([np.asarray(image.convert("RGB"))], name=path.name)
    except (
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
    ) as error:
        raise NotASlideError(
            f"{path.name} begins as a BMP but cannot be read as one ({error}); copy it again"
        ) from error


def _check_memory(planes: Sequence[Slide], name: str) -> None:
    """Refuse plain pictures that would not fit in memory together."""
    plain = [plane.shape for plane in planes if plane.info.reader in ("pillow", "array")]
    if sum(3 * height * width for height, width in plain) > MOST_PICTURE_BYTES:
        raise NotASlideError(
            f"the pictures in {name} have more than {MOST_PICTURE_BYTES >> 30} GiB of pixels; "
            "convert them to tiled TIFF"
        )


def _common_shapes(planes: Sequence[Slide], name: str) -> tuple[tuple[int, int], ...]:
    """Return the levels that all planes have; where sizes differ, the part common to all.

    Raises
    ------
    NotASlideError
        Sizes differ by more than `LEAST_SHARE`.
    """
    if len({plane.level_shapes for plane in planes}) == 1:
        return planes[0].level_shapes
    heights, widths = zip(*(plane.shape for plane in planes), strict=True)
    if min(heights) < LEAST_SHARE * max(heights) or min(widths) < LEAST_SHARE * max(widths):
        raise NotASlideError(
            f"the planes of {name} measure {min(heights)} to {max(heights)} px down and "
            f"{min(widths)} to {max(widths)} px across; a stack shows one field in one size"
        )
    return ((min(heights), min(widths)),)
