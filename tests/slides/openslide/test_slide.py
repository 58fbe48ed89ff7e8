from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import tifffile
from openslide import OpenSlide
from PIL import Image, ImageCms

from napari_focusqc.errors import (
    AssociatedImageError,
    ClosedSlideError,
    ColourProfileError,
    NotASlideError,
    RegionError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.openslide.handle import read_profile
from napari_focusqc.slides.openslide.slide import OpenSlideSlide


def whole(slide, level=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level)


@pytest.fixture
def dapi(test_data):
    slide = OpenSlideSlide(test_data / "wsi/ndpi-fluorescence/dapi.ndpi")
    yield slide
    slide.close()


@pytest.fixture
def spoiled(tmp_path, write_tiff, tissue_image, spoil_tile):
    """A slide of 3 × 4 tiles whose tile in row 0, column 1 is noise, and its pixels before that."""
    path = write_tiff(tmp_path / "a.tif", tissue_image(768, 1024))
    good = whole(OpenSlideSlide(path))
    return OpenSlideSlide(spoil_tile(path, 1)), good


def test_a_real_ndpi(dapi):
    assert dapi.shape == (4864, 3968)
    assert len(dapi.level_shapes) == 7
    assert dapi.mpp == pytest.approx(0.2281750559)
    assert (dapi.mpp_source, dapi.z_um) == ("file", (0.0,))
    assert (dapi.info.reader, dapi.info.vendor, dapi.info.objective) == (
        "openslide",
        "Hamamatsu",
        40.0,
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("openslide-cmu/CMU-1-Small-Region.svs", ("Aperio SVS", "JPEG", "Aperio")),
        ("tcga/tcga-cr-7395-01a-01-ts1.svs", ("Aperio SVS", "JPEG 2000", "Aperio")),
        ("openslide-fixtures/boxes.tiff", ("TIFF", "deflate", None)),
        ("ndpi-fluorescence/dapi.ndpi", ("Hamamatsu NDPI", "JPEG", "Hamamatsu")),
        ("dicom/sm_image.dcm", ("DICOM WSI", "none", "Test Manufacturer")),
        ("openslide-fixtures/boxes_0.dcm", ("DICOM WSI", "JPEG", "Leica Biosystems")),
    ],
)
def test_real_slides_have_words_of_their_own(test_data, name, words):
    info = OpenSlideSlide(test_data / "wsi" / name).info
    assert (info.format, info.compression, info.vendor) == words


def test_axes_are_turned_round_at_every_level(dapi):
    with OpenSlide(dapi.info.path) as handle:
        for level, (width, height) in enumerate(handle.level_dimensions):
            expected = np.asarray(handle.read_region((0, 0), level, (width, height)))[..., :3]
            assert dapi.level_shapes[level] == (height, width)
            assert np.array_equal(whole(dapi, level), expected)


