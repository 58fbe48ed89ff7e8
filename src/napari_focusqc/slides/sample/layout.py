"""What lies where on the sample slide, and the pixels of it before they are compressed.

Room: slides. The tissue is scikit-image's immunohistochemistry field (about 0.5 µm/px), enlarged
exactly twofold to 0.25 µm/px, sharpened, and continued by mirroring, so that a blur with mirrored
borders is exact everywhere. Blur comes before sensor noise, as in a scanner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage.data import immunohistochemistry

from napari_focusqc.optics.noise import poisson_noise

CELL_PX = 64
"""Side of the squares in which the defocus is constant, and of a pixel of the truth, level-0 px."""

TILE_PX = 256
GLASS_GREY = (243.0, 242.0, 240.0)
NOISE_SCALE = 0.012
"""Grey levels per quantum: a standard deviation of 1.5 at grey 200, as brightfield cameras have."""
SHARPENING = ImageFilter.UnsharpMask(radius=1, percent=100, threshold=0)
"""Gives edges back the contrast that enlarging took; without it “in focus” would be soft."""


@dataclass(frozen=True, slots=True)
class SampleLayout:
    """What lies where on the sample slide.

    Parameters
    ----------
    side_px
        Height and width, a multiple of `TILE_PX`.
    glass_px
        Width of the strips of bare glass along the top and the right, a multiple of `CELL_PX`.
    lane_radii_px
        Blur-disk radius of each vertical scan lane, from left to right.
    corner_px
        How far the blur of the bottom left corner reaches; it rises towards the corner, in steps
        of 1 px, to the largest radius of the lanes.
    seed
        Of the sensor noise.
    """

    side_px: int = 8192
    glass_px: int = 512
    lane_radii_px: tuple[float, ...] = (0.0, 3.0, 8.0, 0.0, 16.0, 5.0, 22.0, 12.0)
    corner_px: int = 2304
    seed: int = 20_240_229


def lay_out(layout: SampleLayout) -> NDArray[np.float64]:
    """Return the blur-disk radius of every cell, float64 (cells, cells), px; NaN on glass."""
    cells, glass = layout.side_px // CELL_PX, layout.glass_px // CELL_PX
    lanes = np.arange(cells) * len(layout.lane_radii_px) // (cells - glass)
    lane_radii = np.append(layout.lane_radii_px, np.nan)
    radius = np.tile(lane_radii[np.minimum(lanes, len(lane_radii) - 1)], (cells, 1))
    up, right = np.arange(cells)[::-1, None] + 0.5, np.arange(cells)[None, :] + 0.5
    nearness = 1 - np.hypot(up, right) * CELL_PX / layout.corner_px
    corner = np.ceil(np.maximum(nearness, 0) * max(layout.lane_radii_px))
    radius = np.where(np.isnan(radius), np.nan, np.maximum(radius, corner))
    radius[:glass] = np.nan
    return radius


def tissue_field() -> NDArray[np.uint8]:
    """Return the tissue at 0.25 µm/px, uint8 (1024, 1024, 3)."""
    image = Image.fromarray(immunohistochemistry())  # type: ignore[no-untyped-call]
    size = (image.width * 2, image.height * 2)
    enlarged = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(enlarged.filter(SHARPENING))


def band_pixels(
    radius_px: NDArray[np.float64],
    fields: dict[float, NDArray[np.float32]],
    band: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Make one row of tiles: blurred tissue and glass, with sensor noise.

    Parameters
    ----------
    radius_px
        From `lay_out`.
    fields
        For each radius, the blurred tissue, float32 (h, w, 3), grey levels.
    band
        Number of the row of tiles.
    rng
        Where the noise comes from.

    Returns
    -------
    uint8, shape (TILE_PX, side, 3).
    """
    light = np.empty((TILE_PX, radius_px.shape[1] * CELL_PX, 3), np.float32)
    for row in range(TILE_PX // CELL_PX):
        cell_row = band * TILE_PX // CELL_PX + row
        strip = light[row * CELL_PX : (row + 1) * CELL_PX]
        y = np.arange(CELL_PX) + cell_row * CELL_PX
        for start, stop, radius in _runs(radius_px[cell_row]):
            place = strip[:, start * CELL_PX : stop * CELL_PX]
            if np.isnan(radius):
                place[...] = GLASS_GREY
                continue
            x = np.arange(start * CELL_PX, stop * CELL_PX)
            field = fields[radius]
            place[...] = field[np.ix_(_mirrored(y, len(field)), _mirrored(x, len(field)))]
    return np.clip(np.rint(poisson_noise(light, NOISE_SCALE, rng)), 0, 255).astype(np.uint8)


def _runs(row: NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """Yield (start, stop, value) of every run of equal values; NaN equals NaN."""
    start = 0
    for _, group in groupby(row.tolist(), key=lambda value: -1.0 if np.isnan(value) else value):
        values = list(group)
        yield start, start + len(values), values[0]
        start += len(values)


def _mirrored(index: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """Return where each pixel of the mirrored, endless field lies in the field of `side` px."""
    phase = index % (2 * side)
    return np.minimum(phase, 2 * side - 1 - phase)
