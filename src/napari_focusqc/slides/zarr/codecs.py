"""How the chunks of a Zarr array are decompressed: into buffers of the size they must have.

Room: slides. Zarr's own codecs believe what a chunk says of its size: a chunk that was cut off is
read beyond its end (Blosc), and a small one may claim to be huge. Here each is decoded by
imagecodecs into exactly the bytes the array's metadata promise, and anything else is an error.
Only the codecs named here are ever used: a file cannot choose one that runs code.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from zarr.abc.codec import BytesBytesCodec, Codec
from zarr.codecs import BytesCodec, ShardingCodec, TransposeCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer
from zarr.core.metadata import ArrayV2Metadata, ArrayV3Metadata

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.zarr.folder import ZarrNode, one_line

Decode = Callable[[NDArray[np.uint8], int], bytes]
"""Decodes bytes as stored into so many."""

_BLOSC_HEADER = 16
_SHARD, _INDEX_CODECS = "sharding_indexed", ["bytes", "crc32c"]


def _plain(name: str, spare: int = 0, **options: Any) -> Decode:
    """Return how imagecodecs decodes a compression into so many bytes, or as many more."""
    decode = getattr(imagecodecs, f"{name}_decode")
    return lambda data, size: bytes(decode(data, out=size + spare, **options))


def _blosc(data: NDArray[np.uint8], size: int) -> bytes:
    """Decode Blosc, whose library never looks how long its input is."""
    header = data[:_BLOSC_HEADER].tobytes()
    decoded, stored = (int.from_bytes(header[at : at + 4], "little") for at in (4, 12))
    if len(header) < _BLOSC_HEADER or decoded != size or stored > len(data):
        raise ValueError(f"{len(data)} bytes that claim to be {stored}")
    return _plain("blosc")(data, size)


_DECODE: dict[str, Decode] = {
    "blosc": _blosc,
    "zstd": _plain("zstd"),
    "gzip": _plain("gzip"),
    "zlib": _plain("zlib"),
    "lz4": _plain("lz4", header=True),
    "bz2": _plain("bz2", spare=1),  # these two stop when the buffer is full, and say nothing
    "lzma": _plain("lzma", spare=1),
}
_WORDS = {"zstd": "Zstandard", "zlib": "deflate", "lz4": "LZ4", "bz2": "bzip2", "lzma": "LZMA"}


def decompress(name: str, data: NDArray[np.uint8], size: int) -> bytes:
    """Decode one chunk.

    Parameters
    ----------
    name
        The compression, one of those known here.
    data
        The bytes as stored.
    size
        How many bytes they must give.

    Raises
    ------
    ValueError, RuntimeError, MemoryError
        They do not.
    """
    if len(data) == 0:
        raise ValueError("the chunk is empty")
    found = _DECODE[name](data, size)
    if len(found) != size:
        raise ValueError(f"the chunk gives {len(found)} bytes instead of {size}")
    return found


@dataclass(frozen=True)
class _Decompressor(BytesBytesCodec):
    """A compression of Zarr 3."""

    name: str
    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Take the name of the compression; its settings matter to writers only."""
        return cls(str(data["name"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the codec as metadata name it."""
        return {"name": self.name}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refuse: only the bytes themselves tell."""
        raise NotImplementedError

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        """Decode one chunk; the only method that zarr asks of a codec that reads."""
        size = prod(chunk_spec.shape)  # uint8: a byte each
        data = np.asarray(chunk_data.as_numpy_array(), np.uint8)
        found = await asyncio.to_thread(decompress, self.name, data, size)
        return chunk_spec.prototype.buffer.from_bytes(found)


def bounded(metadata: ArrayV2Metadata | ArrayV3Metadata) -> ArrayV3Metadata:
    """Return an array's metadata with every decompression by `decompress`.

    Parameters
    ----------
    metadata
        Of a uint8 array that `check_codecs` has passed. Zarr 2 is put into the terms of Zarr 3:
        the same chunks under the same names.
    """
    if isinstance(metadata, ArrayV3Metadata):
        return replace(metadata, codecs=_bounded(metadata.codecs))
    codecs: list[Codec] = [BytesCodec()]
    if metadata.order == "F":
        codecs.insert(0, TransposeCodec(order=tuple(reversed(range(metadata.ndim)))))
    if metadata.compressor is not None:
        codecs.append(_Decompressor(metadata.compressor.codec_id))
    key = {"separator": metadata.dimension_separator}
    return ArrayV3Metadata(
        shape=metadata.shape,
        data_type=metadata.dtype,
        chunk_grid={"name": "regular", "configuration": {"chunk_shape": metadata.chunks}},
        chunk_key_encoding={"name": "v2", "configuration": key},
        fill_value=metadata.fill_value or 0,
        codecs=codecs,
        attributes=None,
        dimension_names=None,
    )


def _bounded(codecs: Sequence[Codec]) -> tuple[Codec, ...]:
    """Exchange the decompressions of a chain of codecs, inside shards too."""
    chain: list[Codec] = []
    for codec in codecs:
        name = str(codec.to_dict().get("name"))
        if isinstance(codec, ShardingCodec):
            chain.append(replace(codec, codecs=_bounded(codec.codecs)))
        else:
            chain.append(_Decompressor(name) if name in _DECODE else codec)
    return tuple(chain)


def check_codecs(node: ZarrNode, name: str) -> str:
    """Refuse codecs that are not known here, before any is looked up.

    Parameters
    ----------
    node
        An array.
    name
        The slide's name.

    Returns
    -------
    The compression in words.

    Raises
    ------
    NotASlideError
        Naming the codec, or saying that the metadata are damaged.
    """
    if node.zarr_format == 3:
        return _check_chain(_named(node.document.get("codecs"), name), name)
    compressor, filters = node.document.get("compressor"), node.document.get("filters")
    if filters:
        raise _unknown([_id(entry) for entry in filters] if isinstance(filters, list) else [], name)
    if compressor is None:
        return "none"
    if _id(compressor) not in _DECODE:
        raise _unknown([_id(compressor)], name)
    return _words(_id(compressor), compressor)


def _check_chain(codecs: list[dict[str, Any]], name: str) -> str:
    """Check the codecs of Zarr 3 and return the compression in words."""
    names = [codec["name"] for codec in codecs]
    if names == [_SHARD]:
        settings = codecs[0].get("configuration")
        inner = settings if isinstance(settings, dict) else {}
        index = [codec["name"] for codec in _named(inner.get("index_codecs"), name)]
        chain = _named(inner.get("codecs"), name)
        if index != _INDEX_CODECS or any(codec["name"] == _SHARD for codec in chain):
            raise _unknown([_SHARD], name)
        return f"{_check_chain(chain, name)}, in shards"
    compressed = [codec for codec in codecs if codec["name"] in _DECODE]
    checked = [plain for plain in names if plain == "crc32c"]
    transposed = [plain for plain in names if plain == "transpose"]
    order = [*transposed, "bytes", *(codec["name"] for codec in compressed[:1]), *checked]
    if names != order:
        raise _unknown(names, name)
    if not compressed:
        return "none"
    settings = compressed[0].get("configuration")
    return _words(compressed[0]["name"], settings)


def _named(codecs: object, name: str) -> list[dict[str, Any]]:
    """Return a list of codecs, each an object with a name.

    Raises
    ------
    NotASlideError
        It is none.
    """
    listed = codecs if isinstance(codecs, list) else []
    objects = [{"name": codec} if isinstance(codec, str) else codec for codec in listed]
    known = [
        codec for codec in objects if isinstance(codec, dict) and isinstance(codec.get("name"), str)
    ]
    if not known or len(known) < len(objects):
        raise NotASlideError(f"the codecs of {name} are damaged; copy or export it again")
    return known


def _id(codec: object) -> str:
    """Return the name of a codec of Zarr 2."""
    return str(codec.get("id")) if isinstance(codec, dict) else str(codec)


def _words(name: str, settings: object) -> str:
    """Return a compression in words."""
    if name == "blosc":
        inner = settings.get("cname") if isinstance(settings, dict) else None
        return f"Blosc ({one_line(inner)})" if isinstance(inner, str) else "Blosc"
    return _WORDS.get(name, name)


def _unknown(names: Sequence[str], name: str) -> NotASlideError:
    """Return the refusal of codecs that are not decoded here."""
    found = one_line(" + ".join(names)) or "unknown"
    return NotASlideError(
        f"{name} has the compression {found}, which cannot be decoded here; "
        f"convert it to {', '.join(_DECODE)}"
    )
