"""ConvFocus's classes of defocus and the blur radii that make them up.

Room: optics. A plain table; blurs nothing.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_focusqc.errors import SettingsError

CLASS_MPP = 0.25
"""µm/px at which ConvFocus's table of radii is given."""

OOF_CLASSES = 30
"""Class 0 is in focus, 29 the strongest defocus."""

_FIRST_RADIUS_PX, _LAST_RADIUS_PX = 1.4, 200.0
_FIRST_SIGMA_PX, _LAST_SIGMA_PX = 0.926, 132.0


def radius_range(oof_class: int, mpp: float = CLASS_MPP) -> tuple[float, float]:
    """Return the bokeh radii that make up an out-of-focus class.

    Parameters
    ----------
    oof_class
        0 (in focus) to 29.
    mpp
        µm/px of the image to be blurred; a class keeps its radius in µm.

    Returns
    -------
    Smallest and largest radius, px of that image; (0, 0) for class 0.

    Raises
    ------
    SettingsError
        There is no such class.

    References
    ----------
    .. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019.
    """
    return _class_range(oof_class, mpp, _FIRST_RADIUS_PX, _LAST_RADIUS_PX)


def sigma_range(oof_class: int, mpp: float = CLASS_MPP) -> tuple[float, float]:
    """Return the Gaussian standard deviations of a class, px; otherwise as `radius_range`."""
    return _class_range(oof_class, mpp, _FIRST_SIGMA_PX, _LAST_SIGMA_PX)


def oof_class_of_radius(radius_um: ArrayLike) -> NDArray[np.int64]:
    """Return the out-of-focus class of bokeh radii.

    Radii below class 1 (0.35 µm) count as in focus, radii beyond class 29 (50 µm) as class 29;
    a radius on a boundary belongs to the higher class.

    Parameters
    ----------
    radius_um
        Radius of the blur disk, µm in the plane of the specimen, any shape.

    Returns
    -------
    int64, the shape of `radius_um`, 0 to 29.
    """
    lows = [radius_range(c)[0] for c in range(1, OOF_CLASSES)]
    return np.asarray(np.digitize(np.asarray(radius_um) / CLASS_MPP, lows), np.int64)


def _class_range(oof_class: int, mpp: float, first: float, last: float) -> tuple[float, float]:
    """Return one row of ConvFocus's table, whose sizes are `first`…`last` px at 0.25 µm/px."""
    if not 0 <= oof_class < OOF_CLASSES:
        raise SettingsError(
            f"there is no out-of-focus class {oof_class}; they run from 0 to {OOF_CLASSES - 1}"
        )
    if oof_class == 0:
        return 0.0, 0.0
    scale = CLASS_MPP / mpp
    low = first * float(np.exp(3 * (oof_class - 1) / 28))
    high = last if oof_class == OOF_CLASSES - 1 else first * float(np.exp(3 * oof_class / 28))
    return low * scale, high * scale
