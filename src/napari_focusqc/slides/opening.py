"""From a path to a slide, or to one sentence why not.

Room: slides. The only place that chooses a reader.
"""

import os
from pathlib import Path

from openslide import OpenSlide

from napari_focusqc.errors import NotASlideError, SettingsError, SlideNotFoundError
from napari_focusqc.slides.given_slide import with_given
from napari_focusqc.slides.openslide.mirax_folder import MIRAX, is_mirax
from napari_focusqc.slides.openslide.slide import OpenSlideSlide
from napari_focusqc.slides.picture_slide import PictureSlide, is_picture
from napari_focusqc.slides.slide import Slide
from napari_focusqc.slides.tiff.directory import check_directories, is_tiff
from napari_focusqc.slides.tiff.layout import is_decodable
from napari_focusqc.slides.tiff.slide import TiffSlide
from napari_focusqc.slides.zarr.folder import is_zarr, zarr_folder
from napari_focusqc.slides.zarr.slide import ZarrSlide

_PLAIN_TIFF = {None, "aperio", "generic-tiff"}
"""What OpenSlide calls a TIFF without a dialect of its own; the others place their tiles in ways
that only OpenSlide knows (Hamamatsu, Leica, Philips, Trestle, Ventana)."""


def open_slide(
    path: str | Path, *, mpp: float | None = None, z_step_um: float | None = None
) -> Slide:
    """Open a whole-slide image; nothing is decoded yet. Close it when done.

    Parameters
    ----------
    path
        SVS, OME-TIFF or another TIFF (read through tifffile), or whatever else OpenSlide reads:
        NDPI, DICOM, MRXS, SCN, BIF …; or the folder of an OME-Zarr image.
    mpp
        Micrometres per pixel of level 0, 0.01 to 100; used instead of what the file says.
    z_step_um
        Distance of neighbouring planes of a z-stack, µm, above 0; used instead of what the file
        says.

    Raises
    ------
    SlideNotFoundError
        There is no such file.
    NotASlideError
        Nothing here reads it, with the reader's own words; or its pixels are not 8-bit RGB or grey.
    TruncatedSlideError
        It ends before the data its directory promises.
    EmptyLevelError
        A level is zero pixels high or wide.
    SettingsError
        `mpp` or `z_step_um` is out of range, or a flat slide is given a `z_step_um`.
    """
    slide = _opened(zarr_folder(Path(path)))
    if mpp is None and z_step_um is None:
        return slide
    try:
        return with_given(slide, mpp=mpp, z_step_um=z_step_um)
    except SettingsError:
        slide.close()
        raise


def _opened(path: Path) -> Slide:
    """Open a slide as its file describes it."""
    if is_zarr(path):
        return ZarrSlide(path)
    _check_file(path)
    vendor = MIRAX if is_mirax(path) else OpenSlide.detect_format(path)
    if vendor is None and is_picture(path):
        return PictureSlide(path)
    if is_tiff(path) and vendor in _PLAIN_TIFF:
        check_directories(path)
        # A compression that is not decoded here may be known to OpenSlide (Aperio's 33003 is).
        if vendor is None or is_decodable(path):
            return TiffSlide(path)
    elif vendor is None:
        raise NotASlideError(
            f"{path.name} is no slide that can be read here; "
            "give an SVS, TIFF, OME-TIFF, OME-Zarr, NDPI, MRXS, SCN, BIF, DICOM, PNG or JPEG file"
        )
    return OpenSlideSlide(path)


def _check_file(path: Path) -> None:
    """Refuse a path that leads to no readable file.

    Raises
    ------
    SlideNotFoundError
        There is nothing.
    NotASlideError
        It is a folder, empty, or may not be read.
    """
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where a name is too long
        raise SlideNotFoundError(f"there is no file {path}; see whether the path is right")
    if not path.is_file():
        raise NotASlideError(
            f"{path} is no file, and no OME-Zarr folder either; give the slide's file itself"
        )
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise NotASlideError(
            f"{path} cannot be read ({error.strerror}); see whether you may read it"
        ) from error
    if empty:
        raise NotASlideError(f"{path.name} is empty (0 bytes); copy it again")
