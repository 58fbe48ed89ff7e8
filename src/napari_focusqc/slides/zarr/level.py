"""One level of an OME-Zarr image: an array whose chunks are decoded when they are asked for.

Room: slides. Everything that cannot be read rightly is refused when the array is opened.
"""

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.store import ByteRequest, RangeByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import LocalStore

from napari_focusqc.errors import EmptyLevelError, NotASlideError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.zarr.codecs import bounded, check_codecs
from napari_focusqc.slides.zarr.folder import ZarrNode, one_line, read_node, stands

MOST_CHUNK_BYTES = 1 << 30
"""A chunk that claims more bytes once decoded is refused, and so is a shard with a larger index."""

MOST_LEVEL_PX = 1 << 38
"""A level that claims more pixels, 500,000 × 500,000, is taken for damage."""

UNDECODABLE = (ValueError, RuntimeError, TypeError, IndexError, OSError, MemoryError, OverflowError)
"""What zarr and imagecodecs raise for a damaged chunk, and the system for a lost disk."""

_DAMAGED = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, OSError)
"""What zarr raises for metadata of an array that make no sense."""

_INDEX_ENTRY_BYTES = 16
_NUMPY_TYPE = re.compile(r"[<>|=]?[biufc][1-9][0-9]?")


class _WholeRanges(LocalStore):
    """A folder of chunks; a shard that ends before one of its chunks is an error, not a gap."""

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return the bytes of a chunk, or None where there is no such file."""
        found = await super().get(key, prototype, byte_range)
        if found is not None and isinstance(byte_range, RangeByteRequest):
            missing = byte_range.end - byte_range.start - len(found)
            if missing:
                raise OSError(f"the shard {key} ends {missing} bytes too early")
        return found


@dataclass(frozen=True, slots=True)
class ZarrLevel:
    """One level, open.

    Parameters
    ----------
    array
        uint8, one axis per letter of `axes`.
    axes
        Letters of ``tczyx``.
    file
        The array's metadata file.
    name
        The slide's name.
    compression
        In words.
    """

    array: "zarr.Array[Any]"
    axes: tuple[str, ...]
    file: Path
    name: str
    compression: str

    def size(self, axis: str) -> int:
        """Return how long an axis is; 1 where there is none."""
        return int(self.array.shape[self.axes.index(axis)]) if axis in self.axes else 1

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width), px."""
        return self.size("y"), self.size("x")

    @property
    def tile(self) -> tuple[int, int]:
        """(height, width) of a chunk, of one inside a shard where there are shards, px."""
        chunk = dict(zip(self.axes, self.array.chunks, strict=True))
        return int(chunk["y"]), int(chunk["x"])

    def read(self, region: Region, z: int) -> NDArray[np.uint8]:
        """Decode a region of the first time point.

        Parameters
        ----------
        region
            Inside the level, px.
        z
            Index of the plane.

        Returns
        -------
        uint8, shape (height, width, channels).

        Raises
        ------
        UnreadableRegionError
            A chunk cannot be decoded, or the array is no longer there.
        """
        place: dict[str, int | slice] = {
            "t": 0,
            "c": slice(None),
            "z": int(z),
            "y": slice(region.y, region.bottom),
            "x": slice(region.x, region.right),
        }
        where = f"y {region.y}…{region.bottom}, x {region.x}…{region.right} px of {self.name}"
        try:
            pixels = np.asarray(self.array[tuple(place[axis] for axis in self.axes)])
        except UNDECODABLE as error:
            raise UnreadableRegionError(
                f"a chunk under {where} cannot be decoded ({one_line(error)}); "
                "it counts as unreadable"
            ) from error
        # Zarr takes a chunk without a file for one of the fill value: see that a file can be there.
        if not stands(self.file):
            raise UnreadableRegionError(
                f"{where} cannot be read: {self.file} has vanished; see whether the disk is there"
            )
        left = [axis for axis in self.axes if axis in "cyx"]
        if "c" not in left:
            left, pixels = [*left, "c"], pixels[..., None]
        return pixels.transpose([left.index(axis) for axis in "yxc"])


def open_level(folder: Path, axes: tuple[str, ...], name: str) -> ZarrLevel:
    """Open one level; decodes nothing.

    Parameters
    ----------
    folder
        Of the array.
    axes
        What its axes are.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        There is no array, its pixels are not uint8, its compression is unknown, or its metadata
        are damaged or claim chunks larger than `MOST_CHUNK_BYTES`.
    EmptyLevelError
        It has no pixels.
    """
    node = read_node(folder)
    if node.kind != "array":
        raise NotASlideError(
            f"the level {folder.name} of {name} is no array; copy or export it again"
        )
    _check_dtype(node, name)
    compression = check_codecs(node, name)
    level = ZarrLevel(_open(node, name), axes, node.file, name, compression)
    _check_sizes(level)
    return level


def pixel_type(node: ZarrNode) -> str:
    """Return the type of an array's pixels in words."""
    stated = node.document.get("data_type" if node.zarr_format == 3 else "dtype")
    words = stated if isinstance(stated, str) else one_line(stated)
    try:
        return np.dtype(words).name if _NUMPY_TYPE.fullmatch(words) else one_line(words)
    except TypeError:
        return words


def _check_dtype(node: ZarrNode, name: str) -> None:
    """Refuse pixels that are not uint8."""
    if pixel_type(node) != "uint8":
        raise NotASlideError(
            f"the pixels of {name} are {pixel_type(node)}; a slide needs 8-bit colour or grey "
            "(uint8)"
        )


def _open(node: ZarrNode, name: str) -> "zarr.Array[Any]":
    """Open the array, its chunks decoded by `codecs`."""
    store = _WholeRanges(node.folder, read_only=True)
    try:
        plain = zarr.open_array(store, mode="r", zarr_format=node.zarr_format)
        checked = zarr.AsyncArray(bounded(plain.metadata), plain.store_path)
    except _DAMAGED as error:
        raise NotASlideError(
            f"the level {node.folder.name} of {name} cannot be opened ({one_line(error)}); "
            "copy or export it again"
        ) from error
    return zarr.Array(checked)


def _check_sizes(level: ZarrLevel) -> None:
    """Refuse a level without pixels, of absurd size, or in chunks too large to decode."""
    array, name = level.array, level.name
    if array.ndim != len(level.axes):
        raise NotASlideError(
            f"a level of {name} has {array.ndim} axes, and its metadata name "
            f"{len(level.axes)} ({', '.join(level.axes)}); export it again"
        )
    shards = array.shards or array.chunks
    if min(*array.shape, *array.chunks, *shards) < 1:
        raise EmptyLevelError(
            f"a level of {name} is {level.shape[0]} × {level.shape[1]} px in an array of shape "
            f"{array.shape}; every level needs pixels"
        )
    size = prod(array.chunks)
    index = prod(shards) // size * _INDEX_ENTRY_BYTES
    if max(size, index) > MOST_CHUNK_BYTES or prod(level.shape) > MOST_LEVEL_PX:
        raise NotASlideError(
            f"a level of {name} claims {level.shape[1]} × {level.shape[0]} px in chunks of "
            f"{size:,} bytes, too large to decode; write it in smaller chunks"
        )
