"""A measured stack is the same after it was on the disk, and what is damaged is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.distance_store import load_distance_map, save_distance_map
from napari_focusqc.results.map_attributes import is_focus_map
from napari_focusqc.slides.zarr.folder import is_zarr

FIELD = [[0.5, -1.5, 3.2], [float("nan"), 0.9, -2.6]]


def same(one: DistanceMap, other: DistanceMap) -> bool:
    arrays = ("distances_um", "merits", "found", "network_um", "merit_um", "reasons")
    alike = (
        np.array_equal(getattr(one, each), getattr(other, each), equal_nan=each.endswith("um"))
        if each != "merits"
        else np.array_equal(one.merits, other.merits, equal_nan=True)
        for each in arrays
    )
    return all(alike) and (one.grid, one.source) == (other.grid, other.source)


@pytest.mark.parametrize("changes", [{}, {"pairs": (), "no_network": "none"}, {"mpp": None}])
def test_it_comes_back_as_it_was(stack_of: Any, tmp_path: Path, changes: dict[str, Any]) -> None:
    found = stack_of(FIELD, **changes)
    path = save_distance_map(found, tmp_path / "a.ome.zarr")
    assert same(load_distance_map(path), found)
    assert same(load_distance_map(save_distance_map(found, path)), found)


def test_other_readers_see_an_image_and_ours_no_map_of_scores(
    stack_of: Any, tmp_path: Path
) -> None:
    path = save_distance_map(stack_of(FIELD), tmp_path / "a.ome.zarr")
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    (image,) = attributes["ome"]["multiscales"]
    scale, move = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [28, 28]
    assert move["translation"] == [pytest.approx(28 / 2 - 0.125)] * 2
    assert is_zarr(path)
    assert not is_focus_map(path)


def test_what_else_stands_there_is_left_alone(stack_of: Any, tmp_path: Path) -> None:
    found, path = stack_of(FIELD), tmp_path / "a.ome.zarr"
    save_distance_map(found, path)
    (path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not overwritten"):
        save_distance_map(found, path)
    with pytest.raises(OutputError, match="cannot be stored as JSON"):
        save_distance_map(stack_of(FIELD, weights={"a": float("nan")}), tmp_path / "b")


def change(path: Path, **values: Any) -> None:
    """Change our attributes of a saved stack; `group__name` is a value one step down."""
    file = path / "zarr.json"
    content = json.loads(file.read_text())
    for name, value in values.items():
        *above, last = name.split("__")
        place = content["attributes"]["focusqc_stack"]
        for each in above:
            place = place[each]
        place[last] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "values",
    [
        {"format": 2},
        {"figures": ["sobel"]},
        {"reasons": {}},
        {"grid": {}},
        {"grid": None},
        {"grid__rows": 0},
        {"grid__rows": 1 << 30},
        {"grid__rows": True},
        {"grid__shape": [1]},
        {"grid__shape": ["a", 2]},
        {"grid__scale": "x"},
        {"grid__row0": -1},
        {"source": {}},
        {"source__z_um": [0, 1]},
        {"source__z_um": [4, 2, 0, -2, -4]},
        {"source__planes": [0]},
        {"source__planes": "abcde"},
        {"source__pairs": [[0, 9]]},
        {"source__pairs": [[0]]},
        {"source__merit": "best"},
        {"source__mpp": -1},
        {"source__mpp": "x"},
    ],
)
def test_attributes_that_make_no_sense_are_refused(
    stack_of: Any, tmp_path: Path, values: dict[str, Any]
) -> None:
    path = save_distance_map(stack_of(FIELD), tmp_path / "a.ome.zarr")
    change(path, **values)
    with pytest.raises(MapFileError):
        load_distance_map(path)


@pytest.mark.parametrize("name", ["stack/distances", "stack/merits", "stack/found"])
def test_a_damaged_or_missing_chunk_is_noticed(stack_of: Any, tmp_path: Path, name: str) -> None:
    path = save_distance_map(stack_of(FIELD), tmp_path / "a.ome.zarr")
    (chunk,) = [file for file in (path / name).rglob("*") if file.is_file() and file.suffix == ""]
    content = bytearray(chunk.read_bytes())
    content[3] ^= 1
    chunk.write_bytes(content)
    with pytest.raises(MapFileError, match="another checksum"):
        load_distance_map(path)
    chunk.write_bytes(content[:-1])
    with pytest.raises(MapFileError, match="bytes instead of"):
        load_distance_map(path)
    chunk.unlink()
    with pytest.raises(MapFileError, match="has 0 bytes"):
        load_distance_map(path)


def test_what_is_no_stack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MapFileError):
        load_distance_map(tmp_path / "nowhere")
    (tmp_path / "zarr.json").write_text('{"attributes": {"ome": {}}}')
    with pytest.raises(MapFileError, match="no measured stack"):
        load_distance_map(tmp_path)
