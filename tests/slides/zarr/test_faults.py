"""OME-Zarr images that are damaged, or vanish: a sentence, never other pixels."""

import shutil
import struct
from pathlib import Path

import numcodecs
import numpy as np
import pytest
from zarr.codecs import ShardingCodec

from napari_focusqc.errors import (
    ClosedSlideError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.pyramid import UNDECODABLE_GREY

VERSIONS = ["0.4", "0.5"]

WORDS = {
    "0.4": [
        "none",
        "Blosc (lz4)",
        "Blosc (zstd)",
        "Zstandard",
        "gzip",
        "deflate",
        "LZ4",
        "bzip2",
        "LZMA",
    ],
    "0.5": ["none", "Blosc (zstd)", "Blosc (lz4hc)", "Zstandard", "gzip"],
}
STORED = [(version, word, False) for version, words in WORDS.items() for word in words]
STORED += [("0.5", word, True) for word in WORDS["0.5"]]


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


@pytest.fixture
def slide_path(tmp_path, write_ome_zarr, zarr_files):
    array, _ = zarr_files.sample("cyx")
    return write_ome_zarr(tmp_path / "a.ome.zarr", [array, array[:, ::2, ::2]], "cyx")


@pytest.mark.parametrize(("version", "words", "in_shards"), STORED)
@pytest.mark.parametrize("kind", ["noise", "tissue"])
def test_a_chunk_that_was_cut_off_is_unreadable(
    tmp_path, write_ome_zarr, tissue_image, version, words, in_shards, kind, zarr_files
):
    image = tissue_image(150, 201) if kind == "tissue" else zarr_files.sample("yxc")[0]
    array = np.ascontiguousarray(image.transpose(2, 0, 1))
    how = zarr_files.compressed(version, words, in_shards)
    path = write_ome_zarr(tmp_path / "a", [array], "cyx", version=version, **how)
    file = zarr_files.chunk_files(path)[0]
    good = file.read_bytes()
    slide = open_slide(path)
    for cut in (0, 1, 4, 15, 16, 40, len(good) // 2, len(good) - 40):
        file.write_bytes(good[:cut])
        with pytest.raises(UnreadableRegionError, match=r"y 10…15, x 20…29 px of a cannot|under"):
            slide.read(Region(10, 20, 5, 9))
    assert np.array_equal(slide.read(Region(130, 5, 20, 190)), image[130:150, 5:195])
    file.write_bytes(good)
    assert np.array_equal(whole(slide), image)


@pytest.mark.parametrize("words", ["none", "Blosc (zstd)", "Zstandard", "gzip"])
@pytest.mark.parametrize("span", [10, 128])
def test_a_shard_with_its_index_in_front_that_was_cut_off_is_unreadable(
    tmp_path, write_ome_zarr, words, span, zarr_files
):
    array, shown = zarr_files.sample("yx", height=128, width=128)
    codec = zarr_files.COMPRESSORS["0.5"][words]
    inner = [{"name": "bytes"}] + ([codec.to_dict()] if codec else [])
    shard = ShardingCodec(chunk_shape=(64, 64), codecs=inner, index_location="start")
    path = write_ome_zarr(
        tmp_path / "a", [array], "yx", chunks=(128, 128), serializer=shard, compressors=None
    )
    slide = open_slide(path)
    assert np.array_equal(whole(slide), shown[0])
    file = zarr_files.chunk_files(path)[0]
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UnreadableRegionError):
        slide.read(Region(128 - span, 128 - span, span, span))


@pytest.mark.parametrize(("version", "words", "in_shards"), STORED)
def test_garbled_chunks_raise_nothing_but_unreadable(
    tmp_path, write_ome_zarr, tissue_image, version, words, in_shards, zarr_files
):
    array = np.ascontiguousarray(tissue_image(64, 64).transpose(2, 0, 1))
    how = zarr_files.compressed(version, words, False) | (
        {"shards": (3, 64, 64)} if in_shards else {}
    )
    path = write_ome_zarr(tmp_path / "a", [array], "cyx", version=version, **how)
    slide = open_slide(path)
    file = zarr_files.chunk_files(path)[0]
    good = file.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(120):
        bad = bytearray(good)
        start = trial if trial < 24 else int(rng.integers(0, len(good) - 8))
        bad[start : start + 8] = rng.integers(0, 256, 8, np.uint8).tobytes()
        file.write_bytes(bad)
        try:
            assert whole(slide).shape == (64, 64, 3)
        except UnreadableRegionError:
            refused += 1
    assert refused or words == "none"


def test_a_chunk_that_claims_to_be_huge_is_unreadable(tmp_path, write_ome_zarr, zarr_files):
    """Blosc and Zstandard say their size in the chunk; gzip can unpack to a thousandfold."""
    array = zarr_files.sample("yx", height=64, width=64)[0]
    bombs = {
        "Blosc (lz4)": numcodecs.Blosc().encode(bytes(1 << 24)),
        "Zstandard": numcodecs.Zstd().encode(bytes(1 << 24)),
        "gzip": numcodecs.GZip().encode(bytes(1 << 24)),
        "LZ4": struct.pack("<I", 1 << 30) + bytes(20),
        "bzip2": numcodecs.BZ2().encode(bytes(1 << 24)),
        "LZMA": numcodecs.LZMA().encode(bytes(1 << 24)),
    }
    for number, (words, bomb) in enumerate(bombs.items()):
        how = {"version": "0.4", "compressors": zarr_files.COMPRESSORS["0.4"][words]}
        path = write_ome_zarr(tmp_path / str(number), [array], "yx", **how)
        zarr_files.chunk_files(path)[0].write_bytes(bytes(bomb))
        with pytest.raises(UnreadableRegionError):
            open_slide(path).read(Region(0, 0, 9, 9))


def test_a_damaged_chunk_is_grey_in_the_pyramid_and_its_neighbours_are_not(
    tmp_path, write_ome_zarr, zarr_files
):
    array, shown = zarr_files.sample("yxc", height=600, width=600)
    path = write_ome_zarr(tmp_path / "a", [array], "yxc", chunks=(256, 256, 3))
    zarr_files.chunk_files(path)[0].write_bytes(b"damaged")
    shown[0, :256, :256] = UNDECODABLE_GREY
    assert np.array_equal(open_slide(path).pyramid()[0].compute(), shown[0])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("what", ["folder", "level", "metadata"])
def test_a_folder_that_vanishes_is_unreadable_and_not_empty(
    tmp_path, write_ome_zarr, version, what, zarr_files
):
    array = zarr_files.sample("cyx")[0]
    path = write_ome_zarr(tmp_path / "a", [array], "cyx", version=version)
    slide = open_slide(path)
    whole(slide)
    if what == "metadata":
        (path / "0" / ("zarr.json" if version == "0.5" else ".zarray")).unlink()
    else:
        shutil.rmtree(path if what == "folder" else path / "0")
    with pytest.raises(UnreadableRegionError, match="has vanished; see whether the disk is there"):
        whole(slide)


def test_a_closed_slide_says_so(slide_path):
    slide = open_slide(slide_path)
    slide.close()
    slide.close()
    for use in (lambda: whole(slide), slide.pyramid, lambda: slide.associated_image("label")):
        with pytest.raises(ClosedSlideError, match="closed"):
            use()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to count open files")
def test_a_hundred_slides_leave_no_file_open(slide_path):
    whole(open_slide(slide_path))  # zarr's own thread and event loop stay
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        slide = open_slide(slide_path)
        slide.read(Region(0, 0, 70, 70))
        slide.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
