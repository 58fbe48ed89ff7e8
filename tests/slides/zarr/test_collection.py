"""Several images side by side, as bioformats2raw writes them: the slide, and its pictures."""

import json

import numpy as np
import pytest

from napari_focusqc.errors import AssociatedImageError, NotASlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.associated import offered, withheld
from napari_focusqc.slides.opening import open_slide

XML = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">
  <Instrument ID="Instrument:0">
    <Microscope Manufacturer="Aperio" Model="ScanScope"/>
    <Objective ID="Objective:0:0" NominalMagnification="10.0"/>
    <Objective ID="Objective:0:1" NominalMagnification="40.0"/>
  </Instrument>
  {images}
</OME>
"""


def xml(*names, settings='<ObjectiveSettings ID="Objective:0:1"/>'):
    images = "".join(f'<Image ID="Image:{n}" Name="{name}">{settings}</Image>' for n, name in
                     enumerate(names))  # fmt: skip
    return XML.format(images=images)


@pytest.fixture
def write_collection(tmp_path, write_ome_zarr, zarr_files):
    """Return `write(count, text, *, version, layout, series)`: images 0, 1 …, no two alike."""

    def write(count, text=None, *, version="0.5", layout=3, series=None):
        root = tmp_path / "a.ome.zarr"
        shown = []
        for number in range(count):
            array, planes = zarr_files.sample("cyx", height=100 + number, width=120, seed=number)
            write_ome_zarr(root / str(number), [array], "cyx", version=version)
            shown.append(planes[0])
        (root / "OME").mkdir(parents=True)
        group(root, {"bioformats2raw.layout": layout}, version)
        group(root / "OME", {} if series is None else {"series": series}, version)
        if text is not None:
            (root / "OME/METADATA.ome.xml").write_text(text, encoding="utf-8")
        return root, shown

    return write


def group(folder, ome, version):
    if version == "0.4":
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(ome))
        return
    attributes = {"ome": ome | {"version": version}}
    values = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(values))


def whole(slide):
    return slide.read(Region(0, 0, *slide.shape))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_first_image_is_the_slide_and_the_named_ones_its_pictures(write_collection, version):
    text = xml("scan", "label image", "macro image", "Thumbnail")
    root, shown = write_collection(4, text, version=version)
    slide = open_slide(root)
    assert np.array_equal(whole(slide), shown[0])
    assert (slide.name, slide.info.path) == ("a.ome.zarr", root)
    assert (slide.info.objective, slide.info.vendor) == (40.0, "Aperio")
    assert slide.info.notes == ()
    assert slide.info.associated == ("label", "macro", "thumbnail")
    assert (offered(slide), withheld(slide)) == (("macro", "thumbnail"), ("label",))
    for number, name in enumerate(slide.info.associated, start=1):
        assert np.array_equal(slide.associated_image(name), shown[number])
    with pytest.raises(AssociatedImageError, match="there are: label, macro, thumbnail"):
        slide.associated_image("0")


def test_a_picture_that_stands_first_is_not_the_slide(write_collection):
    root, shown = write_collection(2, xml("macro image", "scan"))
    slide = open_slide(root)
    assert np.array_equal(whole(slide), shown[1])
    assert slide.info.associated == ("macro",)


def test_further_images_are_noted_and_open_by_their_own_folder(write_collection):
    root, shown = write_collection(3, xml("one", "label image", "two"))
    slide = open_slide(root)
    assert slide.info.notes == ("it holds further images (2); open each by its own folder",)
    second = open_slide(root / "2")
    assert second.name == "a.ome.zarr 2"
    assert np.array_equal(whole(second), shown[2])


def test_the_listed_order_of_the_images_is_kept(write_collection):
    root, shown = write_collection(2, xml("scan", "label image"), series=["1", "0"])
    slide = open_slide(root)
    assert np.array_equal(whole(slide), shown[1])
    assert np.array_equal(slide.associated_image("label"), shown[0])


def test_without_ome_xml_the_first_image_is_the_slide(write_collection):
    root, shown = write_collection(2)
    slide = open_slide(root)
    assert np.array_equal(whole(slide), shown[0])
    assert (slide.info.associated, slide.info.objective, slide.info.vendor) == ((), None, None)
    assert "further images (1)" in slide.info.notes[0]


def test_an_objective_that_the_image_does_not_name_is_unknown(write_collection):
    root, _ = write_collection(1, xml("scan", settings=""))
    assert open_slide(root).info.objective is None


def test_ome_xml_that_cannot_be_read_is_noted(write_collection):
    root, shown = write_collection(1, "<OME")
    slide = open_slide(root)
    assert np.array_equal(whole(slide), shown[0])
    assert "its OME-XML cannot be read" in slide.info.notes[0]
    (root / "OME/METADATA.ome.xml").write_bytes(b"\xff\xfe<\0O\0M\0E\0/\0>\0")
    assert "its OME-XML cannot be read" in open_slide(root).info.notes[0]


def test_ome_xml_with_entities_is_refused(write_collection):
    root, _ = write_collection(1, '<!DOCTYPE a [<!ENTITY b "c">]><OME xmlns="x">&b;</OME>')
    with pytest.raises(NotASlideError, match="entities"):
        open_slide(root)


def test_another_layout_and_an_empty_folder_are_refused(write_collection):
    root, _ = write_collection(0)
    with pytest.raises(NotASlideError, match="holds no image 0, 1, 2"):
        open_slide(root)
    group(root, {"bioformats2raw.layout": 2}, "0.5")
    with pytest.raises(NotASlideError, match="layout 2 of bioformats2raw, and 3 is read"):
        open_slide(root)


def test_a_series_that_leads_out_of_the_folder_is_refused(write_collection):
    root, _ = write_collection(1, series=["../a.ome.zarr/0"])
    with pytest.raises(NotASlideError, match="no folder inside it"):
        open_slide(root)


def test_a_damaged_picture_is_refused_and_the_slide_is_read(write_collection):
    root, shown = write_collection(2, xml("scan", "macro image"))
    slide = open_slide(root)
    for file in (root / "1/0/c").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    with pytest.raises(AssociatedImageError, match="“macro” of a.ome.zarr cannot be decoded"):
        slide.associated_image("macro")
    (root / "1/0/zarr.json").unlink()
    with pytest.raises(AssociatedImageError, match="a part of the image is missing"):
        slide.associated_image("macro")
    assert np.array_equal(whole(slide), shown[0])


def test_a_picture_of_absurd_size_is_refused(write_collection):
    root, _ = write_collection(2, xml("scan", "macro image"))
    file = root / "1/0/zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [3, 20_000, 20_000]}))
    with pytest.raises(AssociatedImageError, match="20000 × 20000 px, too large"):
        open_slide(root).associated_image("macro")
