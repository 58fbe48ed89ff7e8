from itertools import pairwise

import dask.array as da
import numpy as np
import pytest

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.pyramid import halve
from napari_focusqc.slides.tiff_slide import TiffSlide


def test_levels_are_added_until_the_longer_side_is_1024_px():
    lazy = da.zeros((5000, 70001, 3), dtype=np.uint8, chunks=(1000, 1000, 3))
    shapes = [level.shape for level in ArraySlide(lazy).pyramid()]
    assert shapes[0] == (5000, 70001, 3)
    assert shapes[-1] == (39, 546, 3)
    assert all(a[:2] == (b[0] // 2, b[1] // 2) for b, a in pairwise(shapes))


@pytest.mark.parametrize("shape", [(1, 3001), (3001, 1), (2049, 3), (1025, 1025)])
def test_odd_and_thin_images_are_halved_too(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    coarsest = ArraySlide(image).pyramid()[-1]
    assert max(coarsest.shape) <= 1024
    assert min(coarsest.shape) >= 1
    assert coarsest.compute().shape == coarsest.shape


def test_computed_levels_are_the_area_mean(tissue_image):
    image = tissue_image(1400, 2601)
    level = ArraySlide(image).pyramid()[1].compute()
    mean = image[:1400, :2600].reshape(700, 2, 1300, 2, 3).mean((1, 3))
    assert np.array_equal(level, np.rint(mean).astype(np.uint8))


def test_halve_keeps_planes_apart():
    stack = np.stack([np.full((2, 4, 3), value, np.uint8) for value in (10, 250)])
    assert halve(stack).tolist() == [[[[10] * 3] * 2], [[[250] * 3] * 2]]


def test_a_file_pyramid_equals_its_levels(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(1500, 1100), levels=2, tile=240)
    slide = open_slide(path)
    levels = slide.pyramid()
    assert [level.shape[:2] for level in levels] == [(1500, 1100), (750, 550)]
    assert levels[0].chunks[0][0] % 240 == 0
    for number, (height, width) in enumerate(slide.level_shapes):
        stored = slide.read(Region(0, 0, height, width), number)
        assert np.array_equal(levels[number].compute(), stored)
        assert np.array_equal(levels[number][301:700, 99:500].compute(), stored[301:700, 99:500])


def test_building_a_pyramid_decodes_nothing(tmp_path, write_tiff, tissue_image, monkeypatch):
    path = write_tiff(tmp_path / "a.tif", tissue_image(3000, 2000))
    read = []
    monkeypatch.setattr(TiffSlide, "read", lambda *arguments: read.append(arguments))
    open_slide(path).pyramid()
    assert read == []


def test_what_cannot_be_decoded_is_grey(tmp_path, write_tiff, tissue_image, spoil_tile):
    path = write_tiff(tmp_path / "a.tif", tissue_image(1200, 2300), tile=256)
    whole = open_slide(path).pyramid()[0].compute()
    spoil_tile(path, 0)
    spoiled = open_slide(path)
    levels = spoiled.pyramid()
    shown = levels[0].compute()
    assert (shown[:1024, :1024] == 128).all()
    assert np.array_equal(shown[1024:], whole[1024:])
    assert np.array_equal(shown[:, 1024:], whole[:, 1024:])
    assert (levels[1].compute()[:512, :512] == 128).all()
    with pytest.raises(UnreadableRegionError):
        spoiled.read(Region(0, 0, 10, 10))
