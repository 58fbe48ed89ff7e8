"""Every format that OpenSlide reads and that can be written here, through the front door."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from openslide import OpenSlide

from napari_focusqc.errors import NotASlideError, RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide

# kind: (format, vendor, compression)
KINDS = {
    "scn": ("Leica SCN", "Leica", "none"),
    "philips": ("Philips TIFF", "Philips", "none"),
    "bif": ("Ventana BIF", "Ventana", "none"),
    "trestle": ("Trestle TIFF", "Trestle", "none"),
    "mrxs": ("3DHISTECH MRXS", "3DHISTECH", "PNG"),
    "vms": ("Hamamatsu VMS", "Hamamatsu", "JPEG"),
    "vmu": ("Hamamatsu VMU", "Hamamatsu", "none"),
    "ndpi": ("Hamamatsu NDPI", "Hamamatsu", "JPEG"),
}
LOSSLESS = ("scn", "philips", "bif", "trestle", "mrxs", "vmu")
PICTURES = {
    "scn": {"macro"},
    "philips": {"macro", "label"},
    "bif": {"macro"},
    "mrxs": {"macro", "label", "thumbnail"},
    "vms": {"macro"},
    "ndpi": {"macro"},
}


def whole(slide, level=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level)


@pytest.fixture
def image(tissue_image):
    return tissue_image(256, 384)


@pytest.mark.parametrize("kind", KINDS)
def test_a_written_slide_says_what_it_is(tmp_path, write_vendor, image, kind):
    path = write_vendor(kind, tmp_path, image)
    slide = open_slide(path)
    margin = 64 if kind == "scn" else 0
    assert slide.shape == (256 + margin, 384 + margin)
    second = 16 if kind == "vmu" else 2  # which has a map and nothing between
    assert slide.level_shapes[1] == ((256 + margin) // second, (384 + margin) // second)
    assert (slide.mpp, slide.mpp_source, slide.z_um) == (0.25, "file", (0.0,))
    info = slide.info
    assert (info.format, info.vendor, info.compression) == KINDS[kind]
    assert (info.reader, info.objective, info.path) == ("openslide", 40.0, path)
    assert info.stated_mpp == (0.25, 0.25)
    assert info.notes == ()


@pytest.mark.parametrize("kind", LOSSLESS)
def test_the_pixels_are_those_written(tmp_path, write_vendor, halves, image, kind):
    slide = open_slide(write_vendor(kind, tmp_path, image))
    pyramid = halves(image, 5)
    for level, expected in enumerate([image, pyramid[-1] if kind == "vmu" else pyramid[1]]):
        height, width, _ = expected.shape
        assert np.array_equal(slide.read(Region(0, 0, height, width), level), expected)
        part = slide.read(Region(7, 13, 9, 11), level)
        assert np.array_equal(part, expected[7:16, 13:24])


@pytest.mark.parametrize("kind", ["vms", "ndpi"])
def test_jpeg_pixels_are_openslides_own(tmp_path, write_vendor, image, kind):
    path = write_vendor(kind, tmp_path, image)
    slide = open_slide(path)
    with OpenSlide(path) as handle:
        for level, sides in enumerate(handle.level_dimensions):
            expected = np.asarray(handle.read_region((0, 0), level, sides))[..., :3]
            assert np.array_equal(whole(slide, level), expected)
    assert np.abs(whole(slide).astype(int) - image).mean() < 4


@pytest.mark.parametrize("kind", KINDS)
def test_several_threads_read_what_one_reads(tmp_path, write_vendor, image, kind):
    slide = open_slide(write_vendor(kind, tmp_path, image))
    expected = whole(slide)
    regions = [Region(y, x, 50, 70) for y in range(0, 200, 40) for x in range(0, 300, 60)] * 4
    with ThreadPoolExecutor(4) as pool:
        for region, pixels in zip(regions, pool.map(slide.read, regions), strict=True):
            part = expected[region.y : region.bottom, region.x : region.right]
            assert np.array_equal(pixels, part)


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_image_is_white(tmp_path, write_vendor, image, kind):
    slide = open_slide(write_vendor(kind, tmp_path, image))
    height, width = slide.shape
    pixels = slide.read(Region(height - 20, width - 30, 50, 60))
    assert (pixels[20:] == 255).all() and (pixels[:, 30:] == 255).all()
    inside = slide.read(Region(height - 20, width - 30, 20, 30))
    assert np.array_equal(pixels[:20, :30], inside)
    assert (inside == 255).all() == (kind == "scn")  # glass that was not scanned
    with pytest.raises(RegionError):
        slide.read(Region(height, 0, 1, 1))


def test_glass_around_a_leica_scan_is_white(tmp_path, write_vendor, image):
    slide = open_slide(write_vendor("scn", tmp_path, image, offset=(64, 32), margin=64))
    pixels = whole(slide)
    assert np.array_equal(pixels[64:, 32:416], image)
    assert (pixels[:64] == 255).all()
    assert (pixels[:, :32] == 255).all() and (pixels[:, 416:] == 255).all()


def test_a_tile_that_the_scanner_left_out_is_white(tmp_path, write_vendor, image):
    slide = open_slide(write_vendor("mrxs", tmp_path, image, hole=1))
    pixels, expected = whole(slide), image.copy()
    expected[:64, 64:128] = 255
    assert np.array_equal(pixels, expected)


def test_an_older_ventana_scanner_writes_a_tiff(tmp_path, write_vendor, image):
    slide = open_slide(write_vendor("bif", tmp_path, image, stitched=False))
    assert (slide.info.format, slide.info.vendor) == ("Ventana TIFF", "Ventana")
    assert np.array_equal(whole(slide), image)


def test_jpeg_tiles_of_an_mrxs(tmp_path, write_vendor, image):
    slide = open_slide(write_vendor("mrxs", tmp_path, image, kind="JPEG"))
    assert slide.info.compression == "JPEG"
    assert np.abs(whole(slide).astype(int) - image).mean() < 6


def test_overlapping_tiles_of_a_bif_are_laid_over_each_other(tmp_path, write_vendor, image):
    image = image[: 64 + 3 * 56, : 64 + 4 * 56]
    slide = open_slide(write_vendor("bif", tmp_path, image, overlap=8))
    assert slide.shape == image.shape[:2]
    assert np.array_equal(whole(slide), image)


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_beside_the_slide(tmp_path, write_vendor, image, tissue_image, kind):
    written = {name: tissue_image(40, 72, seed) for seed, name in enumerate(PICTURES[kind])}
    options = {"pictures": written} if kind == "mrxs" else written
    slide = open_slide(write_vendor(kind, tmp_path, image, **options))
    assert set(slide.info.associated) == PICTURES[kind]
    for name, picture in written.items():
        found = slide.associated_image(name)
        assert found.shape == picture.shape
        lossless = kind in ("scn", "philips", "bif")
        assert np.abs(found.astype(int) - picture).mean() <= (0 if lossless else 8)


@pytest.mark.parametrize("kind", KINDS)
def test_the_pyramid_ends_below_1024_px(tmp_path, write_vendor, tissue_image, kind):
    image = np.tile(tissue_image(320, 512), (4, 4, 1))
    slide = open_slide(write_vendor(kind, tmp_path, image))
    levels = slide.pyramid()
    assert [level.shape[:2] for level in levels[: len(slide.level_shapes)]] == list(
        slide.level_shapes
    )
    assert max(levels[-1].shape) <= 1024
    assert np.array_equal(levels[1].compute(), whole(slide, 1))


@pytest.mark.parametrize(("written", "words"), [("jpeg", "JPEG"), ("deflate", "deflate")])
def test_the_compression_is_that_of_the_largest_image(
    tmp_path, write_vendor, image, written, words
):
    path = write_vendor("philips", tmp_path, image, compression=written, macro=image[:64, :64])
    assert open_slide(path).info.compression == words


def test_a_compression_that_openslide_does_not_know_is_refused(tmp_path, write_vendor, image):
    path = write_vendor("philips", tmp_path, image, compression="jpeg2000")
    with pytest.raises(NotASlideError, match=r"^a\.tiff cannot be opened: OpenSlide says “Unsupp"):
        open_slide(path)
