"""The pictures that lie in a TIFF file beside the slide: thumbnail, macro, label.

Room: slides. Read through tifffile, one at a time and only when asked for.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from napari_focusqc.errors import AssociatedImageError
from napari_focusqc.slides.associated import check_picture_size, no_picture
from napari_focusqc.slides.tiff_directory import DAMAGED


def associated_series(tiff: TiffFile) -> dict[str, TiffPageSeries]:
    """Return the 8-bit grey or RGB series beside the first one that have a name of their own.

    Parameters
    ----------
    tiff
        The open file.

    Returns
    -------
    By name in lower case, as OpenSlide writes them.
    """
    found: dict[str, TiffPageSeries] = {}
    for series in tiff.series[1:]:
        flat = series.dtype == np.uint8 and series.axes in ("YX", "YXS") and len(series.pages) == 1
        if flat and series.name:
            found.setdefault(series.name.strip().lower(), series)
    return found


def read_associated(path: Path, name: str) -> NDArray[np.uint8]:
    """Decode one picture.

    Parameters
    ----------
    path
        The TIFF file.
    name
        One of `associated_series`.

    Returns
    -------
    uint8, shape (H, W, 3), RGB.

    Raises
    ------
    AssociatedImageError
        There is none of this name, it is too large, or it cannot be decoded.
    """
    try:
        with TiffFile(path) as tiff:
            found = associated_series(tiff)
            if name not in found:
                raise no_picture(name, tuple(found), path.name)
            height, width, *_ = found[name].shape
            check_picture_size(name, (height, width), path.name)
            pixels = found[name].asarray()
    except AssociatedImageError:
        raise
    except DAMAGED as error:
        raise AssociatedImageError(
            f"the picture “{name}” of {path.name} cannot be decoded ({error})"
        ) from error
    colour: NDArray[np.uint8] = pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
    return colour[..., :3]
