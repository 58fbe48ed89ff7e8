import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import (
    EmptyLevelError,
    FocusQCError,
    NotASlideError,
    TruncatedSlideError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide


def whole(slide, level=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level)


def patch_tag(path, code, value, *, page=0, form="I"):
    """Overwrite the value of a tag in place."""
    with tifffile.TiffFile(path) as tiff:
        tag = tiff.pages[page].tags[code]
        offset, order = tag.valueoffset, tiff.byteorder
        form = {3: "H", 4: "I"}.get(int(tag.dtype), form)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack(order + form, value))
    return path


@pytest.fixture
def slide_path(tmp_path, write_tiff, tissue_image):
    return write_tiff(tmp_path / "a.tif", tissue_image(600, 700), levels=3)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory, write_tiff, tissue_image):
    folder = tmp_path_factory.mktemp("small")
    path = write_tiff(folder / "small.tif", tissue_image(100, 130), levels=2, tile=64)
    return path, path.read_bytes(), folder


@pytest.mark.parametrize("fraction", [0.0001, 0.01, 0.3, 0.7, 0.95, 0.9999])
@pytest.mark.parametrize("subifds", [False, True])
def test_a_truncated_file_is_refused(tmp_path, write_tiff, tissue_image, fraction, subifds):
    path = write_tiff(tmp_path / "a.tif", tissue_image(600, 700), levels=3, subifds=subifds)
    data = path.read_bytes()
    path.write_bytes(data[: max(int(len(data) * fraction), 8)])
    with pytest.raises(TruncatedSlideError, match=r"a\.tif .* copy it again"):
        open_slide(path)


@pytest.mark.parametrize("fraction", [0.2, 0.6, 0.99])
def test_truncated_real_slides_are_refused(test_data, tmp_path, fraction):
    for name in ["openslide-cmu/CMU-1-Small-Region.svs", "ome-tiff/images_OS-1-detail.ome.tif"]:
        data = (test_data / "wsi" / name).read_bytes()
        path = tmp_path / name.rpartition("/")[2]
        path.write_bytes(data[: int(len(data) * fraction)])
        with pytest.raises(TruncatedSlideError):
            open_slide(path)


@settings(max_examples=150, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_wherever_a_file_is_cut_it_is_refused(small_file, cut):
    _, data, folder = small_file
    path = folder / "cut.tif"
    path.write_bytes(data[: int(len(data) * cut)])
    with pytest.raises((TruncatedSlideError, NotASlideError)):
        open_slide(path)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_but_a_refusal(small_file, data):
    _, good, folder = small_file
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        bad[data.draw(st.integers(0, len(bad) - 1))] = data.draw(st.integers(0, 255))
    # Most damage lands in pixels; aim some of it at the directories.
    first = struct.unpack("<I", good[4:8])[0]
    for _ in range(data.draw(st.integers(0, 3))):
        bad[first + data.draw(st.integers(0, 250))] = data.draw(st.integers(0, 255))
    path = folder / "bad.tif"
    path.write_bytes(bad)
    refusals = []
    try:
        slide = open_slide(path)
        for level, shape in enumerate(slide.level_shapes):
            assert max(shape) < 1 << 32
            slide.read(Region(0, 0, min(shape[0], 200), min(shape[1], 200)), level)
    except FocusQCError as refusal:
        refusals.append(str(refusal))
    assert all(refusals)


@pytest.mark.parametrize(("code", "side"), [(256, "width"), (257, "height"), (322, "tile width")])
@pytest.mark.parametrize("page", [0, 2])
def test_a_level_of_zero_pixels_is_refused(slide_path, code, side, page):
    patch_tag(slide_path, code, 0, page=page)
    with pytest.raises(EmptyLevelError, match=f"{side} of 0 px"):
        open_slide(slide_path)


def test_fewer_tiles_than_the_image_needs_is_refused(slide_path):
    patch_tag(slide_path, 257, 60_000)
    with pytest.raises(TruncatedSlideError, match="of the 705 tiles"):
        open_slide(slide_path)


def test_monstrous_tiles_are_refused_before_anything_is_allocated(slide_path):
    patch_tag(slide_path, 322, 1 << 20)
    patch_tag(slide_path, 323, 1 << 20)
    with pytest.raises(NotASlideError, match="too large to decode"):
        open_slide(slide_path)


def test_a_monstrous_strip_is_refused(tmp_path, tissue_image):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, tissue_image(64, 64), photometric="rgb", compression="lzw")
    patch_tag(path, 256, 1 << 30)
    with pytest.raises(NotASlideError, match="too large to decode"):
        open_slide(path)


@pytest.mark.parametrize("compression", ["jpeg", "lzw", "deflate", "jpeg2000", "zstd"])
def test_one_undecodable_tile_leaves_its_neighbours_alone(
    tmp_path, write_tiff, tissue_image, spoil_tile, compression
):
    path = write_tiff(tmp_path / "a.tif", tissue_image(512, 768), compression=compression)
    good = whole(open_slide(path))
    slide = open_slide(spoil_tile(path, 1))
    with pytest.raises(UnreadableRegionError, match=r"y 0, x 256 px of a\.tif cannot be decoded"):
        slide.read(Region(100, 300, 10, 10))
    with pytest.raises(UnreadableRegionError):
        whole(slide)
    for region in [Region(0, 0, 256, 256), Region(0, 512, 512, 256), Region(256, 0, 256, 768)]:
        expected = good[region.y : region.bottom, region.x : region.right]
        assert np.array_equal(slide.read(region), expected)


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_jpeg_tile_that_was_cut_off_is_unreadable_not_grey(slide_path, keep):
    with tifffile.TiffFile(slide_path) as tiff:
        offset = tiff.pages[0].dataoffsets[0]
        count = tiff.pages[0].databytecounts[0]
    with slide_path.open("r+b") as file:
        file.seek(offset + int(count * keep))
        file.write(bytes(count - int(count * keep)))
    with pytest.raises(UnreadableRegionError, match="cut off"):
        open_slide(slide_path).read(Region(0, 0, 64, 64))


def test_real_unreadable_slide(test_data):
    slide = open_slide(test_data / "wsi/openslide-fixtures/unreadable.svs")
    with pytest.raises(UnreadableRegionError):
        slide.read(Region(0, 0, 16, 16))


def test_directories_that_run_in_a_circle_end(slide_path):
    data = bytearray(slide_path.read_bytes())
    first = struct.unpack("<I", data[4:8])[0]
    number = struct.unpack("<H", data[first : first + 2])[0]
    place = first + 2 + number * 12
    data[place : place + 4] = struct.pack("<I", first)
    slide_path.write_bytes(data)
    assert open_slide(slide_path).level_shapes == ((600, 700),)


def test_xml_with_entities_is_refused(tmp_path):
    xml = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><OME xmlns="x">&b;</OME>'
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), description=xml, metadata=None)
    with pytest.raises(NotASlideError, match="entities"):
        open_slide(path)


def test_a_directory_that_was_never_written_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + bytes(400))
    with pytest.raises(TruncatedSlideError, match="never finished"):
        open_slide(path)
