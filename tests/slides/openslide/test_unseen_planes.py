import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_focusqc.errors import NotASlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.openslide.unseen_planes import stated_planes, unseen_planes_note
from napari_focusqc.slides.openslide.vendor_tiff import VendorTiff, leica_planes, read_vendor_tiff

# What makes each kind of file hold three planes.
THREE: dict[str, dict[str, object]] = {
    "ndpi": {"heights": (-2000, 0, 2000)},
    "vms": {"planes": 3},
    "scn": {"planes": 3},
    "bif": {"planes": 3},
    "mrxs": {"focus_levels": 3},
}
SCN = '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">{}</scn>'


@pytest.mark.parametrize("kind", THREE)
def test_planes_that_openslide_does_not_read_are_told(tmp_path, write_vendor, tissue_image, kind):
    slide = open_slide(write_vendor(kind, tmp_path, tissue_image(128, 192), **THREE[kind]))
    assert slide.z_um == (0.0,)
    assert slide.info.notes == (
        "the file has 3 focal planes, of which OpenSlide reads one; "
        "export it as OME-TIFF to see all",
    )


@pytest.mark.parametrize("kind", ["scn", "ndpi"])
def test_the_plane_that_openslide_reads_is_the_one_at_zero(
    tmp_path, write_vendor, tissue_image, kind
):
    """The writers store every other plane as a negative."""
    image = tissue_image(128, 192)
    slide = open_slide(write_vendor(kind, tmp_path, image, **THREE[kind]))
    pixels = slide.read(Region(0, 0, 128, 192))
    assert np.abs(pixels.astype(int) - image).mean() < 4


@pytest.mark.parametrize("kind", [*THREE, "philips", "trestle"])
def test_a_file_of_one_plane_has_no_note(tmp_path, write_vendor, tissue_image, kind):
    assert open_slide(write_vendor(kind, tmp_path, tissue_image(128, 192))).info.notes == ()


def test_the_real_ndpi_has_one_plane(test_data):
    path = test_data / "wsi/ndpi-fluorescence/dapi.ndpi"
    assert read_vendor_tiff(path) == VendorTiff("JPEG", 1)
    assert open_slide(path).info.notes == ()


@pytest.mark.parametrize("name", ["dicom/sm_image.dcm", "openslide-fixtures/boxes_0.dcm"])
def test_real_dicom_files_have_one_plane(test_data, name):
    assert open_slide(test_data / "wsi" / name).info.notes == ()


def test_a_dicom_file_of_several_planes_is_refused(test_data, tmp_path):
    data = (test_data / "wsi/openslide-fixtures/boxes_0.dcm").read_bytes()
    one, three = (b"\x48\x00\x03\x03UL\x04\x00" + bytes([n, 0, 0, 0]) for n in (1, 3))
    assert data.count(one) == 1
    path = tmp_path / "a.dcm"
    path.write_bytes(data.replace(one, three))
    with pytest.raises(NotASlideError) as refusal:
        open_slide(path)
    assert str(refusal.value) == (
        "a.dcm has 3 focal planes, and OpenSlide opens DICOM files of one only; "
        "convert it to OME-TIFF"
    )


def dicom(frames: str, paths: str = "1") -> dict[str, str]:
    """Return the properties of a level of 500 × 300 px in tiles of 100 px: 15 of them."""
    return {
        "dicom.TotalPixelMatrixColumns": "500",
        "dicom.TotalPixelMatrixRows": "300",
        "dicom.Columns": "100",
        "dicom.Rows": "100",
        "dicom.NumberOfFrames": frames,
        "dicom.NumberOfOpticalPaths": paths,
    }


@pytest.mark.parametrize(
    ("properties", "planes"),
    [
        ({}, 1),
        ({"hamamatsu.NoLayers": "7"}, 7),
        ({"ventana.Z-layers": "0"}, 1),
        ({"ventana.Z-layers": "-3"}, 1),
        ({"ventana.Z-layers": "many"}, 1),
        ({"ventana.Z-layers": "nan"}, 1),
        ({"zeiss.Information.Image.SizeZ": "9"}, 9),
        ({"hamamatsu.NoLayers": "99999999"}, 1),
        (dicom("15"), 1),
        (dicom("3"), 1),
        (dicom("30"), 2),
        (dicom("31"), 3),
        (dicom("45", paths="3"), 1),
        ({**dicom("30"), "dicom.Rows": "0"}, 1),
        ({**dicom("30"), "dicom.Columns": "x"}, 1),
        ({"mirax.HIERARCHICAL.HIER_COUNT": "99999999"}, 1),
        (
            {
                "mirax.HIERARCHICAL.HIER_COUNT": "4",
                "mirax.HIERARCHICAL.HIER_0_NAME": "Slide zoom level",
                "mirax.HIERARCHICAL.HIER_0_COUNT": "9",
                "mirax.HIERARCHICAL.HIER_3_NAME": "Microscope focus level",
                "mirax.HIERARCHICAL.HIER_3_COUNT": "5",
            },
            5,
        ),
    ],
)
def test_the_properties_tell_how_many_planes_there_are(properties, planes):
    assert stated_planes(properties) == planes


def test_one_plane_needs_no_sentence():
    assert unseen_planes_note(1) is None


@pytest.mark.parametrize(
    ("description", "planes"),
    [
        ("", 1),
        ("Aperio Image Library", 1),
        (SCN.format(""), 1),
        (SCN.format("<image><dimension/><dimension z='0'/></image>"), 1),
        (SCN.format("<image><dimension z='0'/><dimension z='1'/></image>"), 2),
        (SCN.format("<image><dimension z='0'/></image><image><dimension z='1'/></image>"), 1),
        (SCN.format("<image>"), 1),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + SCN.format("<image><dimension z='1'/></image>"), 1),
    ],
)
def test_leica_planes_are_counted_in_each_image(description, planes):
    assert leica_planes(description) == planes


@pytest.mark.parametrize(("depth", "planes"), [(1, 1), (5, 5), (4_000_000_000, 1)])
def test_a_tiff_may_state_the_depth_of_its_images(tmp_path, tissue_image, depth, planes):
    path = tmp_path / "a.tif"
    options = {"photometric": "rgb", "metadata": None, "byteorder": "<"}
    tifffile.imwrite(path, tissue_image(64, 64), extratags=[(65000, 4, 1, depth, True)], **options)
    written, wanted = (struct.pack("<HHII", code, 4, 1, depth) for code in (65000, 32997))
    data = path.read_bytes()
    assert data.count(written) == 1
    path.write_bytes(data.replace(written, wanted))  # tifffile writes no such tag
    assert read_vendor_tiff(path) == VendorTiff("none", planes)


def write_text(path: Path) -> None:
    path.write_text("no TIFF")


def write_cut(path: Path) -> None:
    path.write_bytes(b"II*\0\x08\0\0\0\xff\xff")


def write_nothing(path: Path) -> None:
    """Leave the file away."""


@pytest.mark.parametrize("write", [write_text, write_cut, write_nothing])
def test_what_cannot_be_looked_through_is_unknown(tmp_path, write: Callable[[Path], None]):
    write(tmp_path / "a.tif")
    assert read_vendor_tiff(tmp_path / "a.tif") == VendorTiff(None, 1)
