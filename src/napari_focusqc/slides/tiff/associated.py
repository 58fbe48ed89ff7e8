"""The pictures that lie in a TIFF file beside the slide: thumbnail, macro, label.

Room: slides. Decoded as a level of the slide is, one at a time and only when asked for.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import AssociatedImageError, FocusQCError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import check_picture_size, no_picture
from napari_focusqc.slides.tiff.directory import DAMAGED
from napari_focusqc.slides.tiff.layout import level_of
from napari_focusqc.slides.tiff.ome import ome_root
from napari_focusqc.slides.tiff.reading import TiffPixels
from napari_focusqc.slides.tiff.series import open_tiff, picture_series


def read_associated(path: Path, name: str) -> NDArray[np.uint8]:
    """Decode one picture.

    Parameters
    ----------
    path
        The TIFF file, which was opened as a slide.
    name
        One of `picture_series`.

    Returns
    -------
    uint8, shape (H, W, 3), RGB.

    Raises
    ------
    AssociatedImageError
        There is none of this name, it is too large, or it cannot be decoded.
    """
    try:
        with open_tiff(path) as tiff:
            ome_root(tiff, path.name)
            found = picture_series(tiff)
            if name not in found:
                raise no_picture(name, tuple(found), path.name)
            page = found[name].keyframe
            shape = (int(page.imagelength), int(page.imagewidth))
            check_picture_size(name, shape, path.name)
            level = level_of(tiff, found[name], path)
        out = np.empty((*shape, 3), np.uint8)
        TiffPixels(path).fill(out, Region(0, 0, *shape), level)
    except AssociatedImageError:
        raise
    except (FocusQCError, *DAMAGED) as error:
        raise AssociatedImageError(
            f"the picture “{name}” of {path.name} cannot be decoded ({error}); leave it out"
        ) from error
    return out
