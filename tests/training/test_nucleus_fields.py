"""Nuclei move as their pixels do, and fields are parted by image."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.annotation.nucleus_annotations import Annotation, read_table
from napari_focusqc.errors import TrainingError
from napari_focusqc.progress import finish
from napari_focusqc.training.field_images import shrink
from napari_focusqc.training.fields import DataSet
from napari_focusqc.training.nucleus_fields import (
    NucleusFields,
    read_nucleus_field,
    read_nucleus_fields,
    shrink_centres,
)


def labels_of(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> NDArray[np.uint16]:
    """Number boxes (top, left, bottom, right) from 1."""
    labels = np.zeros(shape, np.uint16)
    for number, (top, left, bottom, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = number
    return labels


def field_at(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 12)).save(path)
    return path


# --- Resolution -------------------------------------------------------------------------------


@given(
    factor=st.floats(1, 4),
    place=st.tuples(st.floats(40, 80), st.floats(40, 80)),
)
@settings(max_examples=25, deadline=None)
def test_area_averaging_moves_centres_as_it_moves_pixels(
    factor: float, place: tuple[float, float]
) -> None:
    """The centre of mass of a spot, before and after."""
    y, x = np.mgrid[0:120, 0:121]
    spot = 255 * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / (2 * 6**2))
    small = shrink(np.repeat(np.rint(spot)[..., None], 3, axis=2).astype(np.uint8), factor)[..., 0]
    mass = np.stack(np.indices(small.shape), axis=-1) * small[..., None] / small.sum(dtype=float)
    moved = shrink_centres(np.array([place]), factor)[0]
    np.testing.assert_allclose(mass.sum(axis=(0, 1)), moved, atol=0.03)


def test_centres_count_from_the_centre_of_the_first_pixel() -> None:
    """Pixels 0 and 1 become pixel 0, so 0.5 becomes 0; the corner at −0.5 stays."""
    centres = np.array([(0.5, 2.5), (-0.5, -0.5), (0, 1)])
    np.testing.assert_allclose(shrink_centres(centres, 2), [(0, 1), (-0.5, -0.5), (-0.25, 0.25)])
    np.testing.assert_array_equal(shrink_centres(centres, 1), centres)


def test_a_finer_field_shrinks_with_its_nuclei(tmp_path: Path, tissue_image) -> None:
    Image.fromarray(tissue_image(40, 61)).save(tmp_path / "a.png")
    data_set = DataSet("a", "CC0", "", 0.25, (tmp_path / "a.png",))
    annotation = Annotation(tmp_path / "a.xml", np.array([(0.5, 20.5), (39, 60)]))
    field = read_nucleus_field(data_set, tmp_path / "a.png", annotation, mpp=0.5)
    assert field is not None
    assert (field.pixels.shape, field.centres.dtype) == ((20, 30, 3), np.float32)
    np.testing.assert_allclose(field.centres, [(0, 10), (19.25, 29.75)])
    same = read_nucleus_field(data_set, tmp_path / "a.png", annotation, mpp=0.28)
    assert same is not None
    np.testing.assert_allclose(same.centres, annotation.centres)
    assert read_nucleus_field(data_set, tmp_path / "a.png", annotation, mpp=0.2) is None


@pytest.mark.parametrize("y", [-0.5 - 1e-9, 12 - 0.5 + 1e-9, 1e9])
def test_a_nucleus_outside_the_image_is_refused(tmp_path: Path, y: float) -> None:
    path = field_at(tmp_path / "n.png")
    data_set = DataSet("a", "CC0", "", 0.25, (path,))
    edges = Annotation(tmp_path / "n.xml", np.array([(-0.5, -0.5), (11.5, 9.5)]))
    assert read_nucleus_field(data_set, path, edges, 0.25) is not None
    outside = Annotation(tmp_path / "n.xml", np.array([(3, 5), (y, 5)]))
    with pytest.raises(TrainingError, match=r"n\.xml has a nucleus at .*, outside"):
        read_nucleus_field(data_set, path, outside, 0.25)


def test_labels_of_another_size_are_refused(tmp_path: Path) -> None:
    path = field_at(tmp_path / "n.png")
    data_set = DataSet("a", "CC0", "", 0.25, (path,))
    other = Annotation(tmp_path / "labels" / "n.png", np.array([(3.0, 5.0)]), (10, 12))
    with pytest.raises(TrainingError, match=r"n\.png is 10 × 12 px, but .*n\.png is 12 × 10 px"):
        read_nucleus_field(data_set, path, other, 0.25)


# --- Data sets --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """What `read_nucleus_fields` is asked for."""

    folder: Path
    mpp: float = 0.25
    crop_px: int = 30

    def read(self) -> NucleusFields:
        return finish(
            read_nucleus_fields(
                self.folder,
                mpp=self.mpp,
                data_mpp=0.25,
                crop_px=self.crop_px,
                validation=0.25,
                seed=0,
            )
        )


def write_set(folder: Path, annotated: int, others: int, **notes: object) -> None:
    """Write fields of 60 × 64 px, the first with one nucleus more in each, by labels."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    (folder / "dataset.json").write_text(json.dumps(notes))
    for number in range(annotated + others):
        Image.new("RGB", (64, 60)).save(folder / "images" / f"{number}.png")
        if number < annotated:
            boxes = [(0, 4 * each, 3, 4 * each + 3) for each in range(number + 1)]
            Image.fromarray(labels_of((60, 64), *boxes)).save(folder / "labels" / f"{number}.tif")


