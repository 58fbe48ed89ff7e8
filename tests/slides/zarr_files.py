"""OME-Zarr folders for the tests: what a layout must show, and ways to spoil it."""

import json

import numcodecs
import numpy as np
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

LETTERS = "tczyx"

COMPRESSORS = {
    "0.4": {
        "none": None,
        "Blosc (lz4)": numcodecs.Blosc(),
        "Blosc (zstd)": numcodecs.Blosc("zstd", shuffle=numcodecs.Blosc.BITSHUFFLE),
        "Zstandard": numcodecs.Zstd(),
        "gzip": numcodecs.GZip(),
        "deflate": numcodecs.Zlib(),
        "LZ4": numcodecs.LZ4(),
        "bzip2": numcodecs.BZ2(),
        "LZMA": numcodecs.LZMA(),
    },
    "0.5": {
        "none": None,
        "Blosc (zstd)": BloscCodec(),
        "Blosc (lz4hc)": BloscCodec(cname="lz4hc"),
        "Zstandard": ZstdCodec(),
        "gzip": GzipCodec(),
    },
}


def sample(axes, *, channels=3, planes=4, times=2, height=150, width=201, seed=0):
    """Return noise with these axes, and the planes (Z, H, W, 3) that a slide must show of it."""
    sizes = dict(zip(LETTERS, (times, channels, planes, height, width), strict=True))
    shape = [sizes[letter] if letter in axes else 1 for letter in LETTERS]
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    colours = [0, 1, 2] if shape[1] > 2 else [0, 0, 0]
    shown = np.moveaxis(pixels[0], 0, -1)[..., colours]
    absent = tuple(place for place, letter in enumerate(LETTERS) if letter not in axes)
    kept = [letter for letter in LETTERS if letter in axes]
    array = pixels.squeeze(absent).transpose([kept.index(letter) for letter in axes])
    return np.ascontiguousarray(array), shown


def edit(path, change):
    """Change the JSON of a metadata file in place."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def image_of(path):
    """Return the metadata file of an image, and how to reach the OME part of its JSON."""
    if (path / "zarr.json").is_file():
        return path / "zarr.json", lambda values: values["attributes"]["ome"]
    return path / ".zattrs", lambda values: values


def edit_ome(path, change):
    file, part = image_of(path)
    edit(file, lambda values: change(part(values)))
    return path


def chunk_files(path, level=0):
    names = ("zarr.json", ".zarray", ".zattrs")
    files = (path / str(level)).rglob("*")
    return sorted(file for file in files if file.is_file() and file.name not in names)


def compressed(version, words, in_shards):
    """Return how `write_ome_zarr` stores cyx arrays with a compression, in shards or not."""
    options = {"compressors": COMPRESSORS[version][words], "chunks": (1, 64, 64)}
    return options | ({"shards": (3, 128, 128)} if in_shards else {})
