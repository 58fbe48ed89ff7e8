"""Focus stacks of known distance, made by wave optics, and what scores make of them.

Room: evaluation. Nothing here is a real stack: a lens and a scanner are simulated (`optics.wave`,
`optics.camera`). Each field gets one lens and one scanner for all of its planes, as a slide does;
every plane gets noise of its own.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, spearmanr

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
SHARP_UM, BLURRED_UM = 0.5, 1.0
"""The two distances that the area under the ROC curve tells apart."""


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
    """

    images: NDArray[np.uint8]
    z_um: NDArray[np.float32]
    field: NDArray[np.int64]


def make_stacks(
    fields: Sequence[NDArray[np.uint8]],
    mpp: float,
    tile_px: int,
    seed: int,
    scanners: CameraRange | None = None,
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
        What scanners are drawn from; the widest when None.

    Raises
    ------
    EvaluationError
        No tile has structure.
    """
    cut: list[StackTiles] = []
    for number, field in enumerate(fields):
        rng = np.random.default_rng([seed, number])
        lens = Objective(rng.uniform(*NUMERICAL_APERTURE))
        scanner = (scanners or CameraRange()).draw(rng)
        corners = _corners(field, tile_px)
        for step, z_um in enumerate(Z_UM):
            blurred = blur_channels(field, relative_kernels(lens, z_um, mpp))
            plane = expose(blurred, scanner, rng)
            tiles = [plane[y : y + tile_px, x : x + tile_px] for y, x in corners]
            if tiles:
                count = len(tiles)
                of_field = np.full(count, number, np.int64)
                cut.append(StackTiles(np.stack(tiles), np.full(count, z_um, np.float32), of_field))
            done = number * len(Z_UM) + step + 1
            yield Progress(done, len(fields) * len(Z_UM), "making stacks")
    if not cut:
        raise EvaluationError(
            f"no tile of {tile_px} px in {len(fields)} fields has structure; give images with "
            "tissue in them"
        )
    return StackTiles(
        np.concatenate([part.images for part in cut]),
        np.concatenate([part.z_um for part in cut]),
        np.concatenate([part.field for part in cut]),
    )


def stack_figures(scores: NDArray[np.float64], tiles: StackTiles) -> dict[str, float]:
    """Measure how scores follow the distance from focus, tile by tile.

    Parameters
    ----------
    scores
        float64 (N,), higher is more out of focus.
    tiles
        What was scored.

    Returns
    -------
    Spearman's correlation with the distance, over all tiles and for the worst field; the area
    under the ROC curve of 0.5 against 1.0 µm; numbers of tiles and fields. Rounded to 3 places.
    """
    near = scores[np.isclose(tiles.z_um, SHARP_UM)]
    far = scores[np.isclose(tiles.z_um, BLURRED_UM)]
    by_field = [
        spearmanr(scores[tiles.field == number], tiles.z_um[tiles.field == number]).statistic
        for number in np.unique(tiles.field)
    ]
    return {
        "stack_spearman": round(float(spearmanr(scores, tiles.z_um).statistic), 3),
        "stack_spearman_worst_field": round(float(min(by_field)), 3),
        "stack_auc_0.5_1.0_um": round(
            float(mannwhitneyu(far, near).statistic) / (len(far) * len(near)), 3
        ),
        "stack_tiles": len(scores),
        "stack_fields": len(by_field),
    }


def _corners(field: NDArray[np.uint8], tile_px: int) -> list[tuple[int, int]]:
    """Return (y, x) of whole tiles, side by side, that have structure."""
    height, width = field.shape[:2]
    every = [
        (y, x)
        for y in range(0, height - tile_px + 1, tile_px)
        for x in range(0, width - tile_px + 1, tile_px)
    ]
    return [(y, x) for y, x in every if has_structure(field[y : y + tile_px, x : x + tile_px])]
