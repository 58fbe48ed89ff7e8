import numpy as np
import pytest

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.canvas import lay_canvas, on_white


@pytest.fixture
def slide():
    return ArraySlide(np.zeros((40, 50, 3), np.uint8))


def test_pixels_beyond_the_image_are_white(slide):
    canvas = lay_canvas(slide, Region(-3, 45, 10, 10), 0, 0, None)
    assert canvas.inside == Region(0, 45, 7, 5)
    assert canvas.target.shape == (7, 5, 3)
    canvas.target[...] = 0
    assert (canvas.out[:3] == 255).all()
    assert (canvas.out[:, 5:] == 255).all()
    assert (canvas.out[3:, :5] == 0).all()


def test_a_given_buffer_is_filled_and_returned(slide):
    out = np.full((4, 6, 3), 9, np.uint8)
    assert slide.read(Region(0, 0, 4, 6), out=out) is out
    assert (out == 0).all()


@pytest.mark.parametrize(
    ("level", "z", "region", "words"),
    [
        (1, 0, Region(0, 0, 1, 1), "no level 1"),
        (-1, 0, Region(0, 0, 1, 1), "no level -1"),
        (0, 1, Region(0, 0, 1, 1), "no plane 1"),
        (0, 0, Region(40, 0, 5, 5), "lies outside"),
        (0, 0, Region(-5, 0, 5, 5), "lies outside"),
    ],
)
def test_what_does_not_exist_is_refused(slide, level, z, region, words):
    with pytest.raises(RegionError, match=words):
        slide.read(region, level, z)


@pytest.mark.parametrize(
    "out", [np.zeros((4, 6, 3), np.float32), np.zeros((6, 4, 3), np.uint8), np.zeros((4, 6), "u1")]
)
def test_a_buffer_that_does_not_fit_is_refused(slide, out):
    with pytest.raises(RegionError, match="buffer"):
        slide.read(Region(0, 0, 4, 6), out=out)


def test_alpha_is_laid_on_white():
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 100, 255, 128]]], np.uint8)
    expected = [[10, 20, 30], [255, 255, 255]]
    expected.append([round(c * 128 / 255 + 255 * 127 / 255) for c in (0, 100, 255)])
    assert on_white(rgba).tolist() == [expected]
