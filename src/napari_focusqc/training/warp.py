"""How a crop lies in its field: turned, mirrored, enlarged, shifted and bent by one map.

Room: training. Knows no pixel and no nucleus.
"""

from dataclasses import dataclass, replace
from math import ceil, cos, exp, pi, sin

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.training.augmentation import Augmentation

SHARES = (1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0)
"""Of the turn off the nearest quarter turn, of the zoom and of the bend, until the crop fits."""
CLOSE_PX = 1e-4
"""Centres are found in a crop to this accuracy."""


@dataclass(frozen=True, slots=True, eq=False)
class Warp:
    """Where the points of a crop lie in its field: p → at + turn · (p + bend(p) − middle).

    Parameters
    ----------
    turn
        float64 (2, 2): a rotation, mirrored or not, times a zoom.
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
        unturned = (points - self.at) @ np.linalg.inv(self.turn).T + (self.crop_px - 1) / 2
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


def draw_warp(shape: tuple[int, int], augmentation: Augmentation, rng: np.random.Generator) -> Warp:
    """Draw how a crop lies in a field of a shape (height, width), px, which covers it.

    Mirror images are as likely as others, and so are the four quarter turns, all turns between
    them where there is room, and all places that are left for the crop.
    """
    side, step_px = augmentation.crop_px, augmentation.elastic_step_px
    quarter, mirrored, where = rng.integers(4) * pi / 2, rng.integers(2) == 1, rng.random(2)
    zoom = exp(rng.uniform(*np.log(augmentation.zoom)))
    controls = ceil((side - 1) / step_px) + 5
    bend = rng.uniform(-1, 1, (2, controls, controls)) * augmentation.elastic_px
    edge = _edge(side)
    for share in SHARES:
        angle = quarter + share * rng.uniform(-pi / 4, pi / 4)
        turn = _turn(angle, mirrored) * zoom**share
        warp = Warp(turn, np.zeros(2), share * bend, side, step_px)
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
