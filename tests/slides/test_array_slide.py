import dask.array as da
import numpy as np
import pytest
import zarr

from napari_focusqc.errors import ClosedSlideError, EmptyLevelError, NotASlideError, SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8)


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


def test_an_array_is_read_as_it_is(image):
    slide = ArraySlide(image, mpp=0.25, name="field")
    assert (slide.name, slide.shape, slide.mpp, slide.mpp_source) == (
        "field",
        (90, 130),
        0.25,
        "given",
    )
    assert slide.z_um == (0.0,)
    assert slide.info.reader == "array"
    assert np.array_equal(whole(slide), image)


def test_without_mpp_there_is_no_source(image):
    slide = ArraySlide(image)
    assert slide.mpp is None
    assert slide.mpp_source is None


def test_grey_is_repeated_and_alpha_laid_on_white(image):
    grey = image[..., 0]
    assert np.array_equal(whole(ArraySlide(grey)), np.repeat(grey[..., None], 3, -1))
    clear = np.concatenate([image, np.zeros((90, 130, 1), np.uint8)], -1)
    assert (whole(ArraySlide(clear)) == 255).all()
    opaque = np.concatenate([image, np.full((90, 130, 1), 255, np.uint8)], -1)
    assert np.array_equal(whole(ArraySlide(opaque)), image)


@pytest.mark.parametrize("kind", ["dask", "zarr"])
def test_lazy_levels_equal_arrays(image, kind):
    levels = [image, image[::2, ::2]]
    if kind == "dask":
        lazy = [da.from_array(level, chunks=(32, 32, 3)) for level in levels]
    else:
        lazy = [zarr.array(level, chunks=(32, 32, 3)) for level in levels]
    slide = ArraySlide(lazy)
    assert slide.level_shapes == ((90, 130), (45, 65))
    for number, level in enumerate(levels):
        assert np.array_equal(whole(slide, number), level)
        assert np.array_equal(slide.pyramid()[number].compute(), level)


def test_planes_of_a_stack(image):
    stack = np.stack([image, 255 - image, image // 2])
    slide = ArraySlide(stack, z_um=(0.0, 0.5, 1.5))
    assert slide.z_um == (0.0, 0.5, 1.5)
    for z in range(3):
        assert np.array_equal(whole(slide, z=z), stack[z])
    assert ArraySlide(stack).z_um == (0.0, 1.0, 2.0)
    assert np.array_equal(slide.pyramid()[0].compute(), stack)


@pytest.mark.parametrize("heights", [(0.0, 1.0), (0.0, 2.0, 1.0), (0.0, 0.0, 1.0)])
def test_heights_that_do_not_fit_are_refused(image, heights):
    with pytest.raises(NotASlideError, match="3 planes"):
        ArraySlide(np.stack([image] * 3), z_um=heights)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int8, bool])
def test_other_dtypes_are_refused_by_name(dtype):
    with pytest.raises(NotASlideError, match=np.dtype(dtype).name):
        ArraySlide(np.zeros((8, 8, 3), dtype))


@pytest.mark.parametrize("shape", [(8,), (8, 8, 2), (2, 8, 8, 5), (1, 1, 8, 8, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(NotASlideError, match="shape"):
        ArraySlide(np.zeros(shape, np.uint8))


def test_empty_and_unordered_levels_are_refused(image):
    with pytest.raises(EmptyLevelError, match="level 1"):
        ArraySlide([image, image[:0]])
    with pytest.raises(NotASlideError, match="finest first"):
        ArraySlide([image[::2, ::2], image])
    with pytest.raises(NotASlideError, match="no level"):
        ArraySlide([])


def test_mpp_out_of_range_is_refused(image):
    with pytest.raises(SettingsError):
        ArraySlide(image, mpp=0)


def test_a_closed_slide_says_so(image):
    slide = ArraySlide(image)
    slide.close()
    with pytest.raises(ClosedSlideError, match="closed"):
        slide.read(Region(0, 0, 1, 1))
