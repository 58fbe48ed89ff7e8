from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from napari_focusqc.errors import ColourProfileError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.layers import METADATA_KEY, slide_layers
from napari_focusqc.slides.colour import srgb_recolour
from napari_focusqc.slides.opening import open_slide


def profile(space):
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()


def scanner_profile():
    """An sRGB profile whose red and blue matrix columns change places."""
    data = bytearray(profile("sRGB"))
    for at in range(132, 132 + 12 * int.from_bytes(data[128:132], "big"), 12):
        name = bytes(data[at : at + 4])
        data[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
    return bytes(data)


@pytest.fixture
def pixels(tissue_image):
    return tissue_image(120, 150)


def test_a_profile_that_is_srgb_changes_nothing(pixels):
    shown = srgb_recolour(profile("sRGB"), "a.svs")(pixels)
    assert np.abs(shown.astype(int) - pixels).max() <= 1


def test_a_profile_with_red_and_blue_exchanged_exchanges_them(pixels):
    shown = srgb_recolour(scanner_profile(), "a.svs")(pixels)
    assert np.abs(shown.astype(int) - pixels[..., ::-1]).max() <= 2


def test_the_colours_are_those_of_imagecms(pixels):
    source = ImageCms.ImageCmsProfile(BytesIO(scanner_profile()))
    expected = ImageCms.profileToProfile(
        Image.fromarray(pixels), source, ImageCms.createProfile("sRGB")
    )
    assert np.array_equal(srgb_recolour(scanner_profile(), "a.svs")(pixels), np.asarray(expected))


def test_threads_share_one_transform(pixels):
    recolour = srgb_recolour(scanner_profile(), "a.svs")
    parts = [np.roll(pixels, shift, axis=0) for shift in range(32)]
    alone = [recolour(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(recolour, parts))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("data", [None, b"", b"no profile", profile("LAB"), profile("sRGB")[:200]])
def test_what_is_no_rgb_profile_is_refused(data):
    with pytest.raises(ColourProfileError, match=r"a\.svs .*show its colours as they are stored"):
        srgb_recolour(data, "a.svs")


def test_colours_are_turned_only_on_request_and_only_for_looking(tmp_path, pixels):
    path = tmp_path / "field.png"
    Image.fromarray(pixels).save(path, icc_profile=scanner_profile())
    slide = open_slide(path)
    [(plain, keywords, _)] = slide_layers(slide)
    assert np.array_equal(plain[0].compute(), pixels)
    assert keywords["metadata"][METADATA_KEY]["colours"] == "as stored"
    [(shown, keywords, _)] = slide_layers(slide, srgb=True)
    expected = srgb_recolour(scanner_profile(), "field.png")(pixels)
    assert np.array_equal(shown[0].compute(), expected)
    assert keywords["metadata"][METADATA_KEY]["colours"] == "sRGB by the ICC profile of the slide"
    assert np.array_equal(slide.read(Region(0, 0, *slide.shape)), pixels)


def test_a_real_slides_profile(test_data):
    slide = open_slide(test_data / "wsi/tcga/tcga-cr-7395-01a-01-ts1.svs")
    stored, shown = (slide.pyramid(srgb=srgb)[-1][:200, :200].compute() for srgb in (False, True))
    assert np.abs(stored.astype(int) - shown).max() <= 1  # its profile is sRGB itself
