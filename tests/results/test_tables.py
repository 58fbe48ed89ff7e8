"""The tile table says where each tile lies and what became of it."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import OutputError
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.tables import COLUMNS, write_tile_csv
from napari_focusqc.tiles.grid import TileGrid

MakeMap = Callable[..., FocusMap]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_a_small_map_is_this(tmp_path: Path, make_map: MakeMap) -> None:
    """2 × 3 tiles of 100 px, 64 px apart, on a slide of 160 × 200 px at 0.25 µm/px."""
    path = write_tile_csv(make_map(), tmp_path / "tiles.csv")
    assert path.read_text(encoding="utf-8") == (
        "row,col,y_px,x_px,height_px,width_px,y_um,x_um,score,verdict,partial,tissue,"
        "blur_radius_um,blur_radius_low_um,blur_radius_high_um\n"
        "0,0,0,0,100,100,12.5,12.5,0.5,in focus,0,1.0,,,\n"
        "0,1,0,64,100,100,12.5,28.5,1.5,in focus,0,1.0,,,\n"
        "0,2,0,128,100,72,12.5,44.5,,glass,1,0.125,,,\n"
        "1,0,64,0,96,100,28.5,12.5,2.5,out of focus,1,1.0,,,\n"
        "1,1,64,64,96,100,28.5,28.5,,unreadable,1,1.0,,,\n"
        "1,2,64,128,96,72,28.5,44.5,,abstained,1,1.0,,,\n"
    )


def test_with_a_calibration_scored_tiles_have_a_radius_with_bounds(
    tmp_path: Path, make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    focus_map = make_map([[0.5, 2.0, 9.0, 9.0]], [[0, 0, 0, 3]], weights=calibrated)
    rows = read(write_tile_csv(focus_map, tmp_path / "tiles.csv"))
    assert [tuple(row[name] for name in COLUMNS[12:]) for row in rows] == [
        ("0.25", "0.125", "0.75"),
        ("2.5", "1.25", "5.0"),
        ("4.5", "2.25", "9.0"),
        ("", "", ""),
    ]


def test_rows_and_columns_are_those_of_the_slide(tmp_path: Path, make_map: MakeMap) -> None:
    grid = TileGrid((4000, 4000), 2.0, 100, 64, 3, 5, 2, 3)
    rows = read(write_tile_csv(make_map(grid=grid), tmp_path / "tiles.csv"))
    assert [(row["row"], row["col"]) for row in rows] == [
        ("3", "5"), ("3", "6"), ("3", "7"), ("4", "5"), ("4", "6"), ("4", "7"),
    ]  # fmt: skip
    assert rows[-1]["y_px"] == str(4 * 128)
    assert rows[-1]["x_px"] == str(7 * 128)
    assert rows[-1]["height_px"] == "200"


def test_windows_lie_inside_the_slide_and_touch_at_any_scale(
    tmp_path: Path, make_map: MakeMap
) -> None:
    grid = TileGrid.covering((1000, 1201), 1.7, 64, 64, "cover")
    scores = np.zeros((grid.rows, grid.cols))
    rows = read(write_tile_csv(make_map(scores, scores, grid), tmp_path / "tiles.csv"))
    seen = np.zeros((1000, 1201), int)
    for row in rows:
        y, x, height, width = (int(row[c]) for c in ("y_px", "x_px", "height_px", "width_px"))
        assert height > 0
        assert width > 0
        assert y + height <= 1000
        assert x + width <= 1201
        seen[y : y + height, x : x + width] += 1
    assert (seen == 1).all()


def test_scores_come_back_as_the_same_floats(tmp_path: Path, make_map: MakeMap) -> None:
    rng = np.random.default_rng(0)
    scores = (rng.normal(size=(40, 30)) * 10.0 ** rng.integers(-20, 20, (40, 30))).astype("f4")
    rows = read(write_tile_csv(make_map(scores, scores * 0), tmp_path / "tiles.csv"))
    found = np.array([row["score"] for row in rows], np.float32).reshape(40, 30)
    np.testing.assert_array_equal(found, scores)


def test_without_a_threshold_a_tile_is_only_scored(tmp_path: Path, make_map: MakeMap) -> None:
    rows = read(write_tile_csv(make_map(threshold=None), tmp_path / "tiles.csv"))
    assert [row["verdict"] for row in rows][:2] == ["scored", "scored"]


def test_the_columns_never_change_their_order() -> None:
    first_release = "row col y_px x_px height_px width_px y_um x_um score verdict partial tissue"
    assert COLUMNS[:12] == tuple(first_release.split())


def test_a_table_is_replaced_and_nothing_else_left(tmp_path: Path, make_map: MakeMap) -> None:
    (tmp_path / "tiles.csv").write_text("old")
    write_tile_csv(make_map(), tmp_path / "tiles.csv")
    assert len(read(tmp_path / "tiles.csv")) == 6
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_in_its_place_is_refused_and_kept(tmp_path: Path, make_map: MakeMap) -> None:
    (tmp_path / "tiles.csv").mkdir()
    with pytest.raises(OutputError, match=r"tiles\.csv cannot be written"):
        write_tile_csv(make_map(), tmp_path / "tiles.csv")
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiles.csv"]


def test_a_missing_folder_is_named(tmp_path: Path, make_map: MakeMap) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_tile_csv(make_map(), tmp_path / "nowhere" / "tiles.csv")
