"""Pairs of tiles from simulated stacks of thick tissue.

Room: training. A scene is a piece of a sharp field, given heights (`optics.thick_tissue`), seen by
one lens and one camera: nine tiles side by side where the field is large enough, in every two of a
stack's planes, which lie Δ apart and begin anywhere. Stain, light and camera are the scene's. Noise
and the quality of the JPEG are drawn for every plane by itself: what two files differ in besides
focus must not be taken for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from napari_focusqc.optics.camera import Camera, expose
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.lens_range import LensRange
from napari_focusqc.optics.thick_tissue import focus_height_um, relief, section, stack
from napari_focusqc.training.crops import MARGIN_PX, Places
from napari_focusqc.training.distance_pairs import PLANES, Pairs, structured_tiles
from napari_focusqc.training.fields import Field

ACROSS = 3
"""Tiles of a scene, each way; fewer in a smaller field."""
MARGIN_UM = 16.0
"""Around a scene: as far as light is blurred."""

Corner = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SceneKind:
    """What scenes are made.

    Parameters
    ----------
    tile_px
        Side of the tiles, px.
    mpp
        µm/px of the fields.
    delta_um
        From the first plane up to the second, µm.
    reach_um
        Farthest that the second plane is from the middle of the section, µm.
    lenses, scanners
        What lenses, sections and cameras are drawn from; the scanners' quality is a range.
    """

    tile_px: int
    mpp: float
    delta_um: float
    reach_um: float
    lenses: LensRange
    scanners: CameraRange

    @property
    def depths(self) -> int:
        """Pairs of planes of a scene: as many as lie Δ apart within the reach, one at least."""
        return max(int(2 * self.reach_um / self.delta_um), 1)


def scene_pairs(fields: Sequence[Field], kind: SceneKind, seed: int, number: int) -> Pairs:
    """Make the pairs of one scene.

    The distance of a tile is from its second plane to the mean height of its own edges
    (`focus_height_um`), not to the middle of the section.

    Parameters
    ----------
    fields
        Sharp fields at the kind's µm/px, all at least a tile wide and high.
    kind
        What is made.
    seed, number
        The same ones give the same scene. Kinds that differ in one value give scenes that differ
        in that value alone.

    Returns
    -------
    At most `ACROSS`² tiles of each pair of planes, from the lowest pair to the highest. The planes
    lie Δ apart, so that each but the ends is the second of one pair and the first of the next.

    Raises
    ------
    TrainingError
        Nothing in the fields has structure.
    """
    of_lens, of_camera, rng = (np.random.default_rng([seed, number, each]) for each in range(3))
    lens, thickness_um = kind.lenses.draw(of_lens)
    camera = kind.scanners.draw(of_camera)
    places = Places(fields, kind.mpp, kind.tile_px)
    field, corner = places.draw(rng)
    pixels, inner = _window(field.pixels, corner, kind)
    height_um = relief(pixels.shape[:2], thickness_um, kind.mpp, rng)
    second = (
        thickness_um / 2 - kind.reach_um + kind.delta_um * (rng.random() + np.arange(kind.depths))
    )
    planes = [second[0] - kind.delta_um, *second]
    light = stack(section(pixels, height_um), lens, planes, kind.mpp)
    grid = rng.integers(MARGIN_PX - 7, MARGIN_PX + 1, size=2).tolist()
    seen = [_exposed(plane, inner, (grid[0], grid[1]), camera, kind, rng) for plane in light]
    tiles = structured_tiles(pixels[inner], kind.tile_px)
    focus = [focus_height_um(pixels[inner][tile], height_um[inner][tile]) for tile in tiles]
    pairs = [(below[tile], above[tile]) for below, above in pairwise(seen) for tile in tiles]
    number_of_plane = PLANES * number + np.arange(kind.depths)
    return Pairs(
        np.array(pairs, np.uint8).reshape(-1, 2, kind.tile_px, kind.tile_px, 3),
        np.subtract.outer(focus, second).T.astype(np.float32).ravel(),
        np.repeat(number_of_plane, len(tiles)),
    )


def _window(
    field: NDArray[np.uint8], corner: Corner, kind: SceneKind
) -> tuple[NDArray[np.uint8], tuple[slice, slice]]:
    """Cut a scene with its margin, continued by reflection where the field ends.

    Returns
    -------
    uint8 (h, w, 3), and where the scene lies in it; `corner` is that of a tile of the scene.
    """
    spans, places = [], []
    for at, size in zip(corner, field.shape, strict=False):
        side = min(size // kind.tile_px, ACROSS) * kind.tile_px
        start = min(max(at - kind.tile_px * (ACROSS // 2), 0), size - side)
        whole = next_fast_len(side + 2 * int(np.ceil(MARGIN_UM / kind.mpp)), real=True)
        before = (whole - side) // 2
        spans.append((start - before, start - before + whole))
        places.append(slice(before, before + side))
    within = tuple(
        slice(max(a, 0), min(b, size)) for (a, b), size in zip(spans, field.shape, strict=False)
    )
    missing = [
        (max(-a, 0), max(b - size, 0)) for (a, b), size in zip(spans, field.shape, strict=False)
    ]
    return np.pad(field[within], (*missing, (0, 0)), "symmetric"), (places[0], places[1])


def _exposed(
    plane: NDArray[np.float32],
    inner: tuple[slice, slice],
    grid: Corner,
    camera: Camera,
    kind: SceneKind,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Return a scene as a file holds it; `grid` px lie above and left of it in the JPEG."""
    low, high = kind.scanners.quality or (0, 0)
    quality = low + int(rng.random() * (high - low + 1))
    (top, bottom), (left, right) = ((each.start, each.stop) for each in inner)
    around = plane[
        top - grid[0] : bottom + MARGIN_PX,
        left - grid[1] : right + MARGIN_PX,
    ]
    written = expose(around, replace(camera, quality=quality or None), rng)
    return written[grid[0] :, grid[1] :][: bottom - top, : right - left]
