"""What a table says of its nuclei, alone and together with a focus map."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import EvaluationError, SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable
from napari_focusqc.tiles.grid import TileGrid

MakeMap = Callable[..., FocusMap]
UNKNOWN, IN_FOCUS, OUT_OF_FOCUS = FocusFlag
ARRAYS = ("centres", "peaks", "focus", "in_focus")


def source(**given: Any) -> NucleusSource:
    facts = {
        "slide": "slide.svs",
        "mpp": 0.25,
        "mpp_source": "file",
        "model": "micronet",
        "weights": {"name": "w"},
        "least": 0.2,
        "device": "cpu",
        "version": "0.1.0",
        "created": "2026-01-01T00:00:00+00:00",
    }
    return NucleusSource(**{**facts, **given})


def nuclei(centres: Any, peaks: Any = None, **given: Any) -> NucleusTable:
    return NucleusTable.found(
        centres, np.ones(len(centres)) if peaks is None else peaks, source(**given)
    )


def same(one: NucleusTable, other: NucleusTable) -> bool:
    return all(
        getattr(one, name).dtype == getattr(other, name).dtype
        and getattr(one, name).tobytes() == getattr(other, name).tobytes()
        for name in ARRAYS
    )


def test_of_nuclei_just_found_no_focus_is_known() -> None:
    table = nuclei([(1, 2), (3.5, 4)], [0.5, 0.75])
    assert len(table) == 2
    assert [getattr(table, name).dtype for name in ARRAYS] == ["f4", "f4", "f4", "i1"]
    assert np.isnan(table.focus).all()
    assert table.in_focus.tolist() == [UNKNOWN, UNKNOWN]


def test_a_slide_without_nuclei_has_an_empty_table() -> None:
    table = nuclei([])
    assert len(table) == 0
    assert table.centres.shape == (0, 2)
    assert len(table.at_least(0.5).in_region(Region(0, 0, 9, 9))) == 0


def test_the_flags_are_words_a_pathologist_knows() -> None:
    assert [flag.words for flag in FocusFlag] == ["unknown", "in focus", "out of focus"]


def test_micrometres_start_at_the_outer_corner_of_the_slide() -> None:
    assert nuclei([(0, 0), (-0.5, 99.5)]).centres_um.tolist() == [[0.125, 0.125], [0, 25]]


def test_a_peak_at_the_threshold_stays_and_the_next_below_goes() -> None:
    at = np.float32(0.3)
    table = nuclei([(0, 0), (1, 1), (2, 2)], [at, np.nextafter(at, np.float32(0)), 0.9])
    assert table.at_least(0.3).centres.tolist() == [[0, 0], [2, 2]]
    assert table.at_least(0.3).source == source(least=0.3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0.25, 1, width=32), max_size=20), st.floats(0.25, 1), st.floats(0.25, 1))
def test_raising_the_threshold_twice_is_raising_it_once(
    peaks: list[float], one: float, other: float
) -> None:
    table = nuclei(np.arange(2 * len(peaks)).reshape(-1, 2), peaks)
    low, high = sorted((one, other))
    assert same(table.at_least(low).at_least(high), table.at_least(high))


@pytest.mark.parametrize("value", [0.199, -1, np.nan])
def test_peaks_the_run_left_out_cannot_be_shown(value: float) -> None:
    with pytest.raises(SettingsError, match=r"left out peaks below 0\.2, so those from"):
        nuclei([(0, 0)]).at_least(value)


def test_the_threshold_of_the_run_shows_all() -> None:
    table = nuclei([(0, 0)], [0.2])
    assert same(table.at_least(0.2), table)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-0.5, 29.25, width=32)] * 2), max_size=30),
    st.integers(1, 29),
    st.integers(1, 29),
)
def test_every_nucleus_lies_in_one_of_the_regions_a_slide_is_cut_into(
    centres: list[tuple[float, float]], y: int, x: int
) -> None:
    table = nuclei(np.asarray(centres).reshape(-1, 2))
    parts = [
        table.in_region(Region(top, left, bottom - top, right - left))
        for top, bottom in ((0, y), (y, 30))
        for left, right in ((0, x), (x, 30))
    ]
    found = sorted(tuple(centre) for part in parts for centre in part.centres.tolist())
    assert found == sorted(tuple(centre) for centre in table.centres.tolist())


def test_a_region_ends_between_pixels() -> None:
    below, at = np.nextafter(np.float32(9.5), np.float32(0)), 9.5
    table = nuclei([(0, below), (0, at)])
    assert table.in_region(Region(0, 0, 10, 10)).centres.tolist() == [[0, below]]
    assert table.in_region(Region(0, 10, 10, 10)).centres.tolist() == [[0, at]]


def test_a_density_is_counted_per_mm2() -> None:
    assert nuclei(np.zeros((12, 2))).per_mm2(4000 * 4000) == pytest.approx(12)
    assert nuclei(np.zeros((12, 2)), mpp=0.5).per_mm2(4000 * 4000) == pytest.approx(3)


def test_without_an_area_there_is_no_density() -> None:
    with pytest.raises(SettingsError, match="need one above 0"):
        nuclei([(0, 0)]).per_mm2(0)


def test_tables_follow_one_another() -> None:
    one, other = nuclei([(0, 1)], [0.5]), nuclei([(2, 3), (4, 5)], [0.25, 1])
    table = NucleusTable.together([one, other], source())
    assert table.centres.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert table.peaks.tolist() == [0.5, 0.25, 1]
    assert len(NucleusTable.together([], source())) == 0


def test_every_verdict_has_its_flag_and_what_was_not_judged_is_never_in_focus(
    make_map: MakeMap,
) -> None:
    nan = np.nan
    scores = [[1.0, 2.0, 2.1, nan, nan, nan, nan, nan]]
    reasons = [[0, 0, 0, 0, *(int(reason) for reason in Reason if reason)]]
    focus_map = make_map(scores, reasons, TileGrid((64, 512), 1.0, 64, 64, 0, 0, 1, 8))
    table = nuclei([(32, 32 + 64 * col) for col in range(8)]).joined(focus_map)
    assert table.in_focus.tolist() == [IN_FOCUS] * 2 + [OUT_OF_FOCUS] + [UNKNOWN] * 5
    assert table.in_focus.dtype == np.int8
    assert np.array_equal(table.focus, np.float32(scores[0]), equal_nan=True)
    assert table.focus.dtype == np.float32


def test_the_map_decides_by_the_threshold_that_is_given(make_map: MakeMap) -> None:
    focus_map = make_map([[1.0]], [[0]], TileGrid((64, 64), 1.0, 64, 64, 0, 0, 1, 1))
    assert nuclei([(9, 9)]).joined(focus_map, 0.5).in_focus.tolist() == [OUT_OF_FOCUS]
    assert nuclei([(9, 9)]).joined(focus_map, 1.0).in_focus.tolist() == [IN_FOCUS]


def test_without_a_threshold_there_is_a_score_and_no_flag(make_map: MakeMap) -> None:
    grid = TileGrid((64, 64), 1.0, 64, 64, 0, 0, 1, 1)
    table = nuclei([(9, 9)]).joined(make_map([[1.0]], [[0]], grid, threshold=None))
    assert (table.focus.tolist(), table.in_focus.tolist()) == ([1.0], [UNKNOWN])


def test_a_score_left_in_a_tile_that_was_not_run_is_not_believed(make_map: MakeMap) -> None:
    grid = TileGrid((64, 64), 1.0, 64, 64, 0, 0, 1, 1)
    table = nuclei([(9, 9)]).joined(make_map([[1.0]], [[Reason.NOT_RUN]], grid))
    assert np.isnan(table.focus).all()
    assert table.in_focus.tolist() == [UNKNOWN]


def test_joining_another_map_forgets_the_one_before(make_map: MakeMap) -> None:
    grid = TileGrid((64, 64), 1.0, 64, 64, 0, 0, 1, 1)
    table = nuclei([(9, 9)]).joined(make_map([[9.0]], [[0]], grid))
    again = table.joined(make_map([[np.nan]], [[Reason.GLASS]], grid))
    assert np.isnan(again.focus).all()
    assert again.in_focus.tolist() == [UNKNOWN]


@pytest.mark.parametrize("other", [{"slide": "other.svs"}, {"plane": 1}])
def test_a_map_of_something_else_is_refused(make_map: MakeMap, other: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError, match=r"the focus map is of .* and the nuclei are of"):
        nuclei([(0, 0)]).joined(make_map(**other))


def numbered(grid: TileGrid) -> FocusMap:
    """Return a map whose score is the number of each tile on the slide's grid."""
    rows, cols = np.mgrid[: grid.rows, : grid.cols]
    scores = ((rows + grid.row0) * 1000 + cols + grid.col0).astype(np.float32)
    where = MapSource("slide.svs", 0.25, "file", 0, "m", {}, 5000.0, "", "cpu", "0", "")
    return FocusMap(scores, np.zeros(scores.shape, np.uint8), np.ones_like(scores), grid, where)