def test_annotated_images_are_parted_and_the_others_counted(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 8, 3, name="A", licence="CC0", mpp=0.26, note="for this test")
    write_set(tmp_path / "b", 0, 4)
    found = Asked(tmp_path).read()
    nuclei = [
        sum(len(each.centres) for each in part) for part in (found.training, found.validation)
    ]
    assert sum(nuclei) == 36
    assert found.used == (
        {
            "name": "A",
            "licence": "CC0",
            "mpp": 0.26,
            "images_training": 6,
            "images_validation": 2,
            "images_left_out": 0,
            "images_not_annotated": 3,
            "nuclei_training": nuclei[0],
            "nuclei_validation": nuclei[1],
            "note": "for this test",
        },
    )
    training, validation = (
        {field.path for field in part} for part in (found.training, found.validation)
    )
    assert not training & validation
    for field in (*found.training, *found.validation):
        expected = [(1, 4 * each + 1) for each in range(int(field.path.stem) + 1)]
        np.testing.assert_allclose(field.centres, expected)
    assert Asked(tmp_path).read().used == found.used


def test_labels_of_zeros_are_a_field_without_nuclei(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 2, 0)
    Image.fromarray(np.zeros((60, 64), np.uint16)).save(tmp_path / "a" / "labels" / "1.tif")
    found = Asked(tmp_path).read()
    fields = {field.path.stem: field for field in (*found.training, *found.validation)}
    assert fields["1"].centres.shape == (0, 2)
    assert found.used[0]["images_not_annotated"] == 0


def test_a_set_that_is_held_out_is_measured_on_only(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 4, 0)
    write_set(tmp_path / "b", 1, 2, held_out=True)
    used = {entry["name"]: entry for entry in Asked(tmp_path).read().used}
    assert (used["a"]["images_training"], used["a"]["images_validation"]) == (3, 1)
    assert (used["b"]["images_training"], used["b"]["images_validation"]) == (0, 1)


def test_coarse_and_small_fields_are_left_out_and_counted(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 4, 0)
    write_set(tmp_path / "coarse", 4, 1, mpp=0.5)
    assert [entry["name"] for entry in Asked(tmp_path).read().used] == ["a"]
    with pytest.raises(
        TrainingError, match=r"annotated nuclei below .* 0\.25 µm/px and then 61 px"
    ):
        Asked(tmp_path, crop_px=61).read()


def test_one_annotated_image_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 1, 5, name="A")
    with pytest.raises(TrainingError, match=r"data set A one image is annotated, .*0\.png"):
        Asked(tmp_path).read()


def test_no_annotation_at_all_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "a", 0, 5)
    with pytest.raises(TrainingError, match="too few images with annotated nuclei"):
        Asked(tmp_path).read()


# --- The real data ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def histology(test_data: Path) -> NucleusFields:
    return Asked(test_data / "histology", crop_px=200).read()


@pytest.mark.parametrize(
    ("name", "fields", "nuclei", "unannotated"),
    [("monuseg-train", 13, 4951, 17), ("dsb2018-brightfield", 107, 4550, 0)],
)
def test_the_real_nuclei_are_all_read(
    histology: NucleusFields, name: str, fields: int, nuclei: int, unannotated: int
) -> None:
    (used,) = (entry for entry in histology.used if entry["name"] == name)
    assert used["images_training"] + used["images_validation"] == fields
    assert used["nuclei_training"] + used["nuclei_validation"] == nuclei
    assert (used["images_left_out"], used["images_not_annotated"]) == (0, unannotated)


def test_the_published_centres_are_those_of_the_labels(
    histology: NucleusFields, test_data: Path
) -> None:
    """Rounded to 0.01 px there; so tables count from the centre of the first pixel as well."""
    table = read_table(test_data / "histology" / "dsb2018-brightfield" / "centres.csv")
    fields = (*histology.training, *histology.validation)
    ours = {field.path.stem: field.centres for field in fields if "dsb2018" in field.data_set}
    assert ours.keys() == table.keys()
    for image, centres in ours.items():
        np.testing.assert_allclose(centres, table[image], atol=0.0051)
