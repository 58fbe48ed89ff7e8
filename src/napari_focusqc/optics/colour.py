"""Colours as another stain, lamp or scanner would have given them.

Room: optics. Grey levels 0…255 in any real dtype in, float32 out, neither rounded nor clipped.
Every function takes one image or many: the last axis is red, green, blue. Nothing here is drawn
at random; `camera_range` does that.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.color import hed_from_rgb, rgb_from_hed

from napari_focusqc.errors import SettingsError

_TOP = 255.0

Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Colour:
    """What becomes of an image's colours; as it stands, nothing.

    Parameters
    ----------
    stain_scale, stain_shift
        For `restain`: haematoxylin, eosin, DAB.
    exposure, gain, gamma
        For `gain_and_gamma`: a factor on every gain, and red, green, blue.
    hue, saturation, contrast, brightness
        For `adjust`.
    """

    stain_scale: Three = (1.0, 1.0, 1.0)
    stain_shift: Three = (0.0, 0.0, 0.0)
    exposure: float = 1.0
    gain: Three = (1.0, 1.0, 1.0)
    gamma: Three = (1.0, 1.0, 1.0)
    hue: float = 0.0
    saturation: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0


def recolour(image: NDArray[Any], colour: Colour) -> NDArray[np.float32]:
    """Change the stain, then the light and the camera's curve, then the picture's adjustments.

    Parameters
    ----------
    image
        (…, H, W, 3), grey levels.
    colour
        What to change.

    Raises
    ------
    SettingsError
        As `restain` and `gain_and_gamma`.
    """
    stained = restain(image, colour.stain_scale, colour.stain_shift)
    seen = gain_and_gamma(stained, colour.exposure * np.array(colour.gain), colour.gamma)
    return adjust(seen, colour.hue, colour.saturation, colour.contrast, colour.brightness)


def gain_and_gamma(image: NDArray[Any], gain: ArrayLike, gamma: ArrayLike) -> NDArray[np.float32]:
    """Multiply each channel by its gain, then bend it by its gamma: x → 255 (gain · x / 255)^gamma.

    A gain is a lamp or a white balance; a gamma is the curve from light to grey level. Black stays
    black; with a gain of 1 white stays white.

    Parameters
    ----------
    image
        (…, 3), grey levels; negative ones count as 0.
    gain, gamma
        One number, or one for each channel; above 0.

    Raises
    ------
    SettingsError
        A gain or gamma is not above 0 and finite.
    """
    factors, powers = _per_channel("gain", gain), _per_channel("gamma", gamma)
    light = np.maximum(image, 0) * np.asarray(factors / _TOP, np.float32)
    return np.asarray(_TOP * light ** np.asarray(powers, np.float32), np.float32)


def adjust(
    image: NDArray[Any], hue: float, saturation: float, contrast: float, brightness: float
) -> NDArray[np.float32]:
    """Turn the hue, then change saturation, contrast and brightness; greys stay grey.

    ConvFocus augments brightness, contrast, hue and saturation and gives no ranges [1]_. The hue is
    turned about the grey axis (Rodrigues' formula), not in HSV, whose hue jumps at dark and grey
    pixels; contrast is about the mean of each image, as TensorFlow's `adjust_contrast` has it.

    Parameters
    ----------
    image
        (…, H, W, 3), grey levels.
    hue
        Turn, radians; positive from red towards green.
    saturation
        Factor on the distance from grey; 0 gives greys, 1 changes nothing.
    contrast
        Factor on the distance from the image's mean colour; 1 changes nothing.
    brightness
        Grey levels that are added; 0 changes nothing.

    References
    ----------
    .. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019.
    """
    plain = np.asarray(image, np.float32)
    middle = plain.mean(axis=(-3, -2), keepdims=True)
    turned = _colour_matrix(hue, saturation).astype(np.float32).T
    return np.asarray(
        (plain - middle) @ (turned * np.float32(contrast)) + middle @ turned + brightness,
        np.float32,
    )


def restain(image: NDArray[Any], scale: ArrayLike, shift: ArrayLike) -> NDArray[np.float32]:
    """Change the amounts of haematoxylin, eosin and DAB: s → scale · s + shift.

    Optical densities, −ln(x / 255), are parted into the three stains by Ruifrok and Johnston's
    matrix [1]_ as scikit-image has it (`skimage.color.hed_from_rgb`), each stain is changed as
    Tellez et al. do [2]_, and the densities are put together again. Unlike `skimage.color.rgb2hed`
    nothing is cut at zero, so a scale of 1 and a shift of 0 give back every colour.

    Parameters
    ----------
    image
        (…, 3), grey levels; below 1 they count as 1.
    scale
        One factor, or one for each stain; Tellez et al. draw 0.95 to 1.05, “strong” 0.8 to 1.2.
    shift
        Added to one or each stain, natural optical density. It colours the glass as well.

    Raises
    ------
    SettingsError
        A scale is not above 0 and finite, or a shift is not finite.

    References
    ----------
    .. [1] Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution",
       Anal Quant Cytol Histol 23(4), 2001.
    .. [2] Tellez et al., "Whole-slide mitosis detection in H&E breast histology …", IEEE Trans Med
       Imaging 37(9), 2018, and "Quantifying the effects of data augmentation …", Med Image Anal 58,
       2019.
    """
    factors = _per_channel("scale of a stain", scale)
    added = np.broadcast_to(np.asarray(shift, float), 3)
    if not np.isfinite(added).all():
        raise SettingsError(f"the shift of a stain is {shift!r}; it must be finite")
    # density → stains → changed stains → density, in one step
    matrix = (hed_from_rgb * factors) @ rgb_from_hed
    log = np.log(np.maximum(np.asarray(image, np.float32), 1) / np.float32(_TOP))
    changed = log @ matrix.astype(np.float32) - (added @ rgb_from_hed).astype(np.float32)
    return np.asarray(_TOP * np.exp(changed), np.float32)


def _colour_matrix(hue: float, saturation: float) -> NDArray[np.float64]:
    """Return the matrix that turns colours about (1, 1, 1) and stretches them away from it."""
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turn = np.cos(hue) * (np.eye(3) - grey) + np.sin(hue) * cross
    return np.asarray(grey + saturation * turn, np.float64)


def _per_channel(what: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return three numbers above 0."""
    three = np.broadcast_to(np.asarray(values, float), 3)
    if not ((three > 0) & np.isfinite(three)).all():
        raise SettingsError(f"the {what} is {values!r}; it must be above 0 and finite")
    return three
