"""Semi-synthetic crops: sharp fields blurred by a known amount, as scanners would see them.

Room: training. The blur comes first, then noise and JPEG: that order is ConvFocus's [1]_ and what
made its training work. Where `kinds.SCANNED` differs from the paper, and why:

- Half of the blur is by wave optics (`blurs.disk_or_lens`).
- After the noise comes the sharpening that scanners apply; both are drawn with the stain and the
  tone curve from `CameraRange`.
- Every field enters in three sizes: nuclei differ in size, and a few dozen fields show few.
- JPEG's grid of 8 px lies anywhere on the crop.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019,
   “Semi-synthetic training data”.
"""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.inference.memory import keep_freed_memory
from napari_focusqc.optics.camera import expose
from napari_focusqc.progress import Progress
from napari_focusqc.tiles.structure import MIN_STRUCTURE, has_structure
from napari_focusqc.training.field_images import shrink
from napari_focusqc.training.fields import Field
from napari_focusqc.training.kinds import SCANNED, Kind
from napari_focusqc.training.sections import Layer, light_through

SMALLER = (1.25, 1.5)
"""Every field also enters area-averaged by these factors."""
MARGIN_PX = 12
"""Kept around a crop until it is exposed: JPEG's grid of 8 px lies anywhere, and sharpening
reaches a few pixels."""
CHUNK = 200
"""Crops between two steps of progress."""
TRIES = 1000
UPPER_SHARE = (0.1, 0.5)
"""Of a thick section's optical density, that of the tissue which is drawn second."""


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Blurred crops with the blur they were given.

    Parameters
    ----------
    images
        uint8 (N, tile, tile, 3), RGB.
    classes
        int64 (N,), each class as often as the others to within one, but for thick sections.
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
    fields: Sequence[Field], count: int, mpp: float, tile_px: int, seed: int, kind: Kind = SCANNED
) -> Generator[Progress[None], None, Crops]:
    """Draw crops from fields, each by a scanner of its own; several threads, the same crops.

    Parameters
    ----------
    fields
        Sharp fields at `mpp`, all at least `tile_px` wide and high; each serves as often as its
        area asks.
    count
        Number of crops.
    mpp
        µm/px; a class keeps its radius in µm.
    tile_px
        Side of a crop, px.
    seed
        The same seed gives the same crops.
    kind
        Their blur and their scanners.

    Raises
    ------
    TrainingError
        There are no fields, or nothing in them has structure.
    """
    keep_freed_memory()
    places = Places(fields, mpp, tile_px, any_place=kind.any_place)
    classes = np.random.default_rng(seed).permutation(np.arange(count) % kind.classes)
    crops = Crops(
        np.empty((count, tile_px, tile_px, 3), np.uint8), classes, np.empty(count, np.float32)
    )
    work = partial(_fill, crops, places, mpp, seed, kind)
    with ThreadPoolExecutor(os.cpu_count(), "focusqc-crops") as pool:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            list(pool.map(work, numbers))
            yield Progress(numbers.stop, count, "blurring crops")
    return crops


class Places:
    """Corners in fields where a crop shows structure, each field as often as its area asks.

    Parameters
    ----------
    fields, mpp, tile_px
        As for `make_crops`.
    any_place
        Take corners without structure as well.

    Raises
    ------
    TrainingError
        There are no fields.
    """

    def __init__(
        self, fields: Sequence[Field], mpp: float, tile_px: int, *, any_place: bool = False
    ) -> None:
        if not fields:
            raise TrainingError(
                f"no image is as fine as {mpp:g} µm/px and {tile_px} px wide and high; give finer "
                "or larger images"
            )
        self._fields, self._tile_px, self._any = fields, tile_px, any_place
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
            if self._any or has_structure(field.pixels[y : y + tile_px, x : x + tile_px]):
                return field, (y, x)
        raise TrainingError(
            f"in {TRIES} places of {len(self._fields)} images the grey levels vary by less than "
            f"{MIN_STRUCTURE:g}; give images with tissue in them"
        )


def _fill(crops: Crops, places: Places, mpp: float, seed: int, kind: Kind, number: int) -> None:
    """Make one crop, with random numbers that depend on its own number alone."""
    rng = np.random.default_rng([seed, number])
    kind = _kind_of(kind, rng)
    layers, oof_class, radius_um = _section(int(crops.classes[number]), kind, mpp, rng)
    field, at = places.draw(rng)
    crops.images[number] = _seen(field.pixels, at, crops.images.shape[1], layers, kind, rng)
    crops.classes[number], crops.radius_um[number] = oof_class, radius_um


def _kind_of(kind: Kind, rng: np.random.Generator) -> Kind:
    """Draw the kind of one crop."""
    lot = rng.random() if kind.others else 1.0
    for share, other in kind.others:
        if lot < share:
            return other
        lot -= share
    return kind


def _section(
    oof_class: int, kind: Kind, mpp: float, rng: np.random.Generator
) -> tuple[list[Layer], int, float]:
    """Draw the layers of a section, the first of a class; return its class and radius as well."""
    kernels, radius_um = kind.blur(oof_class, mpp, rng)
    density = 1.0 if kind.density == (1.0, 1.0) else np.exp(rng.uniform(*np.log(kind.density)))
    if not kind.thick:
        return [Layer(kernels, density)], oof_class, radius_um
    upper_class, share = int(rng.integers(kind.classes)), rng.uniform(*UPPER_SHARE)
    upper_kernels, upper_um = kind.blur(upper_class, mpp, rng)
    layers = [
        Layer(kernels, density * (1 - share)),
        Layer(upper_kernels, density * share, turned=True),
    ]
    mean_class = round((1 - share) * oof_class + share * upper_class)
    return layers, mean_class, (1 - share) * radius_um + share * upper_um


def _seen(
    field: NDArray[np.uint8],
    at: tuple[int, int],
    tile_px: int,
    layers: list[Layer],
    kind: Kind,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Cut a crop, uint8 (tile, tile, 3), as a scanner out of focus would have written it.

    Blur reaches into the crop from around it, as far as the field goes; beyond, the field is
    continued by reflection.
    """
    widths = [kernel.shape[0] for layer in layers for kernel in layer.kernels]
    reach = max(widths) // 2 + MARGIN_PX
    top, left = max(at[0] - reach, 0), max(at[1] - reach, 0)
    window = field[top : at[0] + tile_px + reach, left : at[1] + tile_px + reach]
    y, x = at[0] - top, at[1] - left
    before = rng.integers(MARGIN_PX - 7, MARGIN_PX + 1, size=2)
    first_y, first_x = max(y - int(before[0]), 0), max(x - int(before[1]), 0)
    blurred = light_through(window, layers)[
        first_y : y + tile_px + MARGIN_PX, first_x : x + tile_px + MARGIN_PX
    ]
    written = expose(blurred, kind.scanners.draw(rng), rng)
    crop = written[y - first_y :, x - first_x :][:tile_px, :tile_px]
    turned: NDArray[np.uint8] = np.rot90(crop, int(rng.integers(4)))
    return turned[::-1] if rng.integers(2) else turned
