"""One picture out of a stack, each tile from its sharpest plane.

Room: pipeline. Along the borders of tiles two planes are blended, over a quarter of a tile.
"""

from collections.abc import Generator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_focusqc.geometry import Region
from napari_focusqc.inference.device import usable_cores
from napari_focusqc.pipeline.stack_beginning import StackJob, StackProgress
from napari_focusqc.progress import Progress
from napari_focusqc.results.composite import Composite
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.tiles.grid import model_shape
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.tiles.windows import read_window

SEAM = 0.25
"""Over this share of a tile, half of it on each side of a border, one plane becomes the other."""
STAGE = "putting the sharpest parts together"


def all_in_focus(
    job: StackJob, distance_map: DistanceMap
) -> Generator[StackProgress, None, Composite | None]:
    """Put each tile's sharpest plane into one picture.

    A tile without a sharpest plane takes that of the nearest tile that has one. Pixels at the rim
    of a region know nothing of the tiles beyond it; all others do not depend on the region.

    Returns
    -------
    None where no tile has a sharpest plane, or the picture would have more pixels than allowed.
    """
    grid, shape = job.grid, model_shape(job.grid.shape, job.grid.scale)
    side = grid.stride_px
    whole = Region(grid.row0 * side, grid.col0 * side, grid.rows * side, grid.cols * side).clipped(
        shape
    )
    sharpest = distance_map.sharpest_plane()
    too_large = whole.height * whole.width > job.settings.composite_mpx * 1e6
    if too_large or (sharpest < 0).all():
        return None
    wide = np.pad(filled(sharpest), 1, mode="edge")
    pixels = np.empty((whole.height, whole.width, 3), np.uint8)

    def work(place: tuple[int, int]) -> tuple[Region, NDArray[np.uint8]]:
        row, col = place
        cell = Region(whole.y + row * side, whole.x + col * side, side, side).clipped(shape)
        return cell, _blended(job, cell, wide[row : row + 3, col : col + 3])

    places = list(np.ndindex(grid.rows, grid.cols))
    threads = job.settings.threads or usable_cores()
    with closing(in_order(work, places, threads)) as cells:
        for done, (cell, part) in enumerate(cells, start=1):
            top, left = cell.y - whole.y, cell.x - whole.x
            pixels[top : top + cell.height, left : left + cell.width] = part
            yield Progress(done, len(places), STAGE)
    corner = (whole.y * grid.scale, whole.x * grid.scale)
    return Composite(pixels, grid.scale, corner, job.source.mpp)


def filled(planes: NDArray[np.int16]) -> NDArray[np.int16]:
    """Give tiles without a plane (−1) that of the nearest tile with one; there must be one."""
    at = distance_transform_edt(planes < 0, return_distances=False, return_indices=True)
    return np.asarray(planes[tuple(at)], np.int16)


def seam_weights(side: int, seen: int) -> NDArray[np.float32]:
    """Return how much the tile before, the tile itself and the tile after count along an axis.

    Parameters
    ----------
    side
        Of a tile, px.
    seen
        How many of its pixels there are.

    Returns
    -------
    float32 (3, seen), sum 1; halves at the borders, so that neighbours agree there.
    """
    at = (np.arange(seen, dtype=np.float32) + 0.5) / side
    before, after = (np.clip(0.5 - each / SEAM, 0, 0.5) for each in (at, 1 - at))
    return np.stack([before, 1 - before - after, after]).astype(np.float32)


def _blended(job: StackJob, cell: Region, around: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Return the pixels of a tile, given its own and its neighbours' planes, (3, 3)."""
    side = job.grid.stride_px
    down, across = seam_weights(side, cell.height), seam_weights(side, cell.width)
    total = np.zeros((cell.height, cell.width, 3), np.float32)
    for plane in np.unique(around):
        source = LevelSource.of(job.slide, job.grid, job.source.planes[plane])
        weight = down.T @ (around == plane).astype(np.float32) @ across
        if weight.any():
            total += weight[..., None] * read_window(source, cell)[0]
    return np.rint(total).astype(np.uint8)
