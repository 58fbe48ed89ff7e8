"""Lenses and sections drawn at random: those to learn from, and others to be measured on.

Room: optics. Ranges in, one lens and one thickness out; touches no pixel.
"""

from dataclasses import dataclass, replace

import numpy as np

from napari_focusqc.optics.objective import RGB_UM, Objective
from napari_focusqc.optics.transfer import AberratedLens

Ranges = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class LensRange:
    """All that differs between microscopes and sections.

    Each value is drawn from one of its ranges, the longer the likelier. The ranges are ours.

    Parameters
    ----------
    na
        Numerical aperture.
    colour
        Factor on all wavelengths, for another lamp.
    spherical
        `AberratedLens.spherical`, waves. Cover glasses are too thick more often than too thin once
        mounting medium lies below them, so it has one sign.
    focal_shift_um
        Of each colour by itself, µm.
    thickness_um
        Of the section, µm.
    """

    na: Ranges
    colour: Ranges
    spherical: Ranges
    focal_shift_um: Ranges
    thickness_um: Ranges

    def draw(self, rng: np.random.Generator) -> tuple[AberratedLens, float]:
        """Return one lens and one thickness, µm; the same state of `rng` gives the same ones."""
        colour = _within(rng, self.colour)
        red, green, blue = RGB_UM
        shifts = [_within(rng, self.focal_shift_um) for _ in RGB_UM]
        objective = Objective(
            _within(rng, self.na),
            (red * colour, green * colour, blue * colour),
            focal_shift_um=(shifts[0], shifts[1], shifts[2]),
        )
        lens = AberratedLens(objective, _within(rng, self.spherical))
        return lens, _within(rng, self.thickness_um)

    def of_thickness(self, least_um: float, most_um: float) -> "LensRange":
        """Return the same lenses with sections of another thickness, µm."""
        return replace(self, thickness_um=((least_um, most_um),))


TRAINED = LensRange(
    na=((0.65, 0.8),),
    colour=((0.97, 1.03),),
    spherical=((0.02, 0.1),),
    focal_shift_um=((-0.2, 0.2),),
    thickness_um=((0.0, 4.0),),
)
"""What networks of focus distances learn from."""
HELD_OUT = LensRange(
    na=((0.62, 0.65), (0.8, 0.83)),
    colour=((0.95, 0.97), (1.03, 1.05)),
    spherical=((0.0, 0.02), (0.1, 0.13)),
    focal_shift_um=((-0.3, -0.2), (0.2, 0.3)),
    thickness_um=((0.0, 5.0),),
)
"""What they are measured on: no lens of `TRAINED` is among them."""


def _within(rng: np.random.Generator, ranges: Ranges) -> float:
    """Draw a value from ranges laid end to end."""
    lengths = [high - low for low, high in ranges]
    place = rng.uniform(0, sum(lengths))
    for (low, _), length in zip(ranges[:-1], lengths, strict=False):
        if place < length:
            return low + place
        place -= length
    return min(ranges[-1][0] + place, ranges[-1][1])
