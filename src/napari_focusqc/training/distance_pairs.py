"""Pairs of tiles whose distance from focus is known, and the files they are kept in.

Room: training. Pairs are many and slow to make, so they are made once, group by group, into plain
arrays on the disk. A run that was killed goes on with the next group; group number k depends on
what makes it and on k alone.
"""

import json
import shutil
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import FocusQCError, OutputError, TrainingError
from napari_focusqc.inference.device import usable_cores
from napari_focusqc.progress import Progress
from napari_focusqc.results.beside import file_beside
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.tiles.structure import has_structure

PLANES = 1000
"""At most of one stack; the number of a field is that of its stack times this, plus its plane's."""
MAX_BYTES = 2**40
STATE = "pairs.json"
"""What the pairs belong to, and how many there are; written last."""
_FREE_BYTES = 2**28
"""Left on the disk."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Tiles of two planes.

    Parameters
    ----------
    planes
        uint8 (N, 2, t, t, 3), RGB: the first plane, and the second Δ above it.
    distance_um
        float32 (N,), from the second plane to focus, µm; the sign is that of
        `models.focus_distance`.
    field
        int64 (N,), the same for tiles of one field at one height.
    """

    planes: NDArray[np.uint8]
    distance_um: NDArray[np.float32]
    field: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.distance_um)


Make = Callable[[int], Pairs]
"""From a number to the pairs of one group."""


def join_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Put groups together; there must be one at least."""
    return Pairs(
        np.concatenate([part.planes for part in parts]),
        np.concatenate([part.distance_um for part in parts]),
        np.concatenate([part.field for part in parts]),
    )


def structured_tiles(image: NDArray[np.uint8], tile_px: int) -> list[tuple[slice, slice]]:
    """List the whole tiles of a sharp image, side by side, that have structure: rows, columns."""
    height, width = image.shape[:2]
    every = [
        (slice(y, y + tile_px), slice(x, x + tile_px))
        for y in range(0, height - tile_px + 1, tile_px)
        for x in range(0, width - tile_px + 1, tile_px)
    ]
    return [tile for tile in every if has_structure(image[tile])]


def kept_pairs(
    folder: Path, name: str, shape: tuple[int, int], make: Make, groups: int
) -> Generator[Progress[None], None, Pairs]:
    """Make pairs, or take those that were made before.

    Parameters
    ----------
    folder
        Where they lie; made when it is not there.
    name
        What they are, in words; a folder with others is refused.
    shape
        How many there shall be at most, and the side of their tiles, px.
    make
        Makes a group; called from several threads.
    groups
        How many groups there are at most.

    Returns
    -------
    Read from the disk as they are used; fewer than asked where the groups hold fewer.

    Raises
    ------
    TrainingError
        The folder holds other pairs or damaged ones, or no group holds any.
    OutputError
        The folder cannot be written, or the disk is too small.
    """
    files, (done, filled) = _open(folder, name, shape)
    count, _ = shape
    work = in_order(make, range(done, groups), usable_cores())
    while filled < count and done < groups:
        group = next(work)
        end = min(filled + len(group), count)
        parts: tuple[NDArray[Any], ...] = (group.planes, group.distance_um, group.field)
        for file, part in zip(files, parts, strict=True):
            file[filled:end] = part[: end - filled]
            file.flush()
        done, filled = done + 1, end
        _write_state(folder, name, done, filled)
        yield Progress(filled, count, "making pairs")
    work.close()
    if not filled:
        raise TrainingError("nothing in the stacks has structure; give images with tissue in them")
    planes, distance_um, field = (file[:filled] for file in files)
    return Pairs(planes, distance_um, field)


def _open(folder: Path, name: str, shape: tuple[int, int]) -> tuple[list[Any], tuple[int, int]]:
    """Open the arrays, new or as they were left; return how many groups and pairs they hold."""
    try:
        known = _read_state(folder, name)
        return _arrays(folder, shape, new=known is None), known or (0, 0)
    except FocusQCError:
        raise
    except OSError as error:
        raise OutputError(
            f"the pairs cannot be kept in {folder} ({error}); choose a folder you may write to"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"the pairs in {folder} are damaged ({error}); delete them to make them again"
        ) from error


def _arrays(folder: Path, shape: tuple[int, int], *, new: bool) -> list[Any]:
    """Map the arrays of pairs into memory; a file of another shape raises ValueError."""
    count, side = shape
    kinds: tuple[tuple[str, tuple[int, ...], type[np.generic]], ...] = (
        ("planes", (count, 2, side, side, 3), np.uint8),
        ("distance_um", (count,), np.float32),
        ("field", (count,), np.int64),
    )
    if new:
        _check_room(folder, sum(prod(size) * np.dtype(kind).itemsize for _, size, kind in kinds))
    files = []
    for each, size, kind in kinds:
        path = folder / f"pairs.{each}.npy"
        mode: Literal["w+", "r+"] = "w+" if new else "r+"
        files.append(np.lib.format.open_memmap(path, mode, dtype=kind, shape=size if new else None))
        if files[-1].shape != size or files[-1].dtype != kind:
            raise ValueError(f"{path.name} has another shape")
    return files


def _check_room(folder: Path, size: int) -> None:
    """Refuse what the disk cannot hold, before anything is written."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free - _FREE_BYTES
    if size > min(free, MAX_BYTES):
        raise OutputError(
            f"the pairs need {size / 2**30:.1f} GiB, and {folder} has room for "
            f"{max(free, 0) / 2**30:.1f} GiB; ask for fewer pairs, or choose another output folder"
        )


def _read_state(folder: Path, name: str) -> tuple[int, int] | None:
    """Return groups and pairs of a folder; None where there are none."""
    path = folder / STATE
    if not path.is_file():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    if state["pairs_of"] != name:
        raise TrainingError(
            f"{folder} holds pairs of other images or settings; delete pairs.* there, or choose "
            "another output folder"
        )
    return int(state["groups"]), int(state["pairs"])


def _write_state(folder: Path, name: str, groups: int, pairs: int) -> None:
    """Say how far the pairs have come."""
    with file_beside(folder / STATE) as partial:
        state = {"pairs_of": name, "groups": groups, "pairs": pairs}
        partial.write_text(json.dumps(state), encoding="utf-8")
