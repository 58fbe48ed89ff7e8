"""Fields are found, brought to one resolution and parted by image."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.errors import TrainingError
from napari_focusqc.settings.training import FocusLiteNNTraining
from napari_focusqc.training import field_images, fields
from napari_focusqc.training.fields import (
    DataSet,
    find_data_sets,
    read_field,
    read_fields,
    split_paths,
)


def _finish(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_data_sets_are_folders_and_label_images_are_no_fields(field_folder: Path) -> None:
    plain, stained = find_data_sets(field_folder, 0.25)
    assert (plain.name, plain.licence, plain.mpp) == ("plain", "not stated", 0.25)
    assert [path.name for path in plain.paths] == ["10.png", "11.png"]
    assert (stained.name, stained.licence, stained.mpp) == ("Stained fields", "CC0", 0.26)
    assert len(stained.paths) == 4


def test_loose_images_form_a_data_set_named_like_the_folder(tmp_path: Path, tissue_image) -> None:
    Image.fromarray(tissue_image(20, 20)).save(tmp_path / "a.png")
    (only,) = find_data_sets(tmp_path, 0.25)
    assert (only.name, len(only.paths)) == (tmp_path.name, 1)


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no folder"):
        find_data_sets(tmp_path / "none", 0.25)
    with pytest.raises(TrainingError, match="no RGB images"):
        find_data_sets(tmp_path, 0.25)


@pytest.mark.parametrize("text", ["", "[1]", '{"mpp": "fine"}', '{"mpp": null}'])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "set").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "dataset.json").write_text(text)
    with pytest.raises(TrainingError, match=r"dataset\.json"):
        find_data_sets(tmp_path, 0.25)


def test_a_finer_field_is_area_averaged_and_a_coarser_one_left_out(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 80, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    known = DataSet("known", "CC0", "", 0.25, (tmp_path / "a.png",))
    half = read_field(known, known.paths[0], mpp=0.5)
    assert half is not None
    means = pixels.reshape(32, 2, 40, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(half.pixels, means, atol=0.5)
    same = read_field(known, known.paths[0], mpp=0.28)
    assert same is not None
    np.testing.assert_array_equal(same.pixels, pixels)
    assert read_field(known, known.paths[0], mpp=0.2) is None


@pytest.mark.parametrize(("notes", "mpp"), [({}, 0.3), ({"mpp": 1}, 1.0)])
def test_a_description_goes_before_the_setting(
    tmp_path: Path, notes: dict[str, float], mpp: float
) -> None:
    (tmp_path / "set").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "set" / "a.png")
    (tmp_path / "set" / "dataset.json").write_text(json.dumps(notes))
    assert find_data_sets(tmp_path, 0.3)[0].mpp == mpp


def test_the_resolution_in_the_file_goes_first(tmp_path: Path, write_tiff, tissue_image) -> None:
    path = write_tiff(tmp_path / "a.tif", tissue_image(96, 64), mpp=0.5)
    field = read_field(DataSet("a", "CC0", "", 0.25, (path,)), path, mpp=1.0)
    assert field is not None
    assert field.pixels.shape == (48, 32, 3)


def test_an_image_too_large_for_a_field_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    monkeypatch.setattr(field_images, "MAX_FIELD_PX", 9_999)
    data_set = DataSet("a", "CC0", "", 0.25, (tmp_path / "a.png",))
    with pytest.raises(TrainingError, match="100 × 100 px"):
        read_field(data_set, data_set.paths[0], 0.25)


def test_a_damaged_image_is_refused_by_name(tmp_path: Path, tissue_image) -> None:
    Image.fromarray(tissue_image(300, 300)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    data_set = DataSet("a", "CC0", "", 0.25, (tmp_path / "a.png",))
    with pytest.raises(TrainingError, match=r"a\.png cannot be read"):
        read_field(data_set, data_set.paths[0], 0.25)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(TrainingError, match=r"a\.png cannot be read"):
        find_data_sets(tmp_path, 0.25)


def test_images_are_parted_whole_and_the_same_way_for_the_same_seed() -> None:
    paths = [Path(f"{i}.png") for i in range(20)]
    training, validation = split_paths(paths, 0.2, seed=1)
    assert len(validation) == 4
    assert sorted([*training, *validation]) == sorted(paths)
    assert split_paths(paths, 0.2, seed=1) == (training, validation)
    assert split_paths(paths, 0.2, seed=2) != (training, validation)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_both_sides_get_an_image(share: float) -> None:
    training, validation = split_paths([Path("a"), Path("b")], share, seed=0)
    assert len(training) == len(validation) == 1
    with pytest.raises(TrainingError, match="one image"):
        split_paths([Path("a")], share, seed=0)


def test_no_image_is_both_trained_and_measured_on(tiny: FocusLiteNNTraining) -> None:
    found = _finish(fields.read_fields(tiny, 235))
    training = {field.path for field in found.training}
    validation = {field.path for field in found.validation}
    assert (len(training), len(validation)) == (4, 2)
    assert not training & validation
    assert [(e["name"], e["mpp"], e.get("note")) for e in found.used] == [
        ("plain", 0.25, None),
        ("Stained fields", 0.26, "made for this test"),
    ]
    assert [(e["images_training"], e["images_validation"]) for e in found.used] == [(1, 1), (3, 1)]


def test_fields_that_become_too_small_are_refused_when_none_is_left(
    tiny: FocusLiteNNTraining,
) -> None:
    with pytest.raises(TrainingError, match=r"0\.5 µm/px and then 235 px"):
        _finish(fields.read_fields(replace(tiny, mpp=0.5), 235))


def test_a_set_that_is_held_out_is_measured_on_only(
    field_folder: Path, tissue_image, tmp_path: Path
) -> None:
    folder = tmp_path / "fields"
    shutil.copytree(field_folder, folder)
    (folder / "other").mkdir()
    Image.fromarray(tissue_image(300, 290, 5)).save(folder / "other" / "alone.png")
    (folder / "other" / "dataset.json").write_text('{"held_out": true}')
    found = _finish(read_fields(FocusLiteNNTraining(folder, tmp_path), 235))
    assert {field.data_set for field in found.validation} - {
        field.data_set for field in found.training
    } == {"other"}
    assert found.used[0]["name"] == "other"
    assert (found.used[0]["images_training"], found.used[0]["images_validation"]) == (0, 1)
