"""A focus map on disk: an OME-Zarr 0.5 image with our own arrays and attributes inside.

Room: results. The layout is documented in docs/scoring.md, “The map file”.
"""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.results.beside import folder_beside
from napari_focusqc.results.focus_map import FocusMap, Reason
from napari_focusqc.results.map_attributes import (
    focusqc_attributes,
    is_focus_map,
    is_only_a_focus_map,
    map_attributes,
    parse_attributes,
)
from napari_focusqc.results.stored_arrays import read_array, write_array

__all__ = ["is_focus_map", "load_map", "save_map"]

_SCORES, _REASONS, _TISSUE = "0", "focusqc/reasons", "focusqc/tissue"
_DTYPES = {_SCORES: np.dtype("float32"), _REASONS: np.dtype("uint8"), _TISSUE: np.dtype("float32")}


def save_map(focus_map: FocusMap, path: str | Path) -> Path:
    """Write a map without loss, beside `path` first, then renamed.

    Parameters
    ----------
    focus_map
        What to save.
    path
        Folder to make, by custom ending in ``.ome.zarr``. A focus map that stands there is
        replaced once the new one is complete; anything else is left alone.

    Returns
    -------
    The path of the folder.

    Raises
    ------
    OutputError
        The parent folder is missing, read-only or full; something else stands at `path`; or the
        map itself is not sound.
    """
    path = Path(path)
    with folder_beside(path, is_only_a_focus_map) as partial:
        create_map(focus_map, partial)
    return path


def create_map(focus_map: FocusMap, folder: Path, more: dict[str, Any] | None = None) -> None:
    """Write a map into a folder that is new or empty.

    Parameters
    ----------
    focus_map
        What to write.
    folder
        Where.
    more
        Attributes beside the map's own.

    Raises
    ------
    OutputError
        The map is not sound.
    """
    arrays: dict[str, NDArray[Any]] = {
        _SCORES: focus_map.scores,
        _REASONS: focus_map.reasons,
        _TISSUE: focus_map.tissue,
    }
    _check_arrays(arrays, (focus_map.grid.rows, focus_map.grid.cols))
    attributes = map_attributes(focus_map) | (more or {})
    group = zarr.create_group(LocalStore(folder), zarr_format=3, attributes=attributes)
    group.create_group("focusqc")
    for name, array in arrays.items():
        write_array(group, name, array, ("y", "x"))


def open_to_write(folder: Path) -> tuple[zarr.Array[Any], zarr.Array[Any]]:
    """Return the scores and the reasons of a map, to be changed on the disk."""
    # else zarr takes a chunk away that holds the fill value only
    config: Any = {"write_empty_chunks": True}
    scores, reasons = (
        zarr.open_array(LocalStore(folder / name), mode="r+").with_config(config)
        for name in (_SCORES, _REASONS)
    )
    return scores, reasons


def _check_arrays(arrays: dict[str, NDArray[Any]], shape: tuple[int, int]) -> None:
    for name, array in arrays.items():
        if array.shape != shape or array.dtype != _DTYPES[name]:
            raise OutputError(
                f"the map's array {name} is {array.dtype} {array.shape}; it must be "
                f"{_DTYPES[name]} {shape} to be saved"
            )
    if int(arrays[_REASONS].max()) >= len(Reason):
        raise OutputError("the map holds reasons that have no name, so it is not saved")


def load_map(path: str | Path) -> FocusMap:
    """Read a map that `save_map` wrote, exactly as it was.

    Raises
    ------
    MapFileError
        There is no focus map at `path`, it was written by a newer version, or it is damaged.
    """
    path = Path(path)
    grid, source = parse_attributes(focusqc_attributes(path))
    shape = (grid.rows, grid.cols)
    arrays = (read_array(path, name, shape, dtype) for name, dtype in _DTYPES.items())
    scores, reasons, tissue = arrays
    if int(reasons.max()) >= len(Reason):
        raise MapFileError(f"the map {path} is damaged: it holds reasons that have no name")
    return FocusMap(scores, reasons, tissue, grid, source)
