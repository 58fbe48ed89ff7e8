import imagecodecs
import numpy as np
import pytest

from napari_focusqc.slides.tiff.jpeg_tile import JpegTile, check_jpeg2000, jpeg_shape


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(100, 160, (48, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def data(image):
    return bytes(imagecodecs.jpeg8_encode(image, 80))


@pytest.fixture
def tile():
    return JpegTile(tables=None, colorspace=None, outcolorspace="RGB", samples=3)


def test_the_header_says_the_size(data):
    assert jpeg_shape(data) == (48, 64, 3)


def test_pixels_are_the_decoders(tile, data):
    assert np.array_equal(tile.decode(data, ((48, 64),)), imagecodecs.jpeg8_decode(data))


def test_another_size_is_refused_before_it_is_decoded(tile, data):
    with pytest.raises(ValueError, match="48 × 64 px"):
        tile.decode(data, ((64, 64),))


def test_a_monstrous_size_is_refused_before_it_is_allocated(tile, data):
    at = data.index(b"\xff\xc0") + 5
    monster = data[:at] + b"\xff\xdc\xff\xdc" + data[at + 4 :]
    with pytest.raises(ValueError, match="65500 × 65500"):
        tile.decode(monster, ((48, 64),))


def test_a_whole_tile_without_an_end_mark_is_read(tile, data):
    assert data.endswith(b"\xff\xd9")
    assert np.array_equal(tile.decode(data[:-2], ((48, 64),)), imagecodecs.jpeg8_decode(data))


def test_padding_behind_the_end_mark_is_passed_over(tile, data):
    assert np.array_equal(
        tile.decode(data + bytes(60), ((48, 64),)), imagecodecs.jpeg8_decode(data)
    )


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.97])
def test_a_tile_that_was_cut_off_is_refused(tile, data, keep):
    with pytest.raises(ValueError, match="cut off"):
        tile.decode(data[: int(len(data) * keep)], ((48, 64),))


@pytest.mark.parametrize("bad", [b"", b"\xff\xd8", b"garbage" * 9, b"\xff\xd8\xff\xda\0\4\0\0" * 9])
def test_what_is_no_jpeg_is_refused(tile, bad):
    with pytest.raises(ValueError, match=r"no JPEG|header is damaged"):
        tile.decode(bad, ((48, 64),))


def test_jpeg_2000_headers(image):
    for form in ("j2k", "jp2"):
        data = imagecodecs.jpeg2k_encode(image, codecformat=form)
        check_jpeg2000(data, ((48, 64),))
        with pytest.raises(ValueError, match="48 × 64 px"):
            check_jpeg2000(data, ((64, 64),))
    with pytest.raises(ValueError, match="no JPEG 2000"):
        check_jpeg2000(b"garbage" * 99, ((48, 64),))
