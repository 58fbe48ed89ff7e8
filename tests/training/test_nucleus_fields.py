"""Nuclei are read from outlines, labels and tables alike, and move as their pixels do."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.draw import polygon2mask

from napari_focusqc.errors import TrainingError
from napari_focusqc.progress import finish
from napari_focusqc.training import nucleus_annotations
from napari_focusqc.training.field_images import read_image, shrink
from napari_focusqc.training.fields import DataSet
from napari_focusqc.training.nucleus_annotations import (
    Annotation,
    Annotations,
    is_label,
    outline_centres,
    polygon_centre,
    read_labels,
    read_table,
)
from napari_focusqc.training.nucleus_fields import (
    NucleusFields,
    read_nucleus_field,
    read_nucleus_fields,
    shrink_centres,
)

Polygon = Sequence[tuple[float, float]]
"""Vertices (y, x), px from the corner of the first pixel."""
SQUARE: Polygon = [(2, 4), (2, 7), (5, 7), (5, 4)]
"""Around rows 2, 3, 4 and columns 4, 5, 6: its middle pixel is (3, 5)."""


def region(vertices: Polygon, extra: str = "") -> str:
    marks = "".join(f'<Vertex X="{x}" Y="{y}" Z="0"/>' for y, x in vertices)
    return f"<Region {extra}><Vertices>{marks}</Vertices></Region>"


def outlines(*layers: Sequence[str]) -> str:
    inside = "".join(
        f"<Annotation><Regions>{''.join(layer)}</Regions></Annotation>" for layer in layers
    )
    return f'<Annotations MicronsPerPixel="0.25">{inside}</Annotations>'


def labels_of(shape: tuple[int, int], *boxes: tuple[int, int, int, int]) -> NDArray[np.uint16]:
    """Number boxes (top, left, bottom, right) from 1."""
    labels = np.zeros(shape, np.uint16)
    for number, (top, left, bottom, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = number
    return labels


# --- Outlines ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vertices", "centre"),
    [
        pytest.param([(0, 0), (0, 3), (3, 0)], (1, 1), id="triangle"),
        pytest.param([(0, 0), (3, 0), (0, 3)], (1, 1), id="the other way round"),
        pytest.param([(0, 0), (0, 3), (3, 0), (0, 0)], (1, 1), id="closed"),
        pytest.param(
            [(0, 0), (0, 1), (0, 2), (1, 2), (3, 2), (3, 0)], (1.5, 1), id="a vertex on a side"
        ),
        pytest.param([(0, 0), (0, 4), (1, 4), (1, 1), (4, 1), (4, 0)], (19 / 14,) * 2, id="an L"),
        pytest.param([(2, 5)], (2, 5), id="a point"),
        pytest.param([(2, 5), (4, 9)], (3, 7), id="a line, or an ellipse's two corners"),
        pytest.param([(1, 1), (1, 1), (1, 4)], (1, 2), id="a line back and forth"),
        pytest.param([(0, 0), (2, 2), (0, 2), (2, 0)], (1, 1), id="a bow tie"),
    ],
)
def test_the_centre_of_a_polygon_by_hand(vertices: Polygon, centre: tuple[float, float]) -> None:
    np.testing.assert_allclose(polygon_centre(np.array(vertices, float)), centre, atol=1e-12)


def test_an_outline_that_crosses_itself_keeps_its_centre_inside() -> None:
    """A loop each way, of areas 2 and −1.9: the area's centroid lies ten widths outside."""
    loops = np.array([(0, 0), (2, 1), (2, -1), (0, 0), (-2, 0.95), (-2, -0.95)])
    np.testing.assert_allclose(polygon_centre(loops), loops.mean(axis=0))


@given(
    seed=st.integers(0, 10_000),
    corners=st.integers(4, 12),
    shift=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
)
@settings(max_examples=25, deadline=None)
def test_the_centre_is_the_mean_place_in_the_polygon(
    seed: int, corners: int, shift: tuple[float, float]
) -> None:
    """Brute force: the pixels inside a star-shaped polygon, wherever it lies."""
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * (np.arange(corners) + rng.uniform(0, 0.6, corners)) / corners
    radii = rng.uniform(40, 120, corners)
    vertices = 125 + np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1)
    inside = np.argwhere(polygon2mask((251, 251), vertices)).mean(axis=0)
    np.testing.assert_allclose(polygon_centre(vertices + shift) - shift, inside, atol=0.5)


