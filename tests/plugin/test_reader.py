"""What napari is told of a path, and what it gets."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer

from napari_focusqc.errors import (
    FocusQCError,
    MapFileError,
    NotASlideError,
    SlideNotFoundError,
    TruncatedSlideError,
)
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.reader import napari_get_reader
from napari_focusqc.results.focus_map import FocusMap


def test_a_slide_becomes_a_layer_of_its_own_pixels(
    tmp_path: Path, write_tiff: Callable[..., Path], tissue_image: Callable[..., np.ndarray]
) -> None:
    image = tissue_image(600, 800)
    path = write_tiff(tmp_path / "slide.tif", image, compression=None, mpp=0.5, levels=2)
    read = napari_get_reader(str(path))
    assert read is not None
    ((data, keywords, kind),) = read(str(path))
    assert kind == "image"
    assert keywords["name"] == "slide.tif"
    assert keywords["scale"] == pytest.approx((0.5, 0.5), rel=1e-4)
    np.testing.assert_array_equal(data[0].compute(), image)
    assert Layer.create(data, keywords, kind).multiscale
    keywords["metadata"][METADATA_KEY]["slide"].close()


def test_a_saved_map_becomes_heatmap_and_verdicts(
    tmp_path: Path, make_map: Callable[..., FocusMap]
) -> None:
    found = make_map()
    path = found.save(tmp_path / "map.ome.zarr")
    read = napari_get_reader(str(path))
    assert read is not None
    heatmap, verdicts = (Layer.create(*layer) for layer in read(str(path)))
    np.testing.assert_array_equal(heatmap.data, found.scores)
    np.testing.assert_array_equal(verdicts.data, found.verdicts())
    assert heatmap.data_to_world((0, 0)) == pytest.approx((0.5 * 245, 0.5 * 373))

    by_file = napari_get_reader(str(path / "zarr.json"))
    assert by_file is not None
    assert len(by_file(str(path / "zarr.json"))) == 2


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_ome_zarr_becomes_a_layer_of_its_own_pixels(
    tmp_path: Path,
    write_ome_zarr: Callable[..., Path],
    tissue_image: Callable[..., np.ndarray],
    version: str,
) -> None:
    image = tissue_image(300, 400)
    levels = [image.transpose(2, 0, 1), image[::2, ::2].transpose(2, 0, 1)]
    folder = write_ome_zarr(tmp_path / "slide.ome.zarr", levels, "cyx", version=version, mpp=0.5)
    for path in (folder, folder / ("zarr.json" if version == "0.5" else ".zattrs")):
        read = napari_get_reader(str(path))
        assert read is not None
        ((data, keywords, kind),) = read(str(path))
        assert keywords["name"] == "slide.ome.zarr"
        assert keywords["scale"] == pytest.approx((0.5, 0.5))
        np.testing.assert_array_equal(data[0].compute(), image)
        np.testing.assert_array_equal(data[1].compute(), image[::2, ::2])
        assert Layer.create(data, keywords, kind).rgb
        keywords["metadata"][METADATA_KEY]["slide"].close()


def test_an_ome_zarr_that_is_no_slide_is_refused_with_a_sentence(
    tmp_path: Path, write_ome_zarr: Callable[..., Path]
) -> None:
    path = write_ome_zarr(tmp_path / "deep.ome.zarr", [np.zeros((9, 9), np.uint16)], "yx")
    read = napari_get_reader(str(path))
    assert read is not None
    with pytest.raises(NotASlideError, match="uint16"):
        read(str(path))


def test_a_collection_of_bioformats2raw_is_read(
    tmp_path: Path, write_ome_zarr: Callable[..., Path]
) -> None:
    write_ome_zarr(tmp_path / "a.zarr" / "0", [np.zeros((9, 9), np.uint8)], "yx")
    write_group(tmp_path / "a.zarr", {"ome": {"version": "0.5", "bioformats2raw.layout": 3}})
    assert napari_get_reader(str(tmp_path / "a.zarr")) is not None


def write_group(folder: Path, attributes: dict[str, object]) -> None:
    folder.mkdir(exist_ok=True)
    group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (folder / "zarr.json").write_text(json.dumps(group))


@pytest.mark.parametrize(
    "ome",
    [
        {},
        {"plate": {"wells": []}, "bioformats2raw.layout": 3},
        {"well": {"images": []}},
        {"image-label": {}, "multiscales": [{}]},
        {"labels": ["cells"]},
    ],
    ids=["group", "plate", "well", "label", "labels"],
)
def test_other_folders_are_left_to_others(tmp_path: Path, ome: dict[str, object]) -> None:
    write_group(tmp_path / "other.zarr", {"ome": ome})
    assert napari_get_reader(str(tmp_path)) is None
    assert napari_get_reader(str(tmp_path / "other.zarr")) is None
    assert napari_get_reader(str(tmp_path / "other.zarr" / "zarr.json")) is None
    (tmp_path / "other.zarr" / "zarr.json").write_text("{")
    assert napari_get_reader(str(tmp_path / "other.zarr")) is None


def test_a_plain_array_is_left_to_others(
    tmp_path: Path, write_ome_zarr: Callable[..., Path]
) -> None:
    path = write_ome_zarr(tmp_path / "a.zarr", [np.zeros((9, 9), np.uint8)], "yx")
    assert napari_get_reader(str(path / "0")) is None


def test_a_stack_of_files_is_no_slide() -> None:
    assert napari_get_reader(["a.svs", "b.svs"]) is None


def test_a_damaged_map_is_refused(tmp_path: Path, make_map: Callable[..., FocusMap]) -> None:
    path = make_map().save(tmp_path / "map.ome.zarr")
    chunk = next(p for p in (path / "0").rglob("*") if p.is_file() and p.name != "zarr.json")
    chunk.write_bytes(b"")
    read = napari_get_reader(str(path))
    assert read is not None
    with pytest.raises(MapFileError):
        read(str(path))


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (None, SlideNotFoundError),
        (b"", NotASlideError),
        (b"not a slide at all", NotASlideError),
    ],
    ids=["missing", "empty", "text"],
)
def test_a_bad_file_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes | None, refusal: type[FocusQCError]
) -> None:
    path = tmp_path / "slide.svs"
    if content is not None:
        path.write_bytes(content)
    read = napari_get_reader(str(path))
    assert read is not None
    with pytest.raises(refusal) as caught:
        read(str(path))
    assert "\n" not in str(caught.value)


def test_a_truncated_slide_is_refused(
    tmp_path: Path, write_tiff: Callable[..., Path], tissue_image: Callable[..., np.ndarray]
) -> None:
    path = write_tiff(tmp_path / "cut.tif", tissue_image(600, 800))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    read = napari_get_reader(str(path))
    assert read is not None
    with pytest.raises(TruncatedSlideError):
        read(str(path))


def test_real_slide_opens_in_micrometres(test_data: Path) -> None:
    path = test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs"
    read = napari_get_reader(str(path))
    assert read is not None
    ((data, keywords, _),) = read(str(path))
    assert data[0].shape == (2967, 2220, 3)
    assert max(data[-1].shape) <= 1024
    assert keywords["scale"] == pytest.approx((0.499, 0.499))
    keywords["metadata"][METADATA_KEY]["slide"].close()


def test_the_reader_loads_no_torch_and_no_napari() -> None:
    code = (
        "import sys, napari_focusqc.plugin.reader as r; r.napari_get_reader('x.svs'); "
        "print([m for m in ('torch', 'napari', 'qtpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
