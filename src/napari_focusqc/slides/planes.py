"""How high the planes of a z-stack lie.

Room: slides. Pure functions: heights that nobody knows are counted, and a sentence says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from napari_focusqc.errors import SettingsError
from napari_focusqc.slides.slide import Source


@dataclass(frozen=True, slots=True)
class Heights:
    """The heights the planes are taken to have.

    Parameters
    ----------
    z_um
        Height of each plane, µm, rising.
    source
        Where they are from; None for a single plane and for planes that are only counted.
    notes
        What is odd about them, one sentence each.
    """

    z_um: tuple[float, ...]
    source: Source | None
    notes: tuple[str, ...]


def settle_heights(
    planes: int, found_um: Sequence[float] | None, given_step_um: float | None, name: str
) -> Heights:
    """Decide on the heights of a slide's planes.

    Parameters
    ----------
    planes
        How many there are, at least 1.
    found_um
        Height of each plane as the file states it, µm; None where it is silent. Heights that do
        not rise are no heights.
    given_step_um
        Distance of neighbouring planes from the user, µm, which goes before the file's.
    name
        The slide's name.

    Raises
    ------
    SettingsError
        The distance given is no length, or there is only one plane.
    """
    if given_step_um is not None:
        if planes == 1:
            raise SettingsError(f"{name} has one plane; leave the distance of planes empty")
        if not (isfinite(given_step_um) and given_step_um > 0):
            raise SettingsError(f"the distance of planes is {given_step_um}; it must be above 0 µm")
        return Heights(tuple(plane * given_step_um for plane in range(planes)), "given", ())
    if planes == 1:
        return Heights((0.0,), None, ())
    if found_um is not None and len(found_um) == planes and rising(found_um):
        return Heights(tuple(float(z) for z in found_um), "file", ())
    note = (
        f"the heights of its {planes} planes are not in the file and are counted 0, 1, 2 …; "
        "give the distance of the planes"
    )
    return Heights(tuple(float(plane) for plane in range(planes)), None, (note,))


def rising(heights: Sequence[float]) -> bool:
    """Say whether each height is a number above the one before."""
    return all(map(isfinite, heights)) and all(low < high for low, high in pairwise(heights))