def test_outlines_count_from_the_corner_of_the_first_pixel(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(outlines([region(SQUARE)]))
    np.testing.assert_allclose(outline_centres(path), [(3, 5)])


def test_all_layers_count_and_what_takes_away_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    hole = region([(9, 9), (9, 10), (10, 10)], 'NegativeROA="1"')
    more = region([(6.5, 1.5)], 'NegativeROA="0"')
    path.write_text("\ufeff" + outlines([region(SQUARE), hole], [more, region([])]), "utf-8")
    np.testing.assert_allclose(outline_centres(path), [(3, 5), (6, 1)])


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + outlines([]), "declares entities"),
        (outlines([region(SQUARE)])[:-20], "cannot be read as outlines"),
        ("", "cannot be read as outlines"),
        ("<OME/>", "its root is 'OME'"),
        (outlines([region(SQUARE).replace("X=", "U=")]), "'X'"),
        (outlines([region(SQUARE).replace('"4"', '"four"')]), "four"),
        (outlines([region(SQUARE).replace('"4"', '"nan"')]), "lies nowhere"),
        (outlines([region(SQUARE).replace('"4"', '"1e999"')]), "lies nowhere"),
    ],
)
def test_bad_outlines_are_refused_by_name(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(TrainingError, match=rf"a\.xml .*{found}"):
        outline_centres(path)


def test_entities_are_refused_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(("<!DOCTYPE a [<!ENTITY b 'c'>]>" + outlines([])).encode("utf-16"))
    with pytest.raises(TrainingError, match=r"a\.xml cannot be read as outlines"):
        outline_centres(path)


@pytest.mark.parametrize("read", [outline_centres, read_table])
def test_a_file_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(outlines([region(SQUARE)]))
    monkeypatch.setattr(nucleus_annotations, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(TrainingError, match=r"a\.xml has \d+ bytes"):
        read(path)


# --- Labels -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("a.png", np.uint8),
        ("a.png", np.uint16),
        ("a.tif", np.uint8),
        ("a.tif", np.uint16),
        ("a.tif", np.int32),
    ],
)
def test_the_centre_of_a_label_is_the_mean_of_its_pixels(
    tmp_path: Path, name: str, dtype: type
) -> None:
    labels = np.random.default_rng(0).choice(np.array([0, 3, 7, 100], dtype), (20, 30))
    Image.fromarray(labels).save(tmp_path / name)
    found = read_labels(tmp_path / name)
    expected = [np.argwhere(labels == number).mean(axis=0) for number in (3, 7, 100)]
    np.testing.assert_allclose(found.centres, expected)
    assert found.shape == (20, 30)


def test_labels_may_be_far_apart_numbers(tmp_path: Path) -> None:
    labels = labels_of((9, 9), (0, 0, 2, 2), (4, 4, 9, 9)).astype(np.int32) * 1_000_000_000
    Image.fromarray(labels).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_labels(tmp_path / "a.tif").centres, [(0.5, 0.5), (6, 6)])


def test_bad_labels_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    with pytest.raises(TrainingError, match=r"a\.png is of mode RGB"):
        read_labels(path)
    mask = labels_of((9, 9), (0, 0, 2, 2), (4, 4, 6, 6)) > 0
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    with pytest.raises(TrainingError, match=r"a\.png has one label in 2 places"):
        read_labels(path)
    monkeypatch.setattr(nucleus_annotations, "MAX_FIELD_PX", 80)
    with pytest.raises(TrainingError, match=r"a\.png is 9 × 9 px"):
        read_labels(path)
    noise = np.random.default_rng(0).integers(0, 99, (9, 8)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TrainingError, match=r"a\.png cannot be read as a label image"):
        read_labels(path)


# --- Tables -----------------------------------------------------------------------------------