@pytest.mark.parametrize("level", [0, 1, 3, 6])
def test_a_region_does_not_depend_on_how_it_is_cut(dapi, level):
    full = whole(dapi, level)
    height, width = dapi.level_shapes[level]
    for y, x in [(0, 0), (height // 3, width // 2 + 1), (height - 7, 5), (11, width - 13)]:
        region = Region(y, x, min(301, height - y), min(257, width - x))
        expected = full[y : region.bottom, x : region.right]
        assert np.array_equal(dapi.read(region, level), expected)


def test_beyond_the_image_is_white(dapi):
    pixels = dapi.read(Region(-10, 3960, 30, 30))
    assert (pixels[:10] == 255).all()
    assert (pixels[:, 8:] == 255).all()
    assert np.array_equal(pixels[10:, :8], dapi.read(Region(0, 3960, 20, 8)))
    with pytest.raises(RegionError):
        dapi.read(Region(0, 3968, 1, 1))


def test_the_pyramid_equals_the_levels(dapi):
    levels = dapi.pyramid()
    assert [level.shape[:2] for level in levels] == list(dapi.level_shapes)
    assert np.array_equal(levels[2].compute(), whole(dapi, 2))


def test_one_bad_tile_spoils_only_itself(spoiled):
    slide, good = spoiled
    for _ in range(3):
        with pytest.raises(UnreadableRegionError, match=r"a\.tif cannot be decoded"):
            slide.read(Region(0, 256, 256, 256))
        assert np.array_equal(slide.read(Region(256, 0, 512, 1024)), good[256:])
        assert np.array_equal(slide.read(Region(0, 0, 256, 256)), good[:256, :256])


def test_one_bad_tile_spoils_no_other_threads_reads(spoiled):
    slide, good = spoiled
    corners = [(y, x) for y in range(0, 768, 128) for x in range(0, 1024, 128)] * 4

    def read(corner):
        y, x = corner
        try:
            pixels = slide.read(Region(y, x, 128, 128))
        except UnreadableRegionError:
            return corner, False
        return corner, np.array_equal(pixels, good[y : y + 128, x : x + 128])

    with ThreadPoolExecutor(8) as pool:
        right = list(pool.map(read, corners))
    bad = {(0, 256), (0, 384), (128, 256), (128, 384)}
    assert {corner for corner, same in right if not same} == bad


def test_a_closed_slide_says_so(dapi):
    dapi.close()
    with pytest.raises(ClosedSlideError, match="dapi.ndpi was closed"):
        dapi.read(Region(0, 0, 1, 1))


def test_openslides_own_words_are_passed_on(test_data):
    with pytest.raises(NotASlideError, match="BitsAllocated value 16 != 8"):
        OpenSlideSlide(test_data / "wsi/dicom/sm_image_grayscale.dcm")


def on_white(image):
    """Lay a picture of OpenSlide's on white."""
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def test_the_macro_picture_of_a_real_ndpi(dapi):
    assert dapi.info.associated == ("macro",)
    picture = dapi.associated_image("macro")
    assert (picture.shape, picture.dtype) == ((406, 1188, 3), np.uint8)
    with OpenSlide(dapi.info.path) as handle:
        assert np.array_equal(picture, on_white(handle.associated_images["macro"]))


@pytest.mark.parametrize("name", ["label", "macro", "thumbnail"])
def test_the_pictures_of_a_real_svs_are_openslides_own(test_data, name):
    path = test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs"
    slide = OpenSlideSlide(path)
    assert set(slide.info.associated) == {"label", "macro", "thumbnail"}
    with OpenSlide(path) as handle:
        assert np.array_equal(
            slide.associated_image(name), on_white(handle.associated_images[name])
        )


def test_a_picture_that_is_not_there_is_refused_with_those_that_are(dapi):
    with pytest.raises(AssociatedImageError, match=r"no picture 'label'; there are: macro"):
        dapi.associated_image("label")
    dapi.close()
    with pytest.raises(ClosedSlideError):
        dapi.associated_image("macro")


def test_a_picture_that_claims_too_much_is_refused_before_it_is_decoded(dapi, monkeypatch):
    """The claim is OpenSlide's own property, as it is known before any pixel."""
    monkeypatch.setitem(dapi._properties, "openslide.associated.macro.height", "1000000")
    monkeypatch.setattr(OpenSlide, "associated_images", property(lambda _: pytest.fail("decoded")))
    with pytest.raises(AssociatedImageError, match=r"claims 1188 × 1000000 px, too large"):
        dapi.associated_image("macro")


def test_a_damaged_picture_leaves_the_slide_readable(tmp_path, write_vendor, tissue_image):
    image = tissue_image(128, 192)
    path = write_vendor("ndpi", tmp_path, image, macro=tissue_image(64, 64))
    with tifffile.TiffFile(path) as tiff:
        place, length = tiff.pages[-1].dataoffsets[0], tiff.pages[-1].databytecounts[0]
    good = whole(OpenSlideSlide(path))
    slide = OpenSlideSlide(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes(length))
    for _ in range(2):
        with pytest.raises(AssociatedImageError, match=r"“macro” of a\.ndpi .*; leave it out"):
            slide.associated_image("macro")
        assert np.array_equal(whole(slide), good)


def test_a_real_colour_profile(test_data):
    slide = OpenSlideSlide(test_data / "wsi/dicom/sm_image.dcm")
    profile = ImageCms.ImageCmsProfile(BytesIO(slide.icc_profile))
    assert profile.profile.xcolor_space.strip() == "RGB"
    plain, shown = (slide.pyramid(srgb=srgb)[0].compute() for srgb in (False, True))
    assert plain.shape == shown.shape == (50, 50, 3)


def test_no_colour_profile_is_none(dapi):
    assert dapi.icc_profile is None
    with pytest.raises(ColourProfileError, match="has no colour profile"):
        dapi.pyramid(srgb=True)


class Handle:
    """An OpenSlide handle of which only the colour profile is asked."""

    def __init__(self, profile):
        self._profile = profile

    @property
    def color_profile(self):
        return ImageCms.getOpenProfile(BytesIO(self._profile))


def test_a_damaged_colour_profile_is_left_out_and_said():
    profile, note = read_profile(Handle(b"no profile" * 50), {"openslide.icc-size": "500"})
    assert profile is None
    assert note.startswith("its colour profile is damaged (")
    assert note.endswith(") and is left out")


def test_a_colour_profile_that_claims_too_much_is_not_looked_at():
    profile, note = read_profile(None, {"openslide.icc-size": "99999999"})
    assert profile is None
    assert note == "its colour profile claims 99999999 bytes and is left out"
