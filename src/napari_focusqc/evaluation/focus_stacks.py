"""Focus stacks of known distance, made by wave optics.

Room: evaluation. Nothing here is a real stack: a lens and a scanner are simulated (`optics.wave`,
`optics.camera`). Each field gets one lens and one scanner for all of its planes, as a slide does;
every plane gets noise of its own.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.optics.camera import expose
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import blur_channels, relative_kernels
from napari_focusqc.progress import Progress
from napari_focusqc.tiles.structure import has_structure

Z_UM = tuple(0.5 * step for step in range(13))
"""0 to 6 µm."""
NUMERICAL_APERTURE = (0.65, 0.8)

USUAL = CameraRange(
    noise_scale=(0.003, 0.05),
    sharpening=(0.0, 1.0),
    stain_scale=(0.8, 1.2),
    exposure=(1.0, 1.0),
    gain=(0.95, 1.05),
    gamma=(0.9, 1.1),
    hue=(-0.1, 0.1),
    saturation=(0.8, 1.2),
    contrast=(0.8, 1.2),
    brightness=(-10.0, 10.0),
    quality=(60, 95),
)
"""Scanners and stains as a laboratory has them: about the noise of most real fields
(`CameraRange.noise_scale`), white balance within 5 %, a stain that stays the stain it is."""
SCANNERS = {"usual": USUAL, "widest": CameraRange()}
"""What scanners may be drawn from; the widest are those that ConvFocus is trained on, with hues
turned by up to an eighth and noise up to three times the usual."""


@dataclass(frozen=True, slots=True, eq=False)
class StackTiles:
    """Tiles of simulated stacks.

    Parameters
    ----------
    images
        uint8 (N, tile, tile, 3), RGB.
    z_um
        float32 (N,), distance from focus, µm.
    field
        int64 (N,), number of the field a tile is from.
    radius_um
        float32 (N,), radius of the disk that geometric optics makes of the distance, µm. Each
        field's lens has a numerical aperture of its own, so this is the truth of the blur.
    """

    images: NDArray[np.uint8]
    z_um: NDArray[np.float32]
    field: NDArray[np.int64]
    radius_um: NDArray[np.float32]


def make_stacks(
    fields: Sequence[NDArray[np.uint8]],
    mpp: float,
    tile_px: int,
    seed: int,
    scanners: CameraRange = USUAL,
) -> Generator[Progress[None], None, StackTiles]:
    """Defocus fields plane by plane and cut whole tiles, side by side.

    Parameters
    ----------
    fields
        Sharp, uint8 (H, W, 3), at `mpp`.
    mpp
        µm/px.
    tile_px
        Side of a tile, px.
    seed
        The same seed gives the same stacks.
    scanners
        What scanners are drawn from.

    Raises
    ------
    EvaluationError
        No tile has structure.
    """
    cut: list[StackTiles] = []
    for number, field in enumerate(fields):
        cut += field_stacks(field, mpp, tile_px, (seed, number), [scanners])
        yield Progress(number + 1, len(fields), "making stacks")
    return join_stacks(cut)


def field_stacks(
    field: NDArray[np.uint8],
    mpp: float,
    tile_px: int,
    seed: tuple[int, int],
    scanners: Sequence[CameraRange],
) -> list[StackTiles]:
    """Make the stack of one field as seen by several scanners, which have all luck in common.

    Every range draws from the same random numbers, so two that differ in one value give scanners,
    and noise, that differ in that value alone.

    Parameters
    ----------
    field, mpp, tile_px
        As for `make_stacks`.
    seed
        Seed of the stacks and number of the field.
    scanners
        Ranges, one stack each.

    Returns
    -------
    As many stacks as `scanners`; without tiles where nothing has structure.
    """
    corners = _corners(field, tile_px)
    rngs = [np.random.default_rng(seed) for _ in scanners]
    lenses = [Objective(rng.uniform(*NUMERICAL_APERTURE)) for rng in rngs]
    cameras = [each.draw(rng) for each, rng in zip(scanners, rngs, strict=True)]
    seen: list[list[NDArray[np.uint8]]] = [[] for _ in scanners]
    for z_um in Z_UM if corners else ():
        blurred = blur_channels(field, relative_kernels(lenses[0], z_um, mpp))
        for tiles, camera, rng in zip(seen, cameras, rngs, strict=True):
            plane = expose(blurred, camera, rng)
            tiles += [plane[y : y + tile_px, x : x + tile_px] for y, x in corners]
    z = np.repeat(np.array(Z_UM, np.float32), len(corners))
    of_field = np.full(len(z), seed[1], np.int64)
    shape = (len(z), tile_px, tile_px, 3)
    radius = np.asarray(z * lenses[0].blur_radius_um(1.0), np.float32)
    return [
        StackTiles(np.array(tiles, np.uint8).reshape(shape), z, of_field, radius) for tiles in seen
    ]


def join_stacks(stacks: Sequence[StackTiles]) -> StackTiles:
    """Put the stacks of several fields together.

    Raises
    ------
    EvaluationError
        There is no tile in them.
    """
    if not sum(len(stack.z_um) for stack in stacks):
        raise EvaluationError(
            f"no tile in {len(stacks)} fields has structure; give images with tissue in them"
        )
    return StackTiles(
        np.concatenate([stack.images for stack in stacks]),
        np.concatenate([stack.z_um for stack in stacks]),
        np.concatenate([stack.field for stack in stacks]),
        np.concatenate([stack.radius_um for stack in stacks]),
    )


def _corners(field: NDArray[np.uint8], tile_px: int) -> list[tuple[int, int]]:
    """Return (y, x) of whole tiles, side by side, that have structure."""
    height, width = field.shape[:2]
    every = [
        (y, x)
        for y in range(0, height - tile_px + 1, tile_px)
        for x in range(0, width - tile_px + 1, tile_px)
    ]
    return [(y, x) for y, x in every if has_structure(field[y : y + tile_px, x : x + tile_px])]
