import struct

import numpy as np
import pytest
import tifffile
from openslide import OpenSlide

from napari_focusqc.errors import AssociatedImageError, ClosedSlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import associated_picture, offered, withheld
from napari_focusqc.slides.opening import open_slide

REAL = {
    "openslide-cmu/CMU-1-Small-Region.svs": {"thumbnail", "label", "macro"},
    "tcga/tcga-cr-7395-01a-01-ts1.svs": {"thumbnail"},
    "openslide-fixtures/small.svs": {"thumbnail"},
    "ome-tiff/images_OS-1-detail.ome.tif": set(),
}


@pytest.fixture
def pictures(tissue_image):
    """A label, a macro and a thumbnail of different sizes."""
    return {
        "Label": tissue_image(90, 100, 1),
        "Overview": tissue_image(70, 210, 2),
    }


@pytest.fixture
def qptiff(tmp_path, tissue_image, pictures, tiff_files):
    path = tmp_path / "a.qptiff"
    order = [("Overview", pictures["Overview"]), ("Label", pictures["Label"])]
    return tiff_files.write_qptiff(path, tissue_image(400, 520), pictures=order)


def place_of(path, picture):
    """Return (offset, count) of the first strip of the page with a picture's pixels."""
    with tifffile.TiffFile(path) as tiff:
        page = next(page for page in tiff.pages if page.shape == picture.shape)
        return page.dataoffsets[0], page.databytecounts[0]


def patch_size(path, picture, **sizes):
    """Overwrite ImageWidth (256), ImageLength (257) … of the page with a picture's pixels."""
    with tifffile.TiffFile(path) as tiff:
        page = next(page for page in tiff.pages if page.shape == picture.shape)
        tags = [(page.tags[name], value) for name, value in sizes.items()]
    with path.open("r+b") as file:
        for tag, value in tags:
            file.seek(tag.valueoffset)
            file.write(struct.pack("<H" if int(tag.dtype) == 3 else "<I", value))
    return path


@pytest.mark.parametrize("name", REAL)
def test_pictures_of_real_slides_equal_openslides_bit_for_bit(test_data, name):
    path = test_data / "wsi" / name
    slide = open_slide(path)
    assert set(slide.info.associated) == REAL[name]
    if REAL[name]:
        with OpenSlide(path) as handle:
            assert set(handle.associated_images) == REAL[name]
            for picture, image in handle.associated_images.items():
                theirs = np.asarray(image.convert("RGB"))
                assert np.array_equal(slide.associated_image(picture), theirs)


def test_a_real_label_is_withheld(test_data):
    slide = open_slide(test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs")
    assert (offered(slide), withheld(slide)) == (("macro", "thumbnail"), ("label",))
    with pytest.raises(AssociatedImageError, match="withheld"):
        associated_picture(slide, "label")


def test_pictures_of_a_qptiff(qptiff, pictures):
    slide = open_slide(qptiff)
    assert set(slide.info.associated) == {"thumbnail", "overview", "label"}
    assert np.array_equal(slide.associated_image("overview"), pictures["Overview"])
    assert np.array_equal(slide.associated_image("label"), pictures["Label"])
    full = slide.read(Region(0, 0, *slide.shape))
    assert np.array_equal(slide.associated_image("thumbnail"), full[::4, ::4])


@pytest.mark.parametrize("kind", ["Label", None])
def test_a_qptiff_label_in_the_macros_place_is_withheld(
    tmp_path, tissue_image, pictures, tiff_files, kind
):
    path = tmp_path / "a.qptiff"
    tiff_files.write_qptiff(path, tissue_image(400, 520), pictures=[(kind, pictures["Label"])])
    slide = open_slide(path)
    assert (offered(slide), withheld(slide)) == (("thumbnail",), ("label",))


def test_grey_and_inverted_pictures_are_shown_as_rgb(tmp_path, tissue_image):
    image, label = tissue_image(300, 300), tissue_image(50, 60, 1)[..., 0]
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(image, photometric="rgb", tile=(64, 64), metadata={"axes": "YXS"})
        writer.write(label, photometric="miniswhite", metadata={"axes": "YX", "Name": "label"})
    picture = open_slide(path).associated_image("label")
    assert np.array_equal(picture, np.repeat(255 - label[..., None], 3, -1))


def test_an_unknown_name_lists_those_there_are(qptiff):
    with pytest.raises(AssociatedImageError, match=r"no picture 'map'; there are: thumbnail, over"):
        open_slide(qptiff).associated_image("map")


def test_a_slide_without_pictures_says_so(tmp_path, write_tiff, tissue_image):
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(64, 64)))
    with pytest.raises(AssociatedImageError, match="no picture 'macro'; it has none"):
        slide.associated_image("macro")


def test_a_monstrous_picture_is_refused_before_anything_is_allocated(qptiff, pictures):
    patch_size(qptiff, pictures["Label"], ImageWidth=60_000, ImageLength=60_000)
    slide = open_slide(qptiff)
    with pytest.raises(AssociatedImageError, match="claims 60000 × 60000 px, too large"):
        slide.associated_image("label")
    assert slide.read(Region(0, 0, 10, 10)).shape == (10, 10, 3)


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ({"ImageLength": 9000, "RowsPerStrip": 9000}, "bytes too early|its tiles reach|reshape"),
        ({"StripOffsets": 1 << 31}, "its tiles reach to byte"),
        ({"Compression": 9999}, "compression"),
    ],
)
def test_a_damaged_picture_leaves_the_slide_alone(qptiff, pictures, sizes, why):
    patch_size(qptiff, pictures["Label"], **sizes)
    slide = open_slide(qptiff)
    with pytest.raises(
        AssociatedImageError, match=f"“label” of a.qptiff cannot be decoded .*{why}"
    ):
        slide.associated_image("label")
    assert slide.read(Region(0, 0, 10, 10)).shape == (10, 10, 3)
    assert np.array_equal(slide.associated_image("overview"), pictures["Overview"])


def test_a_picture_of_a_file_that_is_gone_is_refused(qptiff):
    slide = open_slide(qptiff)
    qptiff.unlink()
    with pytest.raises(AssociatedImageError, match="cannot be decoded .*No such file"):
        slide.associated_image("label")
    assert slide.read(Region(0, 0, 10, 10)).shape == (10, 10, 3)


def test_a_closed_slide_has_no_pictures(qptiff):
    slide = open_slide(qptiff)
    slide.close()
    with pytest.raises(ClosedSlideError):
        slide.associated_image("label")
