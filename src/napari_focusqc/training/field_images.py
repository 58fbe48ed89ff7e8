"""Images as fields: told from labels, read whole, made smaller.

Room: training. Plain pictures come through Pillow, slides and TIFF through the slides room.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import TrainingError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles.grid import model_shape
from napari_focusqc.tiles.resample import area_average, source_span

MAX_FIELD_PX = 1 << 26
"""A larger image is refused: fields are held in memory."""

_SLIDES = frozenset({".tif", ".tiff", ".svs", ".ndpi"})
SUFFIXES = _SLIDES | {".png", ".jpg", ".jpeg", ".bmp"}
"""Endings of what may be a field."""


def is_rgb(path: Path) -> bool:
    """Tell fields from label images, which are grey; a slide is asked only when it is read.

    Raises
    ------
    TrainingError
        The image is damaged or too large.
    """
    if path.suffix.lower() in _SLIDES:
        return True
    with _plain_image(path) as image:
        return image.mode in ("RGB", "RGBA")


def read_image(path: Path) -> tuple[NDArray[np.uint8], float | None]:
    """Decode an image.

    Returns
    -------
    uint8 (H, W, 3), RGB, and the µm/px its file gives, or None.

    Raises
    ------
    FocusQCError
        `TrainingError` for a plain image that is damaged or too large, what `open_slide` and
        `Slide.read` raise for the others.
    """
    if path.suffix.lower() in _SLIDES:
        slide = open_slide(path)
        try:
            _check_size(path, *slide.shape)
            return slide.read(Region(0, 0, *slide.shape)), slide.mpp
        finally:
            slide.close()
    with _plain_image(path) as image:
        return np.array(image.convert("RGB"), np.uint8), None


def shrink(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Area-average uint8 (H, W, 3) by a factor of at least 1; a remainder is left out."""
    height, width = model_shape((pixels.shape[0], pixels.shape[1]), factor)
    bottom, right = source_span(0, height, factor)[1], source_span(0, width, factor)[1]
    return area_average(pixels[:bottom, :right], factor, (0, 0), (height, width))


@contextmanager
def _plain_image(path: Path) -> Iterator[Image.Image]:
    """Open an image with Pillow; what it raises, here and while decoding, becomes ours."""
    try:
        with Image.open(path) as image:
            _check_size(path, image.height, image.width)
            yield image
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingError(
            f"{path} cannot be read as an image ({error}); replace it or take it away"
        ) from error


def _check_size(path: Path, height: int, width: int) -> None:
    if height * width > MAX_FIELD_PX:
        raise TrainingError(
            f"{path} is {height} × {width} px; cut it into fields of at most "
            f"{MAX_FIELD_PX >> 20} megapixels"
        )
