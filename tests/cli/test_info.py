import json
from pathlib import Path

import pytest

from napari_focusqc.cli import main
from napari_focusqc.slides.facts import describe, facts
from napari_focusqc.slides.opening import open_slide

REAL = {
    "openslide-cmu/CMU-1-Small-Region.svs": (
        "format       Aperio SVS",
        "compression  JPEG",
        "objective    20x",
        "size         2,220 × 2,967 px (1.11 × 1.48 mm)",
        "µm per pixel 0.499 (from the file)",
        "pictures     macro, thumbnail, label (withheld)",
    ),
    "tcga/tcga-cr-7395-01a-01-ts1.svs": (
        "compression  JPEG 2000",
        "levels       2 (4,443 × 3,567, 2,221 × 1,783 px)",
        "µm per pixel not in the file",
        "colours      with an ICC profile",
    ),
    "ome-tiff/images_OS-1-detail.ome.tif": ("format       OME-TIFF", "µm per pixel 0.2271"),
    "ome-tiff/images_OS-2-ndpi.ome.tif": ("µm per pixel 0.2271",),
    "ome-tiff/images_OS-2-vsi.ome.tif": ("µm per pixel 0.346",),
    "ndpi-fluorescence/dapi.ndpi": (
        "read by      openslide",
        "objective    40x",
        "µm per pixel 0.2282",
        "levels       7 (3,968 × 4,864, ",
        "pictures     macro",
    ),
    "z-time-series/4D-series.ome.tiff": (
        "planes       5 (heights unknown, counted 0, 1, 2, 3, 4)",
        "note         Int8 is read as −128 = black.",
        "give the distance of the planes.",
    ),
    "dicom/sm_image.dcm": ("read by      openslide", "µm per pixel 0.499"),
    "openslide-fixtures/boxes_0.dcm": ("pictures     thumbnail",),
    "openslide-fixtures/boxes.tiff": ("size         300 × 250 px\n", "levels       4 ("),
    "openslide-fixtures/boxes.png": ("format       PNG picture", "read by      pillow"),
    "openslide-fixtures/small.svs": ("µm per pixel 0.499",),
    "openslide-fixtures/unreadable.svs": ("size         16 × 16 px",),
}


@pytest.mark.parametrize("name", REAL)
def test_info_prints_a_table_of_every_real_slide(test_data, name, capsys):
    assert main(["info", str(test_data / "wsi" / name)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"name         {Path(name).name}\n")
    assert [line for line in REAL[name] if line not in printed] == []


@pytest.mark.parametrize("name", REAL)
def test_json_gives_the_same_to_programs(test_data, name, capsys):
    path = test_data / "wsi" / name
    assert main(["info", "--json", str(path)]) == 0
    printed = json.loads(capsys.readouterr().out)
    slide = open_slide(path)
    assert printed == json.loads(json.dumps(describe(slide)))
    assert printed["shape"] == list(slide.shape) == printed["levels"][0]
    assert (printed["mpp"], printed["path"]) == (slide.mpp, str(path))
    assert len(facts(slide)) == 12 + len(printed["notes"])
    slide.close()


def test_what_the_user_gives_is_used_and_said(test_data, capsys):
    path = str(test_data / "wsi/z-time-series/4D-series.ome.tiff")
    assert main(["info", "--mpp", "0.3", "--z-step", "1.5", path]) == 0
    printed = capsys.readouterr().out
    assert "µm per pixel 0.3 (given)" in printed
    assert "planes       5 (z = 0, 1.5, 3, 4.5, 6 µm, given)" in printed


def test_doubts_are_printed_with_what_would_do(tmp_path, write_tiff, tissue_image, capsys):
    path = write_tiff(tmp_path / "a slide ü.tif", tissue_image(300, 300), mpp=20.0)
    assert main(["info", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "µm per pixel not known (see the note)" in printed
    assert "note         The file states 20 µm/px, and no scanner has" in printed


def test_a_label_is_named_but_never_among_the_pictures(test_data, capsys):
    path = test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs"
    main(["info", "--json", str(path)])
    printed = json.loads(capsys.readouterr().out)
    assert printed["pictures"] == ["macro", "thumbnail"]
    assert printed["withheld"] == ["label"]
