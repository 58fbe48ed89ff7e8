"""Slides that the benchmarks write: a real tissue image as tiled 4:2:0 JPEG, and sparse ones.

Of a sparse slide only a corner, a tenth of the area, has data; the other tiles are empty, which is
white. So a slide of any size is written in seconds and takes little of the disk.
"""

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from skimage import data

TILE = 256
MPP = 0.25
SPARSE_PART = 0.1


def tissue_period(downsample: int) -> np.ndarray:
    """Return a seamless 1024 px square of tissue, area-averaged by `downsample`."""
    field = data.immunohistochemistry()
    field = np.concatenate([field, field[::-1]])
    field = np.concatenate([field, field[:, ::-1]], axis=1)
    side = 1024 // downsample
    small = field.reshape(side, downsample, side, downsample, 3).mean((1, 3)).astype(np.uint8)
    return np.tile(small, (downsample, downsample, 1))


def tiles(shape: tuple[int, int], downsample: int, sparse: bool) -> Iterator[bytes]:
    """Yield the tiles of a level of `shape` px, encoded."""
    period = tissue_period(downsample)
    steps = range(0, 1024, TILE)
    encoded = [
        [
            imagecodecs.jpeg8_encode(
                np.ascontiguousarray(period[y : y + TILE, x : x + TILE]), level=80
            )
            for x in steps
        ]
        for y in steps
    ]
    rows, cols = (-(-side // TILE) for side in shape)
    part = SPARSE_PART**0.5 if sparse else 1
    for row in range(rows):
        for col in range(cols):
            full = row < int(rows * part) and col < int(cols * part)
            yield encoded[row % len(steps)][col % len(steps)] if full else b""


def write_slide(
    path: Path,
    shape: tuple[int, int],
    sparse: bool = False,
    downsamples: tuple[int, ...] = (1, 4, 16),
) -> None:
    """Write a slide of (height, width) px at 0.25 µm/px, its levels as SubIFDs."""
    with tifffile.TiffWriter(path, bigtiff=True) as tif:
        for downsample in downsamples:
            part = (shape[0] // downsample, shape[1] // downsample)
            tif.write(
                tiles(part, downsample, sparse),
                shape=(*part, 3),
                dtype=np.uint8,
                tile=(TILE, TILE),
                photometric="ycbcr",
                compression="jpeg",
                subsampling=(2, 2),
                resolution=(1e4 / (MPP * downsample), 1e4 / (MPP * downsample)),
                resolutionunit="CENTIMETER",
                subfiletype=0 if downsample == 1 else 1,
                subifds=len(downsamples) - 1 if downsample == 1 else None,
                metadata=None,
            )
