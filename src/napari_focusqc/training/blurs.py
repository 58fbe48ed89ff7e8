"""How far out of focus a crop is, class by class, and the kernels that make it so.

Room: training. A blur is drawn for a class; a network learns to tell the classes apart.

- `gaussian` and `disk` are ConvFocus's [1]_ two kinds of semi-synthetic blur.
- `disk_or_lens` blurs half of the crops by wave optics instead of a disk: near focus a lens is no
  disk. The distance is the one at which geometric optics gives the radius of the class. The
  numerical aperture is drawn, and so are small focal shifts between the colours. Class 29, radii
  of 7 to 50 µm, is a disk always: wave optics adds nothing there.
- `stage` is DeepFocus's [2]_ two classes: in focus within 0.5 µm of stage travel, or blurred.
- `in_or_out` draws one of ConvFocus's classes that are surely in focus, or surely out of it.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019,
   “Semi-synthetic training data”.
.. [2] Senaras et al., "DeepFocus: …", PLoS ONE 13(10), 2018, “Dataset”.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.optics.classes import OOF_CLASSES, radius_range, sigma_range
from napari_focusqc.optics.kernels import bokeh_kernel, gaussian_kernel
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import relative_kernels

NUMERICAL_APERTURE = (0.6, 0.85)
"""Of 20x and 40x scanners; 0.75 is the most common."""
FOCAL_SHIFT_UM = 0.3
"""Standard deviation of the height at which a colour is in focus."""
NA_STEP, Z_STEP = 0.02, 0.02
"""Lenses are drawn in steps of NA, the distance of each colour in steps of µm below 1 µm and of a
share above, so that few kernels have to be made. A class is 11 % wide."""
LENS_SHARE = 0.5
IN_FOCUS_UM = 0.5
"""DeepFocus's: so far from focus, and no farther, is in focus."""
BLURRED_UM = (1.0, 8.0)
"""Distances of blurred crops, on a logarithmic scale. DeepFocus has 1.5, 2 and 2.5 µm; slides have
more, and a threshold needs what lies near it."""
FAR_SHARE, FIRST_FAR_CLASS = 0.2, 22
"""So many of the blurred crops are farther out than wave optics is needed for: disks of ConvFocus's
classes from this one on."""

IN_CLASSES, OUT_CLASSES = 4, 11
"""ConvFocus's classes below the first blur by at most 0.5 µm, those from the second on by 1 µm and
more (tests/training/test_blurs.py)."""

Kernels = tuple[NDArray[np.float32], ...]
Blur = Callable[[int, float, np.random.Generator], tuple[Kernels, float]]
"""From a class, µm/px and random numbers: a kernel for each of red, green, blue, and the radius of
the blur disk in µm, by geometric optics."""


def gaussian(oof_class: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur by a Gaussian of ConvFocus's class; its radius is that of the class's disk."""
    low, high = sigma_range(oof_class, mpp)
    least, most = radius_range(oof_class, mpp)
    share = rng.random()
    kernel = gaussian_kernel(low + share * (high - low))
    return (kernel,) * 3, mpp * (least + share * (most - least))


def disk(oof_class: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur by a disk of ConvFocus's class."""
    radius_px = rng.uniform(*radius_range(oof_class, mpp))
    return (bokeh_kernel(radius_px),) * 3, mpp * radius_px


def disk_or_lens(oof_class: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur by a disk or by a lens of the same radius."""
    radius_px = rng.uniform(*radius_range(oof_class, mpp))
    radius_um = mpp * radius_px
    if oof_class == OOF_CLASSES - 1 or rng.random() > LENS_SHARE:
        return (bokeh_kernel(radius_px),) * 3, radius_um
    na = _na(rng)
    z_um = radius_um / Objective(na).blur_radius_um(1.0)
    return _lens_kernels(na, z_um, FOCAL_SHIFT_UM if oof_class else 0.0, mpp, rng), radius_um


def in_or_out(blurred: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur by a class that counts as in focus (0) or as out of focus (1)."""
    ends = (OUT_CLASSES, OOF_CLASSES) if blurred else (0, IN_CLASSES)
    return disk_or_lens(int(rng.integers(*ends)), mpp, rng)


def stage(blurred: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur by a lens in focus (0) or out of focus (1), or by a large disk."""
    if blurred and rng.random() < FAR_SHARE:
        return disk(int(rng.integers(FIRST_FAR_CLASS, OOF_CLASSES)), mpp, rng)
    na = _na(rng)
    near, far = rng.uniform(0, IN_FOCUS_UM), np.exp(rng.uniform(*np.log(BLURRED_UM)))
    z_um = float(far if blurred else near)
    kernels = _lens_kernels(na, z_um, FOCAL_SHIFT_UM if blurred else 0.0, mpp, rng)
    return kernels, Objective(na).blur_radius_um(z_um)


def _na(rng: np.random.Generator) -> float:
    """Draw a numerical aperture."""
    return round(NA_STEP * round(rng.uniform(*NUMERICAL_APERTURE) / NA_STEP), 3)


def _lens_kernels(
    na: float, z_um: float, shift_um: float, mpp: float, rng: np.random.Generator
) -> Kernels:
    """Blur by a lens whose colours come to focus apart by about `shift_um`, on either side."""
    shifts = rng.normal(0, 1, 3) * shift_um
    signed = z_um * rng.choice((-1, 1)) + shifts - shifts.mean()
    red, green, blue = (_in_steps(abs(each)) for each in signed.tolist())
    return relative_kernels(Objective(na, focal_shift_um=(red, green, blue)), 0.0, mpp)


def _in_steps(z_um: float) -> float:
    """Round a distance to the steps it is drawn in."""
    if z_um < 1:
        return Z_STEP * round(z_um / Z_STEP)
    return float(np.exp(Z_STEP * round(np.log(z_um) / Z_STEP)))
