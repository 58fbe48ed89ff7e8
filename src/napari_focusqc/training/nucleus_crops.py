"""Training crops for finding nuclei: turned, mirrored, shifted, bent and restained at random.

Room: training. MicroNet's augmentation [1]_: random rotation, shifting, mirroring and elastic
distortion of 200 × 200 px crops. The paper gives no ranges; those here are ours. One warp leads
from a crop to its field, for pixels and centres alike.

The paper then takes from each channel of a crop its mean and divides by its standard deviation.
On a slide no patch stands out whose mean that would be, so here colours are left as they are, and
crops are drawn in many stains and lights instead (`COLOURS`; `inference.nuclei.missing_light`).

Crops lie where the field covers them wholly: no nucleus is reflected or made up. In a field too
narrow for a turned crop (at 45° one of 200 px needs 283) the turn is drawn again, and after some
tries turn and bend are taken back in steps, at worst to a quarter turn without a bend.

References
----------
.. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images", BMC
   Bioinformatics 20:472, 2019, “Implementation details”.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, cos, pi, sin

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError, TrainingError
from napari_focusqc.inference.nuclei import missing_light
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.colour import recolour
from napari_focusqc.training.nucleus_fields import NucleusField

SHARES = (1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0)
"""Of the turn off the nearest quarter turn and of the bend, until the crop fits."""
COLOURS = CameraRange(
    stain_scale=(0.7, 1.3),
    exposure=(0.8, 1.2),
    gain=(0.95, 1.05),
    gamma=(0.9, 1.1),
    hue=(-0.15, 0.15),
    saturation=(0.7, 1.3),
    contrast=(0.9, 1.1),
    brightness=(-8.0, 8.0),
)
"""Stains and lights; of it only the colours are drawn. Narrower than what focus is trained on: a
nucleus is told by its colour, too."""
CLOSE_PX = 1e-4
"""Centres are found in a crop to this accuracy."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How crops differ.

    Parameters
    ----------
    crop_px
        Side of a crop, px.
    reach_px
        Centres up to so far outside a crop, along y and x, belong to it as well: the d of the
        proximity map.
    elastic_px
        Most that the elastic distortion moves a pixel along each axis, px; 0 bends nothing.
    elastic_step_px
        Distance between its control points, px; more than four times `elastic_px`, so that it
        never folds. A typical local strain is then some percent.
    colours
        What stains and lights are drawn from; None leaves colours alone.

    Raises
    ------
    SettingsError
        The control points are too close for the distortion.
    """

    crop_px: int = 200
    reach_px: float = 15.0
    elastic_px: float = 8.0
    elastic_step_px: float = 50.0
    colours: CameraRange | None = COLOURS

    def __post_init__(self) -> None:
        if self.elastic_step_px <= 4 * self.elastic_px:
            raise SettingsError(
                f"an elastic distortion of {self.elastic_px:g} px may fold with control points "
                f"{self.elastic_step_px:g} px apart; put them over {4 * self.elastic_px:g} px apart"
            )


AUGMENTED = Augmentation()


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


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Where the points of a crop lie in its field: p → at + turn · (p + bend(p) − middle).

    Parameters
    ----------
    turn
        float64 (2, 2): a rotation, mirrored or not.
    at
        float64 (2,): where the middle of the crop goes, px of the field.
    bend
        float64 (2, K, K): displacements, px of the crop, as control points of a uniform cubic
        B-spline, which they bound; the third lies on the crop's first pixel.
    crop_px, step_px
        Side of the crop, and distance between control points, px.
    """

    turn: NDArray[np.float64]
    at: NDArray[np.float64]
    bend: NDArray[np.float64]
    crop_px: int
    step_px: float

    def to_field(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points of the crop (N, 2) into the field, px."""
        bent = points + self._bend_at(points) - (self.crop_px - 1) / 2
        return bent @ self.turn.T + self.at

    def grid(self) -> NDArray[np.float64]:
        """Map every pixel of the crop into the field: y and x, (2, crop, crop) px."""
        along = np.arange(self.crop_px, dtype=np.float64)
        weights = self._weights(along)
        bent = weights @ self.bend @ weights.T - (self.crop_px - 1) / 2
        bent[0] += along[:, None]
        bent[1] += along
        return np.tensordot(self.turn, bent, 1) + self.at[:, None, None]

    def to_crop(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points of the field (N, 2) into the crop, px; `to_field` the other way round.

        The bend changes by less than a pixel from one pixel to the next (`Augmentation`), so there
        is one fixed point, and each step comes closer to it.
        """
        unturned = (points - self.at) @ self.turn + (self.crop_px - 1) / 2
        found, apart = unturned, np.inf
        while apart > CLOSE_PX:
            closer = unturned - self._bend_at(found)
            apart = np.abs(closer - found).max(initial=0)
            found = closer
        return found

    def _bend_at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the displacement at points (N, 2), px."""
        y, x = self._weights(points[:, 0]), self._weights(points[:, 1])
        return np.asarray(((y @ self.bend) * x).sum(axis=2).T, np.float64)

    def _weights(self, along: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much each control point counts at places (N,) along one axis, (N, K)."""
        count = self.bend.shape[1]
        place = np.clip(along / self.step_px + 2, 1, count - 2)
        apart = np.abs(place[:, None] - np.arange(count))
        near, far = np.maximum(1 - apart, 0), np.maximum(2 - apart, 0)
        return np.asarray((far * far * far - 4 * near * near * near) / 6, np.float64)


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
        pixels[place] = missing_light(image)
        centres.append(_centres_in(field, warp, augmentation.reach_px))
    return NucleusCrops(pixels, tuple(centres))


def draw_warp(shape: tuple[int, int], augmentation: Augmentation, rng: np.random.Generator) -> Warp:
    """Draw how a crop lies in a field of a shape (height, width), px, which covers it.

    Mirror images are as likely as others, and so are the four quarter turns, all turns between
    them where there is room, and all places that are left for the crop.
    """
    side, step_px = augmentation.crop_px, augmentation.elastic_step_px
    quarter, mirrored, where = rng.integers(4) * pi / 2, rng.integers(2) == 1, rng.random(2)
    controls = ceil((side - 1) / step_px) + 5
    bend = rng.uniform(-1, 1, (2, controls, controls)) * augmentation.elastic_px
    edge = _edge(side)
    for share in SHARES:
        angle = quarter + share * rng.uniform(-pi / 4, pi / 4)
        warp = Warp(_turn(angle, mirrored), np.zeros(2), share * bend, side, step_px)
        around = warp.to_field(edge)
        first = around.min(axis=0)
        room = np.array(shape) - 1 - (around.max(axis=0) - first)
        if (room >= 0).all():
            break
    return replace(warp, at=where * np.maximum(room, 0) - first)


def _edge(side: int) -> NDArray[np.float64]:
    """List the outermost pixels of a crop, (4 · side, 2)."""
    along = np.tile(np.arange(side, dtype=np.float64), 2)
    ends = np.repeat((0.0, side - 1.0), side)
    return np.stack([np.append(along, ends), np.append(ends, along)], axis=1)


def _turn(angle: float, mirrored: bool) -> NDArray[np.float64]:
    """Return the matrix of a rotation by an angle (radians), after a mirror where asked for."""
    rotation = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    return rotation * (1, -1 if mirrored else 1)


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
