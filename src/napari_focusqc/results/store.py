"""A focus map on disk: an OME-Zarr 0.5 image with our own arrays and attributes inside.

Room: results. The layout is documented in docs/scoring.md, “The map file”. Arrays are stored
uncompressed with a checksum per chunk: what a file claims is compared with the bytes on disk
before anything is allocated, and a damaged or missing chunk is noticed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, Crc32cCodec
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
    read_json,
)

__all__ = ["is_focus_map", "load_map", "save_map"]

_SCORES, _REASONS, _TISSUE = "0", "focusqc/reasons", "focusqc/tissue"
_DTYPES = {_SCORES: np.dtype("float32"), _REASONS: np.dtype("uint8"), _TISSUE: np.dtype("float32")}
_CHUNK = 256
_MAX_CHUNK = 4096
_CHECKSUM_BYTES = 4


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
        _write_array(group, name, array)


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


def _write_array(group: zarr.Group, name: str, array: NDArray[Any]) -> None:
    """Store every chunk, even an empty one, so that a missing chunk means damage."""
    rows, cols = array.shape
    stored = group.create_array(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=(min(rows, _CHUNK), min(cols, _CHUNK)),
        fill_value=np.nan if name == _SCORES else 0,
        filters=None,
        compressors=[Crc32cCodec()],
        dimension_names=("y", "x"),
        config={"write_empty_chunks": True},
    )
    stored[...] = array


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
    stored = {name: _open_array(path, name, shape) for name in _DTYPES}
    scores, reasons, tissue = (_read_array(path, name, stored[name]) for name in _DTYPES)
    if int(reasons.max()) >= len(Reason):
        raise MapFileError(f"the map {path} is damaged: it holds reasons that have no name")
    return FocusMap(scores, reasons, tissue, grid, source)


def _open_array(path: Path, name: str, shape: tuple[int, int]) -> zarr.Array[Any]:
    """Open one array and compare all it claims with the grid and the bytes on disk."""
    read_json(path / name / "zarr.json")
    try:
        array = zarr.open_array(LocalStore(path / name, read_only=True), mode="r", zarr_format=3)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise MapFileError(
            f"the map {path} is damaged: its array {name} cannot be opened ({error})"
        ) from error
    codecs = array.metadata.codecs if array.metadata.zarr_format == 3 else ()
    plain = [type(codec) for codec in codecs] == [BytesCodec, Crc32cCodec]
    if array.shape != shape or array.dtype != _DTYPES[name] or not plain:
        raise MapFileError(
            f"the map {path} is damaged: its array {name} is {array.dtype} {array.shape}; it must "
            f"be plain {_DTYPES[name]} {shape}"
        )
    _check_chunks(path, name, array)
    return array


def _check_chunks(path: Path, name: str, array: zarr.Array[Any]) -> None:
    """Compare the size of every chunk's file with what the chunk must hold."""
    if max(array.chunks) > _MAX_CHUNK:
        raise MapFileError(
            f"the map {path} is damaged: its array {name} has chunks of {array.chunks} tiles; "
            f"at most {_MAX_CHUNK} × {_MAX_CHUNK} are believed"
        )
    size = int(np.prod(array.chunks)) * array.dtype.itemsize + _CHECKSUM_BYTES
    for index in np.ndindex(*array.cdata_shape):
        chunk = path / name / array.metadata.encode_chunk_key(index)
        found = chunk.stat().st_size if chunk.is_file() else 0
        if found != size:
            raise MapFileError(
                f"the map {path} is damaged: {chunk.relative_to(path)} has {found} bytes instead "
                f"of {size}; score the slide again"
            )


def _read_array(path: Path, name: str, array: zarr.Array[Any]) -> NDArray[Any]:
    try:
        return np.asarray(array[...])
    except (ValueError, OSError) as error:
        raise MapFileError(
            f"the map {path} is damaged: its array {name} cannot be read or has another checksum; "
            "score the slide again"
        ) from error
