"""Nuclei are read from outlines, labels and tables alike."""

from collections.abc import Callable, Sequence
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

from napari_focusqc.annotation import nucleus_annotations
from napari_focusqc.annotation.nucleus_annotations import (
    Annotations,
    is_label,
    outline_centres,
    polygon_centre,
    read_labels,
    read_table,
)
from napari_focusqc.errors import AnnotationError
from napari_focusqc.training.field_images import read_image

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
    with pytest.raises(AnnotationError, match=rf"a\.xml .*{found}"):
        outline_centres(path)


def test_entities_are_refused_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(("<!DOCTYPE a [<!ENTITY b 'c'>]>" + outlines([])).encode("utf-16"))
    with pytest.raises(AnnotationError, match=r"a\.xml cannot be read as outlines"):
        outline_centres(path)


@pytest.mark.parametrize("read", [outline_centres, read_table])
def test_a_file_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "a.xml"
    path.write_text(outlines([region(SQUARE)]))
    monkeypatch.setattr(nucleus_annotations, "MAX_FILE_BYTES", path.stat().st_size - 1)
    with pytest.raises(AnnotationError, match=r"a\.xml has \d+ bytes"):
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
    with pytest.raises(AnnotationError, match=r"a\.png is of mode RGB"):
        read_labels(path)
    mask = labels_of((9, 9), (0, 0, 2, 2), (4, 4, 6, 6)) > 0
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    with pytest.raises(AnnotationError, match=r"a\.png has one label in 2 places"):
        read_labels(path)
    monkeypatch.setattr(nucleus_annotations, "MAX_LABELS_PX", 80)
    with pytest.raises(AnnotationError, match=r"a\.png is 9 × 9 px"):
        read_labels(path)
    noise = np.random.default_rng(0).integers(0, 99, (9, 8)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(AnnotationError, match=r"a\.png cannot be read as a label image"):
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
    with pytest.raises(AnnotationError, match=rf"centres\.csv, .*{found}"):
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


# --- Real outlines ----------------------------------------------------------------------------


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