def nearest(place: float, tile_px: int, stride_px: int, scale: float, count: int) -> int:
    """Return the number of the tile whose centre is nearest; of two, the later."""
    centres = (np.arange(count) * stride_px + tile_px / 2) * scale
    away = np.abs(centres - (place + 0.5))
    return int(np.flatnonzero(away == away.min())[-1])


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(200, 900), st.integers(200, 900)),
    st.sampled_from([1.0, 2.0, 0.5]),
    st.sampled_from([(64, 64), (96, 32), (235, 128)]),
    st.data(),
)
def test_a_nucleus_has_the_tile_whose_centre_is_nearest(
    shape: tuple[int, int], scale: float, sizes: tuple[int, int], data: st.DataObject
) -> None:
    grid = TileGrid.covering(shape, scale, *sizes, "cover")
    places = st.tuples(*(st.integers(-2, 4 * side - 3) for side in shape))
    centres = np.array(data.draw(st.lists(places, min_size=1, max_size=20)), float) / 4
    table = nuclei(centres).joined(numbered(grid))
    truth = [
        nearest(y, *sizes, scale, grid.rows) * 1000 + nearest(x, *sizes, scale, grid.cols)
        for y, x in centres
    ]
    assert table.focus.tolist() == truth
    assert table.in_focus.tolist() == [OUT_OF_FOCUS if n > 5000 else IN_FOCUS for n in truth]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 999), st.integers(1, 400), st.integers(1, 400))
