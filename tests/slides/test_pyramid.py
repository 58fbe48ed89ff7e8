import subprocess
import sys
from itertools import pairwise

import dask.array as da
import numpy as np
import pytest

from napari_focusqc.errors import UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.pyramid import halve
from napari_focusqc.slides.tiff.slide import TiffSlide


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


def test_chunks_are_the_files_tiles(tmp_path, write_tiff, tissue_image):
    image = tissue_image(700, 900)
    for tile, chunk in [(240, 240), (256, 256), (512, 512), (64, 256), (112, 224)]:
        level = open_slide(write_tiff(tmp_path / f"{tile}.tif", image, tile=tile)).pyramid()[0]
        assert level.chunks[0][0] == level.chunks[1][0] == chunk
    strips = open_slide(write_tiff(tmp_path / "strips.tif", image, tile=None)).pyramid()[0]
    assert strips.chunks[1] == (900,)  # a strip is as wide as the image


def test_a_computed_level_does_not_depend_on_how_it_is_read(tissue_image):
    image = tissue_image(4097, 4500)
    levels = ArraySlide(image).pyramid()
    assert [level.shape[:2] for level in levels] == [
        (4097, 4500),
        (2048, 2250),
        (1024, 1125),
        (512, 562),
    ]
    expected = image
    for level in levels[1:]:
        expected = halve(expected[: expected.shape[0] // 2 * 2, : expected.shape[1] // 2 * 2])
        assert np.array_equal(level.compute(), expected)
        assert np.array_equal(level[101:333, 7:400].compute(), expected[101:333, 7:400])


def test_planes_stay_apart_in_every_level(tissue_image):
    stack = np.stack([tissue_image(1100, 1300, seed) for seed in range(3)])
    levels = ArraySlide(stack).pyramid()
    assert [level.shape for level in levels] == [(3, 1100, 1300, 3), (3, 550, 650, 3)]
    assert levels[0].chunks[0] == (1, 1, 1)
    assert np.array_equal(levels[0][1, 100:400, 50:300].compute(), stack[1, 100:400, 50:300])
    assert np.array_equal(levels[1][2].compute(), halve(stack[2]))
    assert np.array_equal(levels[0][1, 5::7, ::300, 2].compute(), stack[1, 5::7, ::300, 2])
    assert np.array_equal(levels[0][:, 40].compute(), stack[:, 40])


def test_a_huge_slide_opens_without_a_decode_and_a_pan_decodes_the_tiles_in_view(
    huge_slide, jpeg_decodes
):
    levels = open_slide(huge_slide).pyramid()
    shapes = [level.shape[:2] for level in levels]
    assert shapes == [(100_000, 70_000), (25_000, 17_500), (6250, 4375), (1562, 1093), (781, 546)]
    assert not jpeg_decodes
    view = levels[0][51_200:52_224, 30_720:32_256].compute()  # 4 × 6 tiles
    assert view.shape == (1024, 1536, 3)
    assert len(jpeg_decodes) == 24
    levels[0][51_200:52_224, 30_976:32_512].compute()  # panned by one tile
    assert len(jpeg_decodes) == 48
    levels[1][1000:1010, 1000:1010].compute()
    assert len(jpeg_decodes) == 49


def test_a_huge_slide_takes_little_memory(huge_slide):
    code = """
import resource, sys
from napari_focusqc.slides.opening import open_slide
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
levels = open_slide(sys.argv[1]).pyramid()
levels[-1].compute()
levels[0][50_000:51_000, 30_000:31_500].compute()
print((peak() - before) // (1024 if sys.platform == "linux" else 1 << 20))
"""
    pytest.importorskip("resource", reason="peak memory is not told on Windows")
    run = subprocess.run(
        [sys.executable, "-c", code, str(huge_slide)], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 200  # MiB


def test_building_a_pyramid_decodes_nothing(tmp_path, write_tiff, tissue_image, monkeypatch):
    path = write_tiff(tmp_path / "a.tif", tissue_image(3000, 2000))
    read = []
    monkeypatch.setattr(TiffSlide, "read", lambda *arguments: read.append(arguments))
    open_slide(path).pyramid()
    assert read == []


def test_a_tile_that_cannot_be_decoded_is_grey_and_no_other(
    tmp_path, write_tiff, tissue_image, spoil_tile
):
    path = write_tiff(tmp_path / "a.tif", tissue_image(1200, 2300), tile=256)
    before = open_slide(path).pyramid()
    whole, half = (level.compute() for level in before[:2])
    spoil_tile(path, 0)
    spoiled = open_slide(path)
    levels = spoiled.pyramid()
    shown, shown_half = (level.compute() for level in levels[:2])
    for pixels, good, side in [(shown, whole, 256), (shown_half, half, 128)]:
        assert (pixels[:side, :side] == 128).all()
        assert np.array_equal(pixels[side:], good[side:])
        assert np.array_equal(pixels[:, side:], good[:, side:])
    with pytest.raises(UnreadableRegionError):
        spoiled.read(Region(0, 0, 10, 10))
