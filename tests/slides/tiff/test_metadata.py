import struct
from io import BytesIO

import numpy as np
import pytest
import tifffile
from openslide import OpenSlide
from PIL import ImageCms

from napari_focusqc.errors import ColourProfileError
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.tiff.layout import MOST_PROFILE_BYTES

APERIO = "Aperio Image Library v12\n400x300 [0,0 400x300] (256x256) JPEG/RGB Q=70"


def write(path, *, unit=None, resolution=None, **options):
    tifffile.imwrite(
        path,
        np.full((300, 400, 3), 200, np.uint8),
        photometric="rgb",
        tile=(256, 256),
        resolution=resolution,
        resolutionunit=unit,
        **options,
    )
    return open_slide(path)


@pytest.mark.parametrize(
    ("unit", "pixels", "mpp"),
    [
        ("CENTIMETER", (40000, 40000), 0.25),
        ("INCH", (50800, 50800), 0.5),
        ("INCH", (72, 72), None),
        ("INCH", (300, 300), None),
        ("NONE", (40000, 40000), None),
        ("CENTIMETER", (40000, 39000), None),  # 2.6 % apart
        ("CENTIMETER", (40000, 39900), pytest.approx(0.2503, abs=1e-4)),
    ],
)
def test_resolution_tags(tmp_path, unit, pixels, mpp):
    slide = write(tmp_path / "a.tif", unit=unit, resolution=pixels, metadata=None)
    assert slide.mpp == mpp
    assert slide.mpp_source == (None if mpp is None else "file")


@pytest.mark.parametrize(
    ("text", "mpp", "power"),
    [
        (f"{APERIO}|AppMag = 40|MPP = 0.2527|Left = 1", 0.2527, 40.0),
        (f"{APERIO}|AppMag = 20", None, 20.0),
        (f"{APERIO}|AppMag = 0|MPP = 0.25", 0.25, None),
        (f"{APERIO}|AppMag = nan|MPP = inf", None, None),
        (f"{APERIO}|MPP = 0", None, None),
        (f"{APERIO}|MPP = unknown|AppMag = ", None, None),
        (APERIO, None, None),
    ],
)
def test_aperio_descriptions(tmp_path, text, mpp, power):
    slide = write(tmp_path / "a.svs", description=text, metadata=None)
    assert (slide.mpp, slide.info.objective) == (mpp, power)
    assert (slide.info.format, slide.info.vendor) == ("Aperio SVS", "Aperio")


@pytest.mark.parametrize(
    ("sizes", "mpp"),
    [
        ({"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}, 0.25),
        ({"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm"}, 0.25),
        ({"PhysicalSizeX": 0.00025, "PhysicalSizeXUnit": "mm"}, 0.25),
        ({"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}, None),
        ({"PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel"}, None),
        ({}, None),
    ],
)
def test_ome_pixel_sizes(tmp_path, sizes, mpp):
    slide = write(tmp_path / "a.ome.tif", metadata={"axes": "YXS", **sizes})
    assert slide.mpp == (None if mpp is None else pytest.approx(mpp))
    assert slide.info.format == "OME-TIFF"


def test_ome_pixel_sizes_go_before_resolution_tags(tmp_path):
    slide = write(
        tmp_path / "a.ome.tif",
        unit="CENTIMETER",
        resolution=(20000, 20000),
        metadata={"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
    )
    assert slide.mpp == 0.25


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("tcga/tcga-cr-7395-01a-01-ts1.svs", 3144),
        ("openslide-fixtures/boxes.tiff", 588),
        ("openslide-cmu/CMU-1-Small-Region.svs", None),
    ],
)
def test_the_colour_profile_of_real_slides_is_openslides(test_data, name, size):
    profile = open_slide(test_data / "wsi" / name).icc_profile
    assert (None if profile is None else len(profile)) == size
    with OpenSlide(test_data / "wsi" / name) as handle:
        theirs = handle.color_profile
        assert profile == (None if theirs is None else theirs.tobytes())


def test_a_real_colour_profile_is_one(test_data):
    profile = open_slide(test_data / "wsi/tcga/tcga-cr-7395-01a-01-ts1.svs").icc_profile
    assert "sRGB" in ImageCms.getProfileDescription(BytesIO(profile))


def test_a_colour_profile_is_returned_byte_for_byte(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    slide = write(tmp_path / "a.tif", iccprofile=profile)
    assert slide.icc_profile == profile
    assert slide.info.notes == ()


def test_a_colour_profile_of_monstrous_size_is_left_out_unread(tmp_path):
    slide = write(tmp_path / "a.tif", iccprofile=bytes(MOST_PROFILE_BYTES + 1))
    assert slide.icc_profile is None
    assert slide.info.notes == ("its colour profile is damaged and is left out",)
    with pytest.raises(ColourProfileError):
        slide.pyramid(srgb=True)


@pytest.mark.parametrize("count", [(1 << 32) - 1, 1 << 20])
def test_a_colour_profile_beyond_the_end_of_the_file_is_none(tmp_path, count):
    path = tmp_path / "a.tif"
    write(path, iccprofile=bytes(500))
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages.first.tags[34675].offset + 4
    with path.open("r+b") as file:
        file.seek(place)
        file.write(struct.pack("<I", count))
    slide = open_slide(path)
    assert slide.icc_profile is None
    with pytest.raises(ColourProfileError):
        slide.pyramid(srgb=True)