def test_a_map_of_a_region_says_what_the_whole_map_says_or_nothing(
    y: int, x: int, height: int, width: int
) -> None:
    grid = TileGrid.covering((1000, 1000), 1.0, 235, 128, "cover")
    region = Region(y, x, height, width).clipped(grid.shape)
    places = np.random.default_rng(y).uniform(-0.5, 999.4, (300, 2))
    table = nuclei(places)
    whole = table.joined(numbered(grid))
    part = table.joined(numbered(grid.within(region)))
    known = ~np.isnan(part.focus)
    assert np.array_equal(part.focus[known], whole.focus[known])
    assert np.array_equal(part.in_focus != UNKNOWN, known)
    inside = table.in_region(region)
    assert not np.isnan(inside.joined(numbered(grid.within(region))).focus).any()


def test_beyond_the_last_whole_tile_nothing_is_known(make_map: MakeMap) -> None:
    """One whole tile of 100 px on 160 px: the nearest centre of a nucleus at 130 is not scored."""
    grid = TileGrid.covering((100, 160), 1.0, 100, 64, "whole")
    table = nuclei([(50, 70), (50, 130)]).joined(make_map([[1.0]], [[0]], grid))
    assert table.in_focus.tolist() == [IN_FOCUS, UNKNOWN]
