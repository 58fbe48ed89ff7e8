"""Semi-synthetic crops: sharp fields blurred by a known amount, then noise and JPEG.

Room: training. The classes and the order of the steps are ConvFocus's [1]_. What differs, and why:

- Poisson's S is drawn on a logarithmic scale between 0.0005 and 0.02 grey levels (0…255), the
  range found in the flattest parts of real fields (MoNuSeg, DSB 2018, OS-1: a standard deviation
  of 0.3 to 1.8 grey levels after JPEG). The paper's range, read in 16-bit levels, is 0.00004 to
  0.25; a minimum over a tile sees little but the few wildest pixels of its noisier half.
- Every crop gets a stain of its own: hue turned about the grey axis, saturation, contrast and
  brightness, before the blur, as a microscope would see another stain.
- Every field enters in three sizes: nuclei differ in size, and a few dozen fields show few.
- JPEG's grid of 8 px lies anywhere on the crop.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019,
   “Semi-synthetic training data”.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.optics.camera import degrade
from napari_focusqc.optics.classes import OOF_CLASSES, radius_range
from napari_focusqc.optics.kernels import bokeh_kernel
from napari_focusqc.progress import Progress
from napari_focusqc.tiles.structure import MIN_STRUCTURE, has_structure
from napari_focusqc.training.field_images import shrink
from napari_focusqc.training.fields import Field

NOISE_SCALE = (0.0005, 0.02)
"""Poisson's S, grey levels 0…255; drawn on a logarithmic scale."""
JPEG_QUALITY = (70, 90)
JPEG_GRID_PX = 8
HUE_TURN = np.pi / 2
"""Largest turn of the hue, radians."""
SATURATION, CONTRAST, BRIGHTNESS = (0.5, 1.5), (0.7, 1.25), 20.0
SMALLER = (1.25, 1.5)
"""Every field also enters area-averaged by these factors."""
TRIES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Blurred crops with the blur they were given.

    Parameters
    ----------
    images
        uint8 (N, tile, tile, 3), RGB.
    classes
        int64 (N,), out-of-focus class 0 to 29, each as often as the others to within one.
    radius_um
        float32 (N,), radius of the blur disk, µm.
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]
    radius_um: NDArray[np.float32]


def in_three_sizes(fields: Sequence[Field], tile_px: int) -> tuple[Field, ...]:
    """Add copies of fields, area-averaged by `SMALLER`, where they still hold a tile."""
    copies = [
        replace(field, pixels=shrink(field.pixels, factor))
        for factor in SMALLER
        for field in fields
        if min(field.pixels.shape[:2]) / factor >= tile_px
    ]
    return (*fields, *copies)


def make_crops(
    fields: Sequence[Field], count: int, mpp: float, tile_px: int, seed: int
) -> Generator[Progress[None], None, Crops]:
    """Draw crops from fields, each field as often as its area asks.

    Parameters
    ----------
    fields
        Sharp fields at `mpp`, all at least `tile_px` wide and high.
    count
        Number of crops.
    mpp
        µm/px; a class keeps its radius in µm.
    tile_px
        Side of a crop, px.
    seed
        The same seed gives the same crops.

    Raises
    ------
    TrainingError
        There are no fields, or nothing in them has structure.
    """
    places = Places(fields, mpp, tile_px)
    rng = np.random.default_rng(seed)
    crops = Crops(
        np.empty((count, tile_px, tile_px, 3), np.uint8),
        rng.permutation(np.arange(count) % OOF_CLASSES),
        np.empty(count, np.float32),
    )
    for i, oof_class in enumerate(crops.classes):
        radius_px = rng.uniform(*radius_range(int(oof_class), mpp))
        field, at = places.draw(rng)
        crops.images[i] = blurred_crop(field.pixels, at, tile_px, radius_px, rng)
        crops.radius_um[i] = radius_px * mpp
        if i % 100 == 99 or i + 1 == count:
            yield Progress(i + 1, count, "blurring crops")
    return crops


