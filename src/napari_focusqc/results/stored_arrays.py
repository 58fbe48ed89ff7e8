"""Arrays of any number of axes in a Zarr group, believed only where the disk bears them out.

Room: results. Uncompressed with a checksum per chunk: what the metadata claim is compared with the
bytes on disk before anything is allocated, and a damaged or missing chunk is noticed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec, Crc32cCodec
from zarr.storage import LocalStore

from napari_focusqc.errors import MapFileError
from napari_focusqc.results.map_attributes import read_json

_CHUNK = 256
_CHECKSUM_BYTES = 4


def write_array(group: zarr.Group, name: str, array: NDArray[Any], axes: tuple[str, ...]) -> None:
    """Store every chunk, even an empty one, so that a missing chunk means damage.

    Parameters
    ----------
    group
        Where to.
    name
        Path in the group.
    array
        Float32 or uint8, no axis of length 0.
    axes
        A name for each axis; the last two are cut into chunks, the others stay whole.
    """
    stored = group.create_array(
        name,
        shape=array.shape,
        dtype=array.dtype,
        chunks=_chunks(array.shape),
        fill_value=np.nan if array.dtype.kind == "f" else 0,
        filters=None,
        compressors=[Crc32cCodec()],
        dimension_names=axes,
        config={"write_empty_chunks": True},
    )
    stored[...] = array


def read_array(folder: Path, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Read an array that `write_array` wrote.

    Parameters
    ----------
    folder
        The group's.
    name
        Path in the group.
    shape, dtype
        What the array must be.

    Raises
    ------
    MapFileError
        It is missing, another than it must be, or damaged.
    """
    read_json(folder / name / "zarr.json")
    store = LocalStore(folder / name, read_only=True)
    try:
        array = zarr.open_array(store, mode="r", zarr_format=3)
        _check(folder, name, array, shape, np.dtype(dtype))
        return np.asarray(array[...])
    except MapFileError:
        raise
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise MapFileError(
            f"{folder} is damaged: its array {name} cannot be read or has another checksum "
            f"({error}); make it again"
        ) from error


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], *(min(side, _CHUNK) for side in shape[-2:]))


def _check(
    folder: Path, name: str, array: zarr.Array[Any], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Compare all that an array claims with what it must be, and with the bytes on disk."""
    codecs = array.metadata.codecs if array.metadata.zarr_format == 3 else ()
    plain = [type(codec) for codec in codecs] == [BytesCodec, Crc32cCodec]
    if (array.shape, array.chunks) != (shape, _chunks(shape)) or array.dtype != dtype or not plain:
        raise MapFileError(
            f"{folder} is damaged: its array {name} is {array.dtype} {array.shape}; it must be "
            f"plain {dtype} {shape}"
        )
    size = int(np.prod(array.chunks)) * dtype.itemsize + _CHECKSUM_BYTES
    for index in np.ndindex(*array.cdata_shape):
        chunk = folder / name / array.metadata.encode_chunk_key(index)
        found = chunk.stat().st_size if chunk.is_file() else 0
        if found != size:
            raise MapFileError(
                f"{folder} is damaged: {chunk.relative_to(folder)} has {found} bytes instead of "
                f"{size}; make it again"
            )
