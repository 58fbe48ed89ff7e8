import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusqc.errors import NotASlideError, SettingsError, SlideNotFoundError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.openslide.slide import OpenSlideSlide

# file under data/wsi: (reader, height, width, levels, planes, µm/px)
OPENED = {
    "openslide-cmu/CMU-1-Small-Region.svs": ("tifffile", 2967, 2220, 1, 1, 0.499),
    "tcga/tcga-cr-7395-01a-01-ts1.svs": ("tifffile", 3567, 4443, 2, 1, None),
    "ome-tiff/images_OS-1-detail.ome.tif": ("tifffile", 1101, 1101, 1, 1, 0.2271),
    "ome-tiff/images_OS-2-ndpi.ome.tif": ("tifffile", 2202, 2202, 1, 1, 0.2271),
    "ome-tiff/images_OS-2-vsi.ome.tif": ("tifffile", 1445, 1445, 1, 1, 0.34605),
    "ndpi-fluorescence/dapi.ndpi": ("openslide", 4864, 3968, 7, 1, 0.228175),
    "dicom/sm_image.dcm": ("openslide", 50, 50, 1, 1, 0.499),
    "dicom/sm_image_control.dcm": ("openslide", 50, 50, 1, 1, 0.499),
    "dicom/sm_image_dots.dcm": ("openslide", 50, 50, 1, 1, 0.499),
    "dicom/sm_image_numbers.dcm": ("openslide", 50, 50, 1, 1, 0.499),
    "openslide-fixtures/boxes_0.dcm": ("openslide", 16, 16, 1, 1, 0.499),
    "openslide-fixtures/boxes_1.dcm": ("openslide", 16, 16, 1, 1, 0.499),
    "openslide-fixtures/boxes.png": ("pillow", 250, 300, 1, 1, None),
    "openslide-fixtures/boxes.tiff": ("tifffile", 250, 300, 4, 1, None),
    "openslide-fixtures/small.svs": ("tifffile", 16, 16, 1, 1, 0.499),
    "openslide-fixtures/unreadable.svs": ("tifffile", 16, 16, 1, 1, 0.499),
    "z-time-series/4D-series.ome.tiff": ("tifffile", 167, 439, 1, 5, None),
}
REFUSED = {
    "dicom/sm_image_grayscale.dcm": "BitsAllocated value 16 != 8",
    "dicom/sm_image_grayscale_reversed.dcm": "BitsAllocated value 16 != 8",
    "dicom/sm_image_jpegls.dcm": "Unsupported transfer syntax",
    "dicom/sm_image_jpegls_nobot.dcm": "Unsupported transfer syntax",
    "openslide-fixtures/unopenable.tiff": "Unsupported TIFF compression: 52479",
    "dicom/LICENSE.txt": "no slide that can be read here",
}


@pytest.mark.parametrize("name", OPENED)
def test_real_slides_open(test_data, name):
    reader, height, width, levels, planes, mpp = OPENED[name]
    slide = open_slide(test_data / "wsi" / name)
    assert slide.info.reader == reader
    assert slide.info.path == test_data / "wsi" / name
    assert slide.name == Path(name).name
    assert slide.shape == slide.level_shapes[0] == (height, width)
    assert (len(slide.level_shapes), len(slide.z_um)) == (levels, planes)
    assert slide.mpp == (None if mpp is None else pytest.approx(mpp, rel=1e-4))
    assert slide.mpp_source == (None if mpp is None else "file")
    slide.close()


@pytest.mark.parametrize("name", REFUSED)
def test_real_files_that_are_no_slides_are_refused(test_data, name):
    with pytest.raises(NotASlideError, match=REFUSED[name]) as refusal:
        open_slide(test_data / "wsi" / name)
    assert Path(name).name in str(refusal.value)


def test_every_real_file_is_accounted_for(test_data):
    suffixes = {".svs", ".tif", ".tiff", ".ndpi", ".dcm", ".png"}
    files = [path for path in (test_data / "wsi").rglob("*") if path.suffix in suffixes]
    found = {path.relative_to(test_data / "wsi").as_posix() for path in files}
    assert found == (OPENED.keys() | REFUSED.keys()) - {"dicom/LICENSE.txt"}


def test_a_real_slide_says_what_it_is(test_data):
    info = open_slide(test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs").info
    assert (info.format, info.compression, info.objective, info.vendor) == (
        "Aperio SVS",
        "JPEG",
        20.0,
        "Aperio",
    )


def test_aperios_ycbcr_jpeg_2000_goes_to_openslide(tmp_path, tissue_image):
    """Compression 33003 stores YCbCr without saying so; OpenSlide knows, tifffile does not."""
    path = tmp_path / "a.svs"
    tifffile.imwrite(
        path,
        tissue_image(300, 400),
        photometric="rgb",
        tile=(256, 256),
        compression="jpeg2000",
        description="Aperio Image Library v11|MPP = 0.25|AppMag = 40",
        metadata=None,
    )
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[259].overwrite(33003)
    slide = open_slide(path)
    assert isinstance(slide, OpenSlideSlide)
    assert (slide.shape, slide.mpp, slide.info.objective) == ((300, 400), 0.25, 40.0)
    assert slide.read(Region(0, 0, 300, 400)).std() > 5


def test_a_compression_nobody_knows_is_named(tmp_path, tissue_image):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, tissue_image(64, 64), photometric="rgb", compression="jpegxl")
    with pytest.raises(NotASlideError, match=r"a\.ome\.tif .*JPEGXL|compression: 50002"):
        open_slide(path)


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(SlideNotFoundError, match=r"no file .*gone\.svs"):
        open_slide(tmp_path / "gone.svs")
    with pytest.raises(SlideNotFoundError):
        open_slide(str(tmp_path / "gone.svs"))
    with pytest.raises(SlideNotFoundError):
        open_slide(tmp_path / ("a" * 300))


@pytest.mark.parametrize("data", [b"", b"I", b"II*", b"not a slide" * 50, bytes(5000), b"II*\0"])
def test_what_is_no_slide_is_refused(tmp_path, data):
    path = tmp_path / "a.svs"
    path.write_bytes(data)
    with pytest.raises(Exception, match=r"a\.svs") as refusal:
        open_slide(path)
    assert type(refusal.value).__module__ == "napari_focusqc.errors"


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(NotASlideError, match="is no file"):
        open_slide(tmp_path)


@pytest.mark.parametrize("mpp", [0.0, -1.0, 0.001, 101.0, float("nan")])
def test_a_given_mpp_out_of_range_is_refused(tmp_path, write_tiff, tissue_image, mpp):
    path = write_tiff(tmp_path / "a.tif", tissue_image(64, 64))
    with pytest.raises(SettingsError, match="mpp is"):
        open_slide(path, mpp=mpp)


def test_opening_leaves_no_file_open(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        slide = open_slide(path)
        assert np.asarray(slide.read(Region(0, 0, 9, 9))).shape == (9, 9, 3)
        source = slide._pixels._source._file
        slide.close()
    assert source.closed