def blurred_crop(
    field: NDArray[np.uint8],
    at: tuple[int, int],
    tile_px: int,
    radius_px: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Cut a crop as a microscope out of focus would have seen it.

    Blur reaches into the crop from around it, as far as the field goes; beyond, the field is
    continued by reflection.

    Parameters
    ----------
    field
        uint8 (H, W, 3).
    at
        (y, x) of the crop's corner, px.
    tile_px
        Its side.
    radius_px
        Radius of the blur disk.
    rng
        For stain, noise, JPEG quality and grid, and one of the eight turns of the square.

    Returns
    -------
    uint8 (tile, tile, 3), a view.
    """
    kernel = bokeh_kernel(radius_px)
    reach = kernel.shape[0] // 2
    before = reach + rng.integers(JPEG_GRID_PX, size=2)
    top, left = max(at[0] - int(before[0]), 0), max(at[1] - int(before[1]), 0)
    window = field[top : at[0] + tile_px + reach, left : at[1] + tile_px + reach]
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1))
    scale = float(np.exp(rng.uniform(*np.log(NOISE_SCALE))))
    seen = degrade(other_stain(window, rng), kernel, scale, quality, rng)
    y, x = at[0] - top, at[1] - left
    crop: NDArray[np.uint8] = np.rot90(seen[y : y + tile_px, x : x + tile_px], int(rng.integers(4)))
    return crop[::-1] if rng.integers(2) else crop


def other_stain(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Turn the hue, change saturation, contrast and brightness at random; greys stay grey.

    Parameters
    ----------
    image
        uint8 (H, W, 3).
    rng
        Where the randomness comes from.

    Returns
    -------
    float32 (H, W, 3), grey levels clipped to 0…255.
    """
    turn, saturation = rng.uniform(-HUE_TURN, HUE_TURN), rng.uniform(*SATURATION)
    contrast, brightness = rng.uniform(*CONTRAST), rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    grey = np.full((3, 3), 1 / 3)
    # Rodrigues' formula about (1, 1, 1): the part along the axis is kept, the rest is turned.
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    colour = grey + saturation * (np.cos(turn) * (np.eye(3) - grey) + np.sin(turn) * cross)
    middle = image.mean(axis=(0, 1))
    changed = (image - middle) @ (contrast * colour).T + colour @ middle + brightness
    return np.asarray(np.clip(changed, 0, 255), np.float32)


class Places:
    """Corners in fields where a crop shows structure, each field as often as its area asks.

    Parameters
    ----------
    fields, mpp, tile_px
        As for `make_crops`.

    Raises
    ------
    TrainingError
        There are no fields.
    """

    def __init__(self, fields: Sequence[Field], mpp: float, tile_px: int) -> None:
        if not fields:
            raise TrainingError(
                f"no image is as fine as {mpp:g} µm/px and {tile_px} px wide and high; give finer "
                "or larger images"
            )
        self._fields, self._tile_px = fields, tile_px
        areas = np.array([field.pixels.shape[0] * field.pixels.shape[1] for field in fields], float)
        self._shares = areas / areas.sum()

    def draw(self, rng: np.random.Generator) -> tuple[Field, tuple[int, int]]:
        """Choose a field and a corner (y, x) in it.

        Raises
        ------
        TrainingError
            Nothing in the fields has structure.
        """
        tile_px = self._tile_px
        for _ in range(TRIES):
            field = self._fields[int(rng.choice(len(self._fields), p=self._shares))]
            height, width = field.pixels.shape[:2]
            y, x = int(rng.integers(height - tile_px + 1)), int(rng.integers(width - tile_px + 1))
            if has_structure(field.pixels[y : y + tile_px, x : x + tile_px]):
                return field, (y, x)
        raise TrainingError(
            f"in {TRIES} places of {len(self._fields)} images the grey levels vary by less than "
            f"{MIN_STRUCTURE:g}; give images with tissue in them"
        )
