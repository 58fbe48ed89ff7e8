"""Pairs of tiles from real stacks, as Jiang et al. 2018 publish theirs.

Room: training. Below a folder lies one folder for every place on a slide, ``s1_l2``: sample 1,
location 2. Its images are named by their height above focus in nanometres, ``defocus-350.jpg``, or
``Seg3_defocus-350.jpg`` where they are cut into pieces already.

Which way is up the paper does not say; a plane of a higher number counts as higher, as in Rai
Dastidar's use of them [2]_. Files with a name of another kind are left out.

References
----------
.. [1] Jiang et al., "Transform- and multi-domain deep learning for single-frame rapid autofocusing
   in whole slide imaging", Biomed Opt Express 9(4), 2018.
.. [2] Rai Dastidar, "Automated focus distance estimation …", CVPR Workshops 2019, section 3.5.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.geometry import model_scale
from napari_focusqc.training.distance_pairs import PLANES, Pairs, structured_tiles
from napari_focusqc.training.field_images import SUFFIXES, read_image, shrink

DELTA_TOLERANCE = 0.1
"""Planes count as Δ apart within this share of it."""

_PLACE = re.compile(r"s(\d+)_l(\d+)", re.IGNORECASE)
_PLANE = re.compile(r"(?:seg(\d+)_)?defocus([+-]?\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PublishedStack:
    """The planes of one place, or of one piece of it.

    Parameters
    ----------
    sample, location, piece
        What the names say; a piece of −1 is the whole place.
    planes
        Height above focus, µm, and image, from the lowest to the highest.
    """

    sample: int
    location: int
    piece: int
    planes: tuple[tuple[float, Path], ...]


def find_published(folder: Path) -> tuple[PublishedStack, ...]:
    """List the stacks below a folder, at whatever depth.

    Raises
    ------
    TrainingError
        The folder is missing or has none, or a stack has too many planes.
    """
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}; give one that holds published stacks")
    found: list[tuple[tuple[int, int, str, int], float, Path]] = []
    for path in sorted(folder.rglob("*")):
        place, plane = _PLACE.fullmatch(path.parent.name), _PLANE.fullmatch(path.stem)
        if place and plane and path.suffix.lower() in SUFFIXES:
            key = int(place[1]), int(place[2]), str(path.parent), int(plane[1] or -1)
            found.append((key, int(plane[2]) / 1000, path))
    stacks = []
    for key, planes in groupby(sorted(found), key=lambda each: each[0]):
        known = tuple((z_um, path) for _, z_um, path in planes)
        if len(known) > PLANES:
            raise TrainingError(
                f"{key[2]} holds {len(known)} planes of one place; a stack has at most {PLANES}"
            )
        stacks.append(PublishedStack(key[0], key[1], key[3], known))
    if not stacks:
        raise TrainingError(
            f"{folder} holds no published stacks; their images are named like s1_l1/defocus-350.jpg"
        )
    return tuple(stacks)


def split_stacks(
    stacks: Sequence[PublishedStack], share: float, seed: int
) -> tuple[tuple[PublishedStack, ...], tuple[PublishedStack, ...]]:
    """Part stacks by sample into those to train on and those to measure on.

    Raises
    ------
    TrainingError
        There is one sample only.
    """
    samples = sorted({stack.sample for stack in stacks})
    if len(samples) < 2:
        raise TrainingError(
            "the published stacks are of one sample; at least two are needed, one to train on and "
            "one to measure on"
        )
    held = min(max(round(share * len(samples)), 1), len(samples) - 1)
    unseen = set(np.random.default_rng(seed).permutation(samples)[:held].tolist())
    training = tuple(stack for stack in stacks if stack.sample not in unseen)
    return training, tuple(stack for stack in stacks if stack.sample in unseen)


def published_pairs(
    stack: PublishedStack, number: int, tile_px: int, factor: float, delta_um: float
) -> Pairs:
    """Cut a stack into pairs of tiles, side by side, in every two planes that lie Δ apart.

    Parameters
    ----------
    stack
        Its planes.
    number
        Of the stack; fields are counted from it.
    tile_px
        Side of the tiles, px.
    factor
        Pixels of the images per pixel of the tiles, at least 1 (`geometry.model_scale`).
    delta_um
        From the first plane up to the second, µm.

    Returns
    -------
    Tiles that have structure in the plane nearest to focus; maybe none.

    Raises
    ------
    TrainingError
        The planes differ in size.
    FocusQCError
        An image cannot be read.
    """
    heights = np.array([z_um for z_um, _ in stack.planes])
    images = [shrink(read_image(path)[0], factor) for _, path in stack.planes]
    if len({image.shape for image in images}) > 1:
        raise TrainingError(
            f"the planes of {stack.planes[0][1].parent} differ in size; give planes of one place"
        )
    tiles = structured_tiles(images[int(np.abs(heights).argmin())], tile_px)
    together = [
        (first, second)
        for second in range(len(heights))
        if (first := partner(heights, second, delta_um)) is not None
    ]
    planes = [
        (images[first][tile], images[second][tile]) for first, second in together for tile in tiles
    ]
    seconds = np.repeat(np.array([second for _, second in together], np.int64), len(tiles))
    return Pairs(
        np.array(planes, np.uint8).reshape(-1, 2, tile_px, tile_px, 3),
        np.asarray(-heights[seconds], np.float32),
        PLANES * number + seconds,
    )


def scale_of(data_mpp: float, mpp: float) -> float:
    """Return pixels of the images per pixel of the tiles.

    Raises
    ------
    TrainingError
        The images are coarser than wanted.
    """
    factor = model_scale(data_mpp, mpp)
    if factor < 1:
        raise TrainingError(
            f"the stacks have {data_mpp:g} µm/px, coarser than {mpp:g}; train at {data_mpp:g} µm/px"
        )
    return factor


def partner(heights_um: NDArray[np.float64], second: int, delta_um: float) -> int | None:
    """Return the plane that lies Δ below another, the nearest to it; None where none does."""
    away = np.abs(heights_um[second] - heights_um - delta_um)
    first = int(away.argmin())
    return first if away[first] <= DELTA_TOLERANCE * delta_um else None