def test_a_table_gives_the_centres_of_each_image(tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text("label,x_px,y_px,image\n1,5,3,000\n2,0.25,-0.5,000\n1,7,8,b.png\n")
    assert read_table(path) == {"000": [(3, 5), (-0.5, 0.25)], "b.png": [(8, 7)]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "no column image"),
        ("image,y,x\na,1,2\n", "no column y_px"),
        ("image,y_px,x_px\na,1,2\na,one,2\n", "line 3.*one"),
        ("image,y_px,x_px\na,1,nan\n", "line 2.*1.0, nan"),
        ("image,y_px,x_px\na,inf,1\n", "line 2.*inf"),
        ("image,y_px,x_px\na,1\n", "line 2"),
    ],
)
def test_a_bad_table_is_refused_by_name_and_line(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(content)
    with pytest.raises(TrainingError, match=rf"centres\.csv, .*{found}"):
        read_table(path)


# --- Where they lie ---------------------------------------------------------------------------


def write(path: Path) -> Path:
    """Write one nucleus, whose middle pixel is (3, 5), as the ending and the name ask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".xml":
        path.write_text(outlines([region(SQUARE)]))
    elif path.suffix == ".csv":
        path.write_text("image,y_px,x_px\nn,3,5\nother,1,1\n")
    else:
        Image.fromarray(labels_of((12, 10), (2, 4, 5, 7))).save(path)
    return path


def field_at(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 12)).save(path)
    return path


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("images/n.png", "annotations/n.xml"),
        ("images/n.png", "labels/n.png"),
        ("images/n.png", "labels/n.tif"),
        ("images/n.png", "centres.csv"),
        ("images/n.png", "images/n.xml"),
        ("images/n.jpg", "images/n.png"),
        ("images/n.png", "images/n.tif"),
        ("n.png", "n.xml"),
        ("n.png", "labels/n.png"),
        ("n.tif", "n.png"),
        ("n.png", "centres.csv"),
        ("deeper/n.png", "deeper/n.csv"),
    ],
)
def test_an_annotation_is_found_beside_images_or_next_to_the_image(
    tmp_path: Path, image: str, annotation: str
) -> None:
    field, path = field_at(tmp_path / image), write(tmp_path / annotation)
    found = Annotations().of(field)
    assert found is not None
    assert found.path == path
    np.testing.assert_allclose(found.centres, [(3, 5)])
    assert not is_label(field)


@pytest.mark.parametrize(
    "annotation", ["annotations/m.xml", "labels/m.png", "images/m.xml", "images/m.csv"]
)
def test_an_annotation_of_another_image_is_not_taken(tmp_path: Path, annotation: str) -> None:
    field = field_at(tmp_path / "images" / "n.png")
    write(tmp_path / annotation)
    assert Annotations().of(field) is None


def test_outlines_go_before_labels_and_labels_before_a_table(tmp_path: Path) -> None:
    field = field_at(tmp_path / "images" / "n.png")
    for name in ("centres.csv", "labels/n.png", "annotations/n.xml"):
        path = write(tmp_path / name)
        found = Annotations().of(field)
        assert found is not None
        assert found.path == path


def test_a_table_may_name_the_image_with_its_ending(tmp_path: Path) -> None:
    field = field_at(tmp_path / "images" / "n.png")
    (tmp_path / "centres.csv").write_text("image,y_px,x_px\nn.png,3,5\nn.tif,1,1\n")
    found = Annotations().of(field)
    assert found is not None
    np.testing.assert_allclose(found.centres, [(3, 5)])


def test_outlines_of_nothing_and_tables_without_the_image_mark_nothing(tmp_path: Path) -> None:
    field = field_at(tmp_path / "images" / "m.png")
    write(tmp_path / "centres.csv")
    (tmp_path / "images" / "m.xml").write_text(outlines([region([])]))
    assert Annotations().of(field) is None


def test_label_images_are_no_fields(tmp_path: Path) -> None:
    """`find_data_sets` takes every TIFF for a field."""
    field, label = field_at(tmp_path / "n.png"), write(tmp_path / "n.tif")
    alone, below = write(tmp_path / "alone.tif"), write(tmp_path / "labels" / "a.tif")
    assert [is_label(path) for path in (field, label, alone, below)] == [False, True, False, True]


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


def test_real_outlines_lie_on_edges_when_half_a_pixel_is_taken_off(test_data: Path) -> None:
    """Of all shifts along y and x, one by about −0.5 px makes the outlines' edges the steepest."""
    folder = test_data / "histology" / "monuseg-train"
    shifts = np.arange(-2, 1.01)
    steepness = np.zeros((2, len(shifts)))
    for name in ("TCGA-50-5931-01Z-00-DX1", "TCGA-AR-A1AS-01Z-00-DX1", "TCGA-B0-5698-01Z-00-DX1"):
        grey = read_image(folder / "images" / f"{name}.tif")[0].mean(axis=2)
        slopes = np.gradient(gaussian_filter(grey, 1))
        places, outwards = outline_edges(folder / "annotations" / f"{name}.xml")
        for axis, number in np.ndindex(steepness.shape):
            moved = places + shifts[number] * np.eye(2)[axis]
            across = [map_coordinates(slope, moved.T, order=1) for slope in slopes]
            steepness[axis, number] += (np.stack(across, axis=1) * outwards).sum(axis=1).mean()
    best = [np.polyfit(shifts, row, 2) for row in steepness]
    np.testing.assert_allclose([-b / (2 * a) for a, b, _ in best], -0.5, atol=0.2)


def outline_edges(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return every fifth vertex, as it is written, and the direction outwards there, (N, 2)."""
    places, outwards = [], []
    for each in ElementTree.parse(path).iter("Region"):
        marks = [(float(mark.attrib["Y"]), float(mark.attrib["X"])) for mark in each.iter("Vertex")]
        vertices = np.array(marks)
        y, x = (np.roll(vertices, -1, axis=0) - np.roll(vertices, 1, axis=0)).T
        normals = np.stack([x, -y], axis=1)
        area = ((vertices - vertices.mean(axis=0)) * normals).sum()
        normals *= np.sign(area) / np.maximum(np.hypot(y, x), 1e-9)[:, None]
        places.append(vertices[::5])
        outwards.append(normals[::5])
    return np.concatenate(places), np.concatenate(outwards)
