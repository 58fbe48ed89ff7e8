"""Maps, surfaces, summaries and tables of stacks whose focus is known."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import StackError
from napari_focusqc.results.composite import Composite, write_composite
from napari_focusqc.results.distance_summary import summarise_stack, write_stack_summary
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.results.focus_points import write_focus_points
from napari_focusqc.results.focus_surface import tilt_of
from napari_focusqc.results.stack_tables import write_stack_curves, write_stack_tiles
from napari_focusqc.slides.opening import open_slide

NAN = float("nan")
FIELD = [[0.5, -1.5, 2.2], [NAN, 0.9, -2.6]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_network_and_figure_of_merit_find_the_same_focus(stack_of: Any) -> None:
    found = stack_of(FIELD)
    assert found.network_um == pytest.approx(np.array(FIELD, np.float32), abs=1e-5, nan_ok=True)
    assert found.merit_um == pytest.approx(np.array(FIELD, np.float32), abs=1e-3, nan_ok=True)
    assert found.best_plane().tolist() == [[2, 1, 3], [-1, 2, 1]]
    assert found.sharpest_plane().tolist() == [[2, 1, 3], [-1, 2, 1]]


def test_a_distance_is_positive_where_focus_lies_above_the_plane(stack_of: Any) -> None:
    found = stack_of([[1.0]])
    assert [float(found.distance_um(plane)[0, 0]) for plane in range(5)] == [5, 3, 1, -1, -3]


def test_without_a_network_focus_is_that_of_the_figure_of_merit(stack_of: Any) -> None:
    found = stack_of(FIELD, pairs=(), model=None, no_network="there are no weights")
    assert not found.has_network
    assert np.array_equal(found.focus_um, found.merit_um, equal_nan=True)
    assert np.isnan(found.network_um).all()
    assert summarise_stack(found).no_network == "there are no weights"


def test_a_focus_beyond_the_stack_is_at_its_end(stack_of: Any) -> None:
    found = stack_of([[7.0, 0.0]])
    assert found.reasons.tolist() == [[StackReason.END, StackReason.MEASURED]]
    assert np.isnan(found.merit_um[0, 0])
    assert found.network_um[0, 0] == 7
    assert (found.best_plane()[0, 0], found.sharpest_plane()[0, 0]) == (4, 4)


def test_a_tilted_field_has_the_slope_it_was_given(stack_of: Any) -> None:
    # 112 px of 0.25 µm are 28 µm: 3 µm per mm down, −4 across
    rows, cols = np.mgrid[:12, :15] * 0.028
    focus = 0.7 + 3 * rows - 4 * cols
    known = tilt_of(stack_of(focus - focus.mean()))
    assert known is not None
    assert (known.down, known.across) == pytest.approx((3, -4), abs=1e-3)
    assert known.slope == pytest.approx(5, abs=1e-3)
    assert known.direction_deg == pytest.approx(np.degrees(np.arctan2(3, -4)), abs=0.05)
    assert (known.used, known.left_out, known.rms_um) == (180, 0, pytest.approx(0, abs=1e-3))


def test_tiles_that_are_wrong_do_not_tilt_the_field(stack_of: Any) -> None:
    rows, _ = np.mgrid[:10, :10] * 0.028
    focus = 3 * rows
    focus[2, 3], focus[9, 9] = -3.9, 3.9
    known = tilt_of(stack_of(focus))
    assert known is not None
    assert (known.down, known.across) == pytest.approx((3, 0), abs=0.01)
    assert known.left_out == 2


@pytest.mark.parametrize("focus", [[[1.0, 2.0]], [[1.0, 2.0, 3.0]], [[NAN, NAN], [NAN, 1.0]]])
def test_too_few_tiles_have_no_tilt(stack_of: Any, focus: list[list[float]]) -> None:
    assert tilt_of(stack_of(focus)) is None


def test_lengths_nobody_knows_have_no_tilt(stack_of: Any) -> None:
    square = [[0.0, 0.1], [0.2, 0.3]]
    assert tilt_of(stack_of(square)) is not None
    assert tilt_of(stack_of(square, mpp=None)) is None
    assert tilt_of(stack_of(square, z_source=None)) is None


def test_the_summary_counts_what_lies_beyond_the_depth_of_field(stack_of: Any) -> None:
    told = summarise_stack(stack_of([[0.1, 0.5, 0.7, NAN]]))
    assert (told.focused, told.median_focus) == (3, pytest.approx(0.5))
    assert told.best_plane == 2
    assert told.planes[2].median_distance == pytest.approx(0.5)
    assert told.planes[2].beyond_share == pytest.approx(1 / 3)  # 0.7 µm of ± 0.6
    assert told.planes[4].beyond_share == 1
    assert told.tiles == {"measured": 3, "glass": 1}
    assert any("33.3%" in line for line in told.lines())


def test_a_field_without_any_focus_says_so(stack_of: Any) -> None:
    told = summarise_stack(stack_of([[NAN, NAN]]))
    assert (told.median_focus, told.best_plane, told.field_peak) == (None, None, None)
    assert "nothing to say" in told.lines()[0]


def test_the_summary_is_json(stack_of: Any, tmp_path: Path) -> None:
    path = write_stack_summary(stack_of(FIELD), tmp_path / "a.json")
    values = json.loads(path.read_text(encoding="utf-8"))
    assert values["summary"]["focused"] == 5
    assert values["source"]["z_um"] == [-4, -2, 0, 2, 4]


def test_focus_points_are_stage_positions(stack_of: Any, tmp_path: Path) -> None:
    path = write_focus_points(stack_of(FIELD), tmp_path / "a.csv", origin_um=(100, 1000, 2000))
    points = [tuple(map(float, row.values())) for row in rows_of(path)]
    assert list(rows_of(path)[0]) == ["x_um", "y_um", "z_um"]
    assert len(points) == 5
    assert points[0] == pytest.approx((2014, 1014, 100.5), abs=1e-3)
    assert points[-1] == pytest.approx((2070, 1042, 97.4), abs=1e-3)


@pytest.mark.parametrize("changes", [{"mpp": None}, {"z_source": None}])
def test_focus_points_need_lengths(stack_of: Any, tmp_path: Path, changes: dict[str, None]) -> None:
    with pytest.raises(StackError, match="no stage positions"):
        write_focus_points(stack_of(FIELD, **changes), tmp_path / "a.csv")


def test_focus_points_need_focus(stack_of: Any, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no tile"):
        write_focus_points(stack_of([[NAN]]), tmp_path / "a.csv")


def test_tables_have_a_row_per_tile_and_per_plane(stack_of: Any, tmp_path: Path) -> None:
    found = stack_of(FIELD)
    tiles = rows_of(write_stack_tiles(found, tmp_path / "tiles.csv"))
    assert len(tiles) == 6
    assert (tiles[0]["best_plane"], tiles[0]["reason"]) == ("2", "measured")
    assert float(tiles[0]["distance_1_2"]) == 0.5
    assert (tiles[3]["network_z"], tiles[3]["best_plane"], tiles[3]["reason"]) == ("", "", "glass")
    curves = rows_of(write_stack_curves(found, tmp_path / "curves.csv"))
    assert [float(row["z"]) for row in curves] == [-4, -2, 0, 2, 4]
    assert curves[0]["distance_median"] == ""
    assert float(curves[2]["distance_median"]) == pytest.approx(0.5)


def test_the_picture_is_a_slide_again(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 260, 3), np.uint8)
    path = write_composite(Composite(pixels, 2.0, (0.0, 0.0), 0.25), tmp_path / "a.tif")
    slide = open_slide(path)
    assert slide.mpp == pytest.approx(0.5)
    assert np.array_equal(np.asarray(slide.pyramid()[0]), pixels)
    slide.close()
