"""The scanner's colours turned into sRGB, by the profile the file carries.

Room: slides. For looking only: every score is computed from the colours as they are stored.
"""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from napari_focusqc.errors import ColourProfileError

Recolour = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Turns uint8 RGB pixels, shape (H, W, 3), into others."""

MOST_PROFILE_BYTES = 1 << 25
_RGB_SPACE = "RGB"


def srgb_recolour(profile: bytes | None, name: str) -> Recolour:
    """Return what turns a slide's colours into sRGB.

    Parameters
    ----------
    profile
        The slide's ICC profile.
    name
        The slide's name.

    Returns
    -------
    A function that several threads may call; the rendering intent is the profile's own.

    Raises
    ------
    ColourProfileError
        There is no profile, it is damaged, or it is not one for RGB.
    """
    if profile is None:
        raise ColourProfileError(
            f"{name} has no colour profile; show its colours as they are stored"
        )
    try:
        if len(profile) > MOST_PROFILE_BYTES:
            raise ImageCms.PyCMSError(f"it has {len(profile)} bytes")
        scanner = ImageCms.ImageCmsProfile(BytesIO(profile))
        if scanner.profile.xcolor_space.strip() != _RGB_SPACE:
            raise ImageCms.PyCMSError(f"it is for {scanner.profile.xcolor_space.strip()}")
        transform = ImageCms.buildTransform(
            scanner,
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
            renderingIntent=ImageCms.Intent(ImageCms.getDefaultIntent(scanner)),
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ColourProfileError(
            f"the colour profile of {name} cannot be used ({error}); show its colours as they "
            "are stored"
        ) from error

    def recolour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shown = transform.apply(Image.fromarray(np.ascontiguousarray(pixels)))
        return np.asarray(shown, np.uint8)

    return recolour
