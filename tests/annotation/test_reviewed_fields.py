"""Reviewed fields: none overlap, all nuclei lie inside, and the file gives back what it got."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.annotation import reviewed_fields
from napari_focusqc.annotation.reviewed_fields import (
    MAX_FIELDS,
    ReviewedField,
    ReviewedFields,
    inside,
    load_reviewed,
    reviewed_path,
    save_reviewed,
    to_json,
)
from napari_focusqc.errors import AnnotationError, OutputError
from napari_focusqc.geometry import Region
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

NONE = np.empty((0, 2), np.float32)


def field(y: int, x: int, side: int = 100, centres: Any = ()) -> ReviewedField:
    points = np.asarray(centres, np.float32).reshape(-1, 2)
    return ReviewedField(Region(y, x, side, side), points)


def reviewed(*fields: ReviewedField) -> ReviewedFields:
    return ReviewedFields("slide.svs", 0.25, 0, fields)


def regions(found: ReviewedFields) -> list[Region]:
    return [each.region for each in found.fields]


def test_a_new_field_stands_last_and_the_old_ones_stay_as_they_were() -> None:
    before = reviewed(field(0, 0))
    after = before.with_field(field(0, 100)).with_field(field(200, 0))
    assert regions(after) == [
        Region(0, 0, 100, 100),
        Region(0, 100, 100, 100),
        field(200, 0).region,
    ]
    assert len(before.fields) == 1


def test_a_field_takes_the_place_of_those_it_covers() -> None:
    before = reviewed(field(0, 0, centres=[(5, 5)]), field(100, 0), field(300, 300))
    again = before.with_field(field(0, 0, centres=[(7, 7), (8, 8)]))
    assert [len(each.centres) for each in again.fields] == [0, 0, 2]
    assert regions(before.with_field(field(-50, -50, 300))) == [
        Region(300, 300, 100, 100),
        Region(-50, -50, 300, 300),
    ]


@pytest.mark.parametrize("place", [(99, 99), (20, 20, 10), (-50, 0)])
def test_a_field_that_covers_another_in_part_is_refused(place: tuple[int, ...]) -> None:
    with pytest.raises(AnnotationError, match=r"field y 0…100, x 0…100 px; move until"):
        reviewed(field(0, 0)).with_field(field(*place))


def test_fields_go_by_the_region_they_share_a_pixel_with() -> None:
    three = reviewed(field(0, 0), field(0, 100), field(0, 200))
    assert regions(three.without(Region(50, 99, 1, 2))) == [Region(0, 200, 100, 100)]
    assert regions(three.without(Region(0, 300, 9, 9))) == regions(three)


def test_a_nucleus_belongs_to_its_field_as_it_belongs_to_a_region_of_a_table() -> None:
    edge = np.nextafter(np.float32(99.5), np.float32(0))
    points = np.array([[-0.5, 0], [edge, 0], [99.5, 0], [0, -0.6]], np.float32)
    assert inside(Region(0, 0, 100, 100), points).tolist() == [True, True, False, False]
    source = NucleusSource("s", 0.25, "file", "m", {}, 0.1, "cpu", "0", "now")
    table = NucleusTable.found(points, np.ones(4), source).in_region(Region(0, 0, 100, 100))
    assert table.centres.tolist() == points[:2].tolist()


@pytest.mark.parametrize("at", [(99.5, 0), (0, -0.51), (np.nan, 0), (np.inf, 0)])
def test_a_nucleus_outside_its_field_is_refused(at: tuple[float, float]) -> None:
    with pytest.raises(AnnotationError, match="lies outside its reviewed field, y 0…100"):
        field(0, 0, centres=[at])


@pytest.mark.parametrize(
    "centres", [np.zeros((3, 2)), np.zeros(4, np.float32), np.zeros((2, 3), np.float32)]
)
def test_other_arrays_are_refused(centres: Any) -> None:
    with pytest.raises(AnnotationError, match=r"must be float32 \(N, 2\)"):
        ReviewedField(Region(0, 0, 9, 9), centres)


def test_overlapping_fields_many_fields_and_absurd_numbers_are_refused() -> None:
    with pytest.raises(AnnotationError, match="overlap; a nucleus must have one verdict"):
        reviewed(field(0, 0), field(99, 99))
    with pytest.raises(AnnotationError, match="at most 1000 are kept"):
        reviewed(*(field(0, 100 * n) for n in range(MAX_FIELDS + 1)))
    for mpp, plane in ((0.0, 0), (float("nan"), 0), (0.25, -1)):
        with pytest.raises(AnnotationError, match="the first must be above 0"):
            ReviewedFields("slide.svs", mpp, plane)


@settings(max_examples=25, deadline=None)
@given(
    name=st.text(max_size=20),
    mpp=st.floats(0.01, 10),
    plane=st.integers(0, 100),
    corner=st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)),
    parts=st.lists(st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)), max_size=5),
)
def test_a_file_gives_back_what_it_got(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    mpp: float,
    plane: int,
    corner: tuple[int, int],
    parts: list[tuple[float, float]],
) -> None:
    centres = np.array([(corner[0] + 90 * y, corner[1] + 90 * x) for y, x in parts], np.float32)
    one = ReviewedField(Region(*corner, 100, 100), centres.reshape(-1, 2))
    two = ReviewedField(Region(corner[0] + 100, corner[1], 7, 9), NONE)
    path = tmp_path_factory.mktemp("reviewed") / "deeper" / "r.json"
    whole = ReviewedFields(name, mpp, plane, (one, two))
    assert save_reviewed(whole, path) == path
    back = load_reviewed(path)
    assert (back.slide, back.mpp, back.plane) == (name, mpp, plane)
    assert regions(back) == [one.region, two.region]
    for ours, theirs in zip(whole.fields, back.fields, strict=True):
        assert theirs.centres.dtype == np.float32
        np.testing.assert_array_equal(ours.centres, theirs.centres)
    assert to_json(back) == to_json(whole)
    assert [each.name for each in path.parent.iterdir()] == ["r.json"]


def changed(**values: Any) -> str:
    return json.dumps(json.loads(to_json(reviewed(field(0, 0, centres=[(1, 2)])))) | values)


GOOD = {"y": 0, "x": 0, "height": 10, "width": 10, "centres": [[1, 2]]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": true}',
        '{"slide": "s"}',
        "\xff",
    ],
)
def test_another_file_is_no_file_of_reviewed_fields(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(AnnotationError, match="holds no reviewed fields"):
        load_reviewed(path)


@pytest.mark.parametrize(
    "values",
    [
        {"slide": 3},
        {"mpp": "0.25"},
        {"mpp": True},
        {"mpp": float("nan")},
        {"mpp": 10**400},
        {"plane": 0.0},
        {"fields": {}},
        {"fields": [3]},
        {"fields": [GOOD] * (MAX_FIELDS + 1)},
        {"fields": [GOOD, GOOD]},
        {"fields": [GOOD | {"y": 0.5}]},
        {"fields": [GOOD | {"height": 0}]},
        {"fields": [GOOD | {"width": 2**40}]},
        {"fields": [GOOD | {"centres": [[1, 20]]}]},
        {"fields": [GOOD | {"centres": [[1, 1e300]]}]},
        {"fields": [GOOD | {"centres": [[1]]}]},
        {"fields": [GOOD | {"centres": [["1", 2]]}]},
        {"fields": [GOOD | {"centres": [[float("inf"), 2]]}]},
        {"fields": [{"y": 0, "x": 0, "height": 1, "width": 1}]},
    ],
    ids=lambda values: repr(values)[:40],
)
def test_a_damaged_file_is_refused(tmp_path: Path, values: dict[str, Any]) -> None:
    path = tmp_path / "r.json"
    path.write_text(changed(**values))
    with pytest.raises(AnnotationError, match="is damaged"):
        load_reviewed(path)


def test_a_newer_a_missing_and_a_huge_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    with pytest.raises(AnnotationError, match="cannot be read"):
        load_reviewed(path)
    path.write_text(changed(format=2))
    with pytest.raises(AnnotationError, match="newer napari-focusqc"):
        load_reviewed(path)
    path.write_text(changed())
    assert len(load_reviewed(path).fields) == 1
    monkeypatch.setattr(reviewed_fields, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(AnnotationError, match="holds no reviewed fields"):
        load_reviewed(path)


@pytest.mark.skipif(os.name == "nt", reason="rights are another matter there")
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_reviewed(reviewed(), tmp_path / "file" / "r.json")


@pytest.mark.parametrize(
    "name",
    [
        "CMU-1.svs",
        "../../etc/passwd",
        "CON",
        "",
        "..",
        "a" * 300,
        "schön.svs",
        "a:b?*\n\0",
        "\ud800",
    ],
    ids=ascii,
)
def test_any_slide_has_a_place_of_its_own_among_the_users_data(name: str) -> None:
    path = reviewed_path(name)
    assert path.parent.parts[-2:] == ("napari-focusqc", "reviewed")
    assert path.name.startswith("nuclei-")
    assert path.name.isascii()
    assert not set(path.name) & set('<>:"/\\|?*\n\0')
    assert len(path.name) < 120
    assert path == reviewed_path(name)
    assert path.name.lower() != reviewed_path(name + "_").name.lower()


def test_names_that_look_alike_are_told_apart() -> None:
    names = ["a b", "a_b", "A_b", "a/b"]
    assert len({reviewed_path(name).name.lower() for name in names}) == 4
