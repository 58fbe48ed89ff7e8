"""Crops as different scanners would see them: lenses and disks, noise, sharpening, colour, JPEG.

Room: training. What `defocus_data` does for FocusLiteNN, this does for ConvFocus; the classes are
the same. Where it differs from the paper [1]_, and why:

- Half of the crops are blurred by wave optics instead of a disk: near focus a lens is no disk. The
  distance is the one at which geometric optics gives the radius of the class. The numerical
  aperture is drawn, and so are small focal shifts between the colours.
- After the noise comes the sharpening that scanners apply; both are drawn with the stain and the
  tone curve from `CameraRange`. Only noise and JPEG are in the paper's order, after the blur.
- Class 29, radii of 7 to 50 µm, is a disk always: wave optics adds nothing there.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019,
   “Semi-synthetic training data”.
"""

import os
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.camera import expose
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.classes import OOF_CLASSES, radius_range
from napari_focusqc.optics.kernels import bokeh_kernel
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import blur_channels, relative_kernels
from napari_focusqc.progress import Progress
from napari_focusqc.training.defocus_data import Crops, Places
from napari_focusqc.training.fields import Field

NUMERICAL_APERTURE = (0.6, 0.85)
"""Of 20x and 40x scanners; 0.75 is the most common."""
FOCAL_SHIFT_UM = 0.3
"""Standard deviation of the height at which a colour is in focus."""
WAVE_SHARE = 0.5
MARGIN_PX = 12
"""Kept around a crop until it is exposed: JPEG's grid of 8 px lies anywhere, and sharpening
reaches a few pixels."""
CHUNK = 200
"""Crops between two steps of progress."""

Kernels = tuple[NDArray[np.float32], ...]


def make_scanned_crops(
    fields: Sequence[Field], count: int, mpp: float, tile_px: int, seed: int
) -> Generator[Progress[None], None, Crops]:
    """Draw crops from fields, each by a scanner of its own; several threads, the same crops.

    Parameters
    ----------
    fields, count, mpp, tile_px, seed
        As for `defocus_data.make_crops`.

    Raises
    ------
    TrainingError
        There are no fields, or nothing in them has structure.
    """
    places = Places(fields, mpp, tile_px)
    classes = np.random.default_rng(seed).permutation(np.arange(count) % OOF_CLASSES)
    crops = Crops(
        np.empty((count, tile_px, tile_px, 3), np.uint8), classes, np.empty(count, np.float32)
    )
    work = partial(_fill, crops, places, mpp, seed)
    with ThreadPoolExecutor(os.cpu_count(), "focusqc-crops") as pool:
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            list(pool.map(work, numbers))
            yield Progress(numbers.stop, count, "blurring crops")
    return crops


def _fill(crops: Crops, places: Places, mpp: float, seed: int, number: int) -> None:
    """Make one crop, with random numbers that depend on its own number alone."""
    rng = np.random.default_rng([seed, number])
    oof_class, tile_px = int(crops.classes[number]), crops.images.shape[1]
    radius_um = mpp * rng.uniform(*radius_range(oof_class, mpp))
    kernels = _kernels(oof_class, radius_um, mpp, rng)
    field, (y, x) = places.draw(rng)
    crops.images[number] = _seen(field.pixels, (y, x), tile_px, kernels, rng)
    crops.radius_um[number] = radius_um


def _kernels(oof_class: int, radius_um: float, mpp: float, rng: np.random.Generator) -> Kernels:
    """Return the blur of a class, by a lens or by a disk."""
    if oof_class == OOF_CLASSES - 1 or rng.random() > WAVE_SHARE:
        return (bokeh_kernel(radius_um / mpp),) * 3
    shifts = rng.normal(0, FOCAL_SHIFT_UM, 3) if oof_class else np.zeros(3)
    red, green, blue = (shifts - shifts.mean()).tolist()
    lens = Objective(rng.uniform(*NUMERICAL_APERTURE), focal_shift_um=(red, green, blue))
    z_um = radius_um / lens.blur_radius_um(1.0) * rng.choice((-1, 1))
    return relative_kernels(lens, z_um, mpp)


def _seen(
    field: NDArray[np.uint8],
    at: tuple[int, int],
    tile_px: int,
    kernels: Kernels,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Cut a crop, uint8 (tile, tile, 3), as a scanner out of focus would have written it."""
    reach = max(kernel.shape[0] for kernel in kernels) // 2 + MARGIN_PX
    top, left = max(at[0] - reach, 0), max(at[1] - reach, 0)
    window = field[top : at[0] + tile_px + reach, left : at[1] + tile_px + reach]
    y, x = at[0] - top, at[1] - left
    before = rng.integers(MARGIN_PX - 7, MARGIN_PX + 1, size=2)
    first_y, first_x = max(y - int(before[0]), 0), max(x - int(before[1]), 0)
    blurred = blur_channels(window, kernels)[
        first_y : y + tile_px + MARGIN_PX, first_x : x + tile_px + MARGIN_PX
    ]
    written = expose(blurred, CameraRange().draw(rng), rng)
    crop = written[y - first_y :, x - first_x :][:tile_px, :tile_px]
    turned: NDArray[np.uint8] = np.rot90(crop, int(rng.integers(4)))
    return turned[::-1] if rng.integers(2) else turned
