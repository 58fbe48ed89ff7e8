"""Training crops for finding nuclei: turned, mirrored, shifted, bent and restained at random.

Room: training. MicroNet's augmentation [1]_: random rotation, shifting, mirroring and elastic
distortion of 200 × 200 px crops. The paper gives no ranges; those here are ours. One warp leads
from a crop to its field, for pixels and centres alike. Size is drawn as well, as far as slides may
differ from the µm/px of the weights, and some crops lie partly on `glass`; the paper does neither.

The paper then takes from each channel of a crop its mean and divides by its standard deviation.
On a slide no patch stands out whose mean that would be, so here colours are left as they are, and
crops are drawn in many stains and lights instead (`augmentation`, `inference.nuclei`).

Crops lie where the field covers them wholly: no nucleus is reflected or made up. In a field too
narrow for a turned crop (at 45° one of 200 px needs 283) the turn is drawn again, and after some
tries turn and bend are taken back in steps, at worst to a quarter turn without a bend.

References
----------
.. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images", BMC
   Bioinformatics 20:472, 2019, “Implementation details”.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.inference.nuclei import missing_light
from napari_focusqc.optics.colour import recolour
from napari_focusqc.training.augmentation import AUGMENTED, Augmentation
from napari_focusqc.training.glass import lay_glass
from napari_focusqc.training.nucleus_fields import NucleusField
from napari_focusqc.training.warp import Warp, draw_warp


@dataclass(frozen=True, slots=True, eq=False)
class NucleusCrops:
    """Crops with their nuclei.

    Parameters
    ----------
    pixels
        float32 (B, 3, crop, crop), share of the light that is missing, as MicroNet takes it.
    centres
        For each crop float32 (N, 2), (y, x) px; the centre of its first pixel is (0, 0).
    """

    pixels: NDArray[np.float32]
    centres: tuple[NDArray[np.float32], ...]


def nucleus_crops(
    fields: Sequence[NucleusField],
    numbers: Sequence[int],
    seed: int,
    augmentation: Augmentation = AUGMENTED,
) -> NucleusCrops:
    """Make the crops of these numbers; each depends on its number and the seed alone.

    Parameters
    ----------
    fields
        What they are cut from; each serves as often as its area asks.
    numbers
        Which crops of an endless row, at least 0.
    seed
        Another seed gives another row.
    augmentation
        How crops differ.

    Raises
    ------
    TrainingError
        There are no fields, or one is smaller than a crop.
    """
    side = augmentation.crop_px
    if not fields or any(min(field.pixels.shape[:2]) < side for field in fields):
        raise TrainingError(
            f"crops of {side} × {side} px need fields of at least that size, and one of the "
            f"{len(fields)} fields is smaller or there are none; give larger ones"
        )
    areas = np.array([field.pixels.shape[0] * field.pixels.shape[1] for field in fields], float)
    pixels = np.empty((len(numbers), 3, side, side), np.float32)
    centres = []
    for place, number in enumerate(numbers):
        rng = np.random.default_rng([seed, number])
        field = fields[int(rng.choice(len(fields), p=areas / areas.sum()))]
        warp = draw_warp((field.pixels.shape[0], field.pixels.shape[1]), augmentation, rng)
        image = _seen_through(field.pixels, warp)
        if augmentation.colours is not None:
            image = recolour(image, augmentation.colours.draw_colour(rng))
        inside = _centres_in(field, warp, augmentation.reach_px)
        if rng.random() < augmentation.glass:
            image, inside = lay_glass(image, inside, rng)
        pixels[place] = missing_light(image)
        centres.append(inside)
    return NucleusCrops(pixels, tuple(centres))


def _seen_through(pixels: NDArray[np.uint8], warp: Warp) -> NDArray[np.float32]:
    """Sample a field where a crop's pixels lie, float32 (crop, crop, 3), grey levels.

    Bicubic: bilinear interpolation would blur every crop, and no image that is scored is so.
    """
    places = warp.grid()
    first = np.maximum(np.floor(places.min(axis=(1, 2))).astype(int) - 1, 0)
    last = np.ceil(places.max(axis=(1, 2))).astype(int) + 3
    window = pixels[first[0] : last[0], first[1] : last[1]].transpose(2, 0, 1).astype(np.float32)
    y, x = (
        2 / (length - 1) * (along - start) - 1
        for along, start, length in zip(places, first, window.shape[1:], strict=True)
    )
    seen = F.grid_sample(
        torch.from_numpy(window)[None],
        torch.from_numpy(np.stack([x, y], axis=2).astype(np.float32))[None],
        mode="bicubic",
        padding_mode="border",
        align_corners=True,  # −1 and 1 are the centres of the outermost pixels
    )
    return np.asarray(seen[0].numpy().transpose(1, 2, 0), np.float32)


def _centres_in(field: NucleusField, warp: Warp, reach_px: float) -> NDArray[np.float32]:
    """Return the centres in and around a crop, float32 (N, 2), px of the crop."""
    centres = warp.to_crop(field.centres.astype(np.float64))
    near = (centres >= -reach_px) & (centres <= warp.crop_px - 1 + reach_px)
    return centres[near.all(axis=1)].astype(np.float32)
