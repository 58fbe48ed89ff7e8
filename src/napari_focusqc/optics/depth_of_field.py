"""How far from focus a plane may lie and still be called sharp.

Room: optics. A length of the lens and the camera; knows no image.
"""

from napari_focusqc.optics.objective import Objective

_GREEN = 1


def depth_of_field_um(objective: Objective, mpp: float) -> float:
    """Return the whole depth of field, µm: from focus it reaches half of it to either side.

    n λ / NA² of diffraction, for green light, and n · mpp / NA of the camera's pixels [1]_.

    Parameters
    ----------
    objective
        The lens.
    mpp
        µm/px of the image, in the object: the camera's pixel over the magnification.

    References
    ----------
    .. [1] Inoué and Spring, "Video Microscopy", 2nd edition, 1997; the formula in common
       use, not checked against the book.
    """
    wave = objective.index * objective.wavelengths_um[_GREEN] / objective.na**2
    return wave + objective.index * mpp / objective.na
