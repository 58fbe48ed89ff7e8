"""A microscope's objective as far as it decides how a slide blurs.

Room: optics. Plain facts in micrometres; `wave` makes kernels of them.
"""

from dataclasses import dataclass

import numpy as np

from napari_focusqc.errors import SettingsError

RGB_UM = (0.62, 0.54, 0.46)
"""µm; about where the red, green and blue of a colour camera under a white lamp are centred."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A lens, with the colours it is used at.

    Parameters
    ----------
    na
        Numerical aperture, above 0 and below `index`. Slides are mostly scanned at 0.75
        (20× with or without a doubler), also 0.5 (20×) and 0.95 (40×).
    wavelengths_um
        Of the red, the green and the blue channel, µm in vacuum.
    index
        Refractive index of what the distance is measured in: 1 for the travel of a stage below
        an air objective, 1.52 for a depth within the mounting medium.
    focal_shift_um
        How much higher than the nominal plane each channel focuses, µm: the longitudinal
        chromatic aberration that remains, below 1 µm for an achromat or better.

    Raises
    ------
    SettingsError
        One of them makes no sense.
    """

    na: float = 0.75
    wavelengths_um: tuple[float, float, float] = RGB_UM
    index: float = 1.0
    focal_shift_um: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 < self.na < self.index < np.inf:
            raise SettingsError(
                f"the numerical aperture is {self.na} in a medium of index {self.index}; it must "
                "lie above 0 and below the index"
            )
        if not all(0 < wavelength < np.inf for wavelength in self.wavelengths_um):
            raise SettingsError(
                f"the wavelengths are {self.wavelengths_um} µm; they must be above 0 and finite"
            )
        if not np.isfinite(self.focal_shift_um).all():
            raise SettingsError(
                f"the focal shifts are {self.focal_shift_um} µm; they must be finite"
            )

    def blur_radius_um(self, z_um: float) -> float:
        """Return the radius of the disk that geometric optics gives a point `z_um` from focus.

        The marginal ray leaves at the angle α with n sin α = NA, so the radius is |z| tan α.
        """
        return abs(z_um) * self.na / float(np.sqrt(self.index**2 - self.na**2))
