"""Micrometres per pixel and plane heights as files and users write them.

Room: slides. Pure functions: a resolution that is missing or makes no sense is None, never a
guess, and a sentence says why.
"""

from dataclasses import dataclass
from math import inf, isclose, isfinite

from napari_focusqc.errors import SettingsError
from napari_focusqc.slides.slide import Source

MPP_RANGE = (0.01, 100.0)
"""µm/px that a user may give."""

FILE_MPP_RANGE = (0.05, 10.0)
"""µm/px that a file is believed in; a printer's 72 dpi, 353 µm/px, lies far outside."""

SENSOR_PX_UM = (4.0, 16.0)
USUAL_SENSOR_PX_UM = 10.0
"""µm/px times objective is the pixel of the camera over the adapter: 10 µm for Aperio, Leica and
Philips, 9 for Hamamatsu, 7 for Olympus, 5 for 3DHISTECH with its 1.6× adapter; a µm/px and an
objective whose product lies beyond `SENSOR_PX_UM` contradict each other."""

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


@dataclass(frozen=True, slots=True)
class Resolution:
    """The µm/px a slide is taken to have.

    Parameters
    ----------
    mpp
        µm per pixel of level 0, or None.
    source
        Where it is from; None where there is none.
    notes
        What is odd about it, one sentence each.
    """

    mpp: float | None
    source: Source | None
    notes: tuple[str, ...]


def settle_resolution(
    stated: tuple[float, float] | None, given: float | None, objective: float | None
) -> Resolution:
    """Decide on one µm/px, and say what does not fit together.

    Parameters
    ----------
    stated
        µm/px along (y, x) as the file states them, or None.
    given
        µm/px from the user, which goes before the file's.
    objective
        Nominal power of the objective, or None.

    Returns
    -------
    The number given; else the mean of the two stated, unless they differ by more than
    `SAME_ON_BOTH_AXES` or lie outside `FILE_MPP_RANGE`; else None. A number that contradicts the
    objective is kept, and noted.

    Raises
    ------
    SettingsError
        `given` lies outside `MPP_RANGE`.
    """
    if given is not None:
        mpp, odd = checked_mpp(given), None
        if stated is not None and not isclose(mpp, _mean(stated), rel_tol=SAME_ON_BOTH_AXES):
            odd = f"{mpp:.4g} µm/px was given, the file states {_mean(stated):.4g}"
        notes = (odd, _contradiction(mpp, objective))
        return Resolution(mpp, "given", tuple(note for note in notes if note))
    if stated is None:
        return Resolution(None, None, ())
    odd = _unusable(stated)
    if odd is not None:
        return Resolution(None, None, (odd,))
    mpp = _mean(stated)
    odd = _contradiction(mpp, objective)
    return Resolution(mpp, "file", () if odd is None else (odd,))


def _mean(stated: tuple[float, float]) -> float:
    """Return the µm/px of both axes as one number."""
    return sum(stated) / 2


def _unusable(stated: tuple[float, float]) -> str | None:
    """Say why the µm/px of a file cannot be used, or None."""
    low, high = FILE_MPP_RANGE
    if not all(low <= mpp <= high for mpp in stated):
        return (
            f"the file states {_mean(stated):.4g} µm/px, and no scanner has less than {low:g} or "
            f"more than {high:g}; give the µm per pixel"
        )
    if max(stated) > min(stated) * (1 + SAME_ON_BOTH_AXES):
        return (
            f"the file states pixels of {stated[0]:.4g} × {stated[1]:.4g} µm, which are not "
            "square; give the µm per pixel"
        )
    return None


def _contradiction(mpp: float, objective: float | None) -> str | None:
    """Say that µm/px and objective do not fit together, or None."""
    low, high = SENSOR_PX_UM
    if objective is None or objective <= 0 or low <= mpp * objective <= high:
        return None
    return (
        f"{mpp:.4g} µm/px does not fit an objective of {objective:g}x, where about "
        f"{USUAL_SENSOR_PX_UM / objective:.2g} is usual; check it, and give the right µm per pixel"
    )


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
    """Return the µm/px of a resolution tag, or None where it says nothing.

    Parameters
    ----------
    pixels_per_unit
        The tag's value, px per unit; 1 is what writers put who know nothing.
    um_per_unit
        Micrometres in the tag's unit; None where the unit is none.
    """
    if um_per_unit is None or pixels_per_unit == 1 or not 0 < pixels_per_unit < inf:
        return None
    return um_per_unit / pixels_per_unit


def both_axes(y: float | None, x: float | None) -> tuple[float, float] | None:
    """Return the µm/px of (y, x); one that is missing is taken from the other."""
    known = [mpp for mpp in (y, x) if mpp is not None and mpp > 0]
    if not known:
        return None
    return (known[0], known[-1])


def as_number(text: str | None) -> float | None:
    """Return a finite number written in a file, or None."""
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and isfinite(number) else None
