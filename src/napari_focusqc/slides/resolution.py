"""Micrometres per pixel and plane heights as files and users write them.

Room: slides. Pure functions: a resolution that is missing or makes no sense is None, never a guess.
"""

from math import isfinite

from napari_focusqc.errors import SettingsError

MPP_RANGE = (0.01, 100.0)
"""µm/px that a user may give."""

TAG_MPP_RANGE = (0.05, 10.0)
"""µm/px that TIFF resolution tags are believed in; printer tags such as 72 dpi lie far outside."""

SAME_ON_BOTH_AXES = 0.01
"""The two axes may differ by this much (relative); beyond, the file's µm/px is not one number."""

UM_PER_UNIT = {
    "m": 1e6,
    "dm": 1e5,
    "cm": 1e4,
    "mm": 1e3,
    "µm": 1.0,
    "nm": 1e-3,
    "pm": 1e-6,
    "Å": 1e-4,
    "in": 25400.0,
    "thou": 25.4,
}
"""Micrometres in each length unit of OME-XML that is a real length."""


def checked_mpp(mpp: float) -> float:
    """Return the µm/px a user gave.

    Raises
    ------
    SettingsError
        It lies outside `MPP_RANGE`.
    """
    low, high = MPP_RANGE
    if not low <= mpp <= high:
        raise SettingsError(f"mpp is {mpp}; it must lie between {low} and {high} µm per pixel")
    return float(mpp)


def one_mpp(mpp_y: float | None, mpp_x: float | None) -> float | None:
    """Return the µm/px of both axes as one number.

    Returns
    -------
    The mean of the two; the one there is; None where there is none, where a number is not a
    resolution within `MPP_RANGE`, or where the axes differ by more than `SAME_ON_BOTH_AXES`.
    """
    found = [mpp for mpp in (mpp_y, mpp_x) if mpp is not None]
    low, high = MPP_RANGE
    if not found or not all(isfinite(mpp) and low <= mpp <= high for mpp in found):
        return None
    if max(found) > min(found) * (1 + SAME_ON_BOTH_AXES):
        return None
    return sum(found) / len(found)


def length_um(value: str | None, unit: str | None) -> float | None:
    """Return an OME-XML length in µm, or None where it is no length above zero.

    Parameters
    ----------
    value, unit
        Attribute texts, such as ``"0.25"`` and ``"µm"``; the unit is µm when left out.
    """
    scale = UM_PER_UNIT.get((unit or "µm").replace("\u03bc", "\u00b5"))
    length = as_number(value)
    if scale is None or length is None or length <= 0:
        return None
    return length * scale


def tag_mpp(pixels_per_unit: float, um_per_unit: float | None) -> float | None:
    """Return the µm/px of a TIFF resolution tag, or None where it cannot be a slide's.

    Parameters
    ----------
    pixels_per_unit
        The tag's value, px per unit.
    um_per_unit
        Micrometres in the tag's unit; None where the unit is none.
    """
    if um_per_unit is None or not pixels_per_unit > 0:
        return None
    mpp = um_per_unit / pixels_per_unit
    low, high = TAG_MPP_RANGE
    return mpp if low <= mpp <= high else None


def as_number(text: str | None) -> float | None:
    """Return a finite number written in a file, or None."""
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
