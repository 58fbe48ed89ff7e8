import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

from napari_focusqc.errors import (
    AssociatedImageError,
    ClosedSlideError,
    NotASlideError,
    RegionError,
    SettingsError,
    UnreadableRegionError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.picture_slide import PictureSlide


def whole(slide):
    return slide.read(Region(0, 0, *slide.shape))


@pytest.fixture
def image(tissue_image):
    return tissue_image(300, 410)


@pytest.fixture
def png(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "field.png", dpi=(101_600, 101_600))
    return tmp_path / "field.png"


def test_a_png_field_is_read_as_it_is(png, image):
    slide = open_slide(png)
    assert (slide.info.format, slide.info.reader) == ("PNG picture", "pillow")
    assert (slide.name, slide.shape, slide.level_shapes) == ("field.png", (300, 410), ((300, 410),))
    assert (slide.mpp, slide.mpp_source) == (pytest.approx(0.25, rel=1e-4), "file")
    assert np.array_equal(whole(slide), image)
    assert np.array_equal(slide.pyramid()[0].compute(), image)
    assert slide.info.notes == ()


def test_a_jpeg_field_is_what_pillow_decodes(tmp_path, image):
    path = tmp_path / "field.jpg"
    Image.fromarray(image).save(path, quality=85)
    slide = open_slide(path)
    assert (slide.info.format, slide.info.compression) == ("JPEG picture", "JPEG")
    assert np.array_equal(whole(slide), np.asarray(Image.open(path)))
    assert slide.mpp is None


def test_openslides_boxes(test_data):
    path = test_data / "wsi/openslide-fixtures/boxes.png"
    assert np.array_equal(whole(open_slide(path)), np.asarray(Image.open(path).convert("RGB")))


def test_beyond_the_picture_is_white(png, image):
    pixels = open_slide(png).read(Region(290, -5, 20, 10))
    assert (pixels[10:] == 255).all()
    assert (pixels[:, :5] == 255).all()
    assert np.array_equal(pixels[:10, 5:], image[290:, :5])
    with pytest.raises(RegionError):
        open_slide(png).read(Region(300, 0, 1, 1))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA"])
def test_grey_palette_and_transparent_pictures(tmp_path, image, mode):
    picture = Image.fromarray(image).convert(mode)
    if "A" in mode:
        picture.putalpha(Image.new("L", picture.size, 0))
    picture.save(tmp_path / "field.png")
    pixels = whole(open_slide(tmp_path / "field.png"))
    if "A" in mode:
        assert (pixels == 255).all()  # what lies behind the glass is white
    else:
        assert np.array_equal(pixels, np.asarray(picture.convert("RGB")))


def test_a_picture_is_turned_as_its_exif_tag_says_and_a_note_says_so(tmp_path, image):
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(image).save(tmp_path / "field.png", exif=turned)
    slide = open_slide(tmp_path / "field.png")
    assert slide.shape == (410, 300)
    assert np.array_equal(whole(slide), np.rot90(image, -1))
    assert slide.info.notes == ("it is turned as its Exif tag says",)


def test_a_printers_resolution_is_noted_and_not_believed(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "field.jpg", dpi=(72, 72))
    slide = open_slide(tmp_path / "field.jpg")
    assert slide.mpp is None
    assert "352.8 µm/px" in slide.info.notes[0]
    assert open_slide(tmp_path / "field.jpg", mpp=0.25).mpp == 0.25


def test_the_content_counts_and_not_the_ending(png, image):
    wrong = png.rename(png.with_name("slide.svs"))
    slide = open_slide(wrong)
    assert np.array_equal(whole(slide), image)
    assert slide.info.notes == ("its name ends in “.svs”, but it is a PNG picture",)


def test_a_colour_profile_is_found(tmp_path, image):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(image).save(tmp_path / "field.png", icc_profile=profile)
    assert open_slide(tmp_path / "field.png").icc_profile == profile


def test_sixteen_bits_and_four_inks_are_refused(tmp_path, image):
    Image.fromarray(image[..., 0].astype(np.uint16) * 257).save(tmp_path / "deep.png")
    with pytest.raises(NotASlideError, match=r"deep\.png are I;16 .* needs 8-bit"):
        open_slide(tmp_path / "deep.png")
    Image.fromarray(image).convert("CMYK").save(tmp_path / "ink.jpg")
    with pytest.raises(NotASlideError, match="are CMYK"):
        open_slide(tmp_path / "ink.jpg")


def bare_png(path, side, bits, rows):
    """Write a PNG of RGB pixels by hand: Pillow writes none of 16 bits, and no monsters."""
    header = b"IHDR" + side.to_bytes(4, "big") * 2 + bytes([bits, 2, 0, 0, 0])
    chunks = (header, b"IDAT" + zlib.compress(rows), b"IEND")
    framed = [
        (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        for chunk in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    return path


def test_sixteen_bit_colour_is_not_cut_to_eight_in_silence(tmp_path):
    deep = bare_png(tmp_path / "deep.png", 4, 16, (b"\0" + bytes(24)) * 4)
    with pytest.raises(NotASlideError, match="RGB;16B"):
        open_slide(deep)


def test_a_monstrous_picture_is_refused_before_it_is_decoded(tmp_path):
    with pytest.raises(NotASlideError, match="too many for a plain picture; convert it"):
        open_slide(bare_png(tmp_path / "big.png", 60_000, 8, b"\0"))


def test_a_picture_that_was_cut_off_counts_as_unreadable(png):
    png.write_bytes(png.read_bytes()[:-20_000])
    slide = open_slide(png)
    for _ in range(2):
        with pytest.raises(UnreadableRegionError, match=r"field\.png cannot be decoded"):
            whole(slide)
    assert (slide.pyramid()[0].compute() == 128).all()
    png.write_bytes(png.read_bytes()[:20])
    with pytest.raises(NotASlideError, match="begins as a picture"):
        open_slide(png)


def test_a_picture_that_is_gone_before_it_was_read_counts_as_unreadable(png):
    slide = open_slide(png)
    png.unlink()
    with pytest.raises(UnreadableRegionError, match="No such file"):
        whole(slide)


def test_threads_read_one_picture(png, image):
    slide = PictureSlide(png)
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(slide.read, Region(y, 0, 50, 410)) for y in range(0, 300, 50)]
    assert np.array_equal(np.concatenate([read.result() for read in reads]), image)


def test_a_closed_picture_says_so_and_has_no_pictures_and_no_planes(png):
    with pytest.raises(SettingsError, match="one plane"):
        open_slide(png, z_step_um=1.0)
    slide = open_slide(png)
    with pytest.raises(AssociatedImageError, match="it has none"):
        slide.associated_image("macro")
    slide.close()
    with pytest.raises(ClosedSlideError):
        whole(slide)
