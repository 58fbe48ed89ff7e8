"""Nuclei per mm², by hand and by counting one after the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.results.density import density, peak_histogram
from napari_focusqc.results.nucleus_counts import NucleusCounts
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable


def table(centres: object, peaks: object = None, **more: object) -> NucleusTable:
    facts = {"least": 0.1, "searched_px2": 0.0} | more
    source = NucleusSource(
        "s.svs", 0.5, "file", "micronet", {}, device="cpu", version="0", created="", **facts
    )
    count = len(np.asarray(centres).reshape(-1, 2))
    return NucleusTable.found(centres, np.ones(count) if peaks is None else peaks, source)


def test_one_nucleus_in_a_square_of_64_um() -> None:
    found = density(table([(0, 0), (127, 127), (128, 0)]), Region(0, 0, 256, 128))
    assert found.step_px == 128
    assert found.first_px == (63.5, 63.5)
    np.testing.assert_allclose(found.values, [[2 / 0.064**2], [1 / 0.064**2]], rtol=1e-6)
    assert found.values.dtype == np.float32


def test_squares_at_the_end_are_divided_by_what_they_have_of_the_region() -> None:
    found = density(table([(0, 130)]), Region(0, 0, 128, 192))
    np.testing.assert_allclose(found.values, [[0, 1 / (0.064 * 0.032)]], rtol=1e-6)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80)), max_size=30),
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([3.0, 5.5, 20.0]),
)
def test_density_times_area_is_the_number_of_nuclei(
    centres: list[tuple[int, int]], height: int, width: int, square_um: float
) -> None:
    region = Region(7, 3, height, width)
    nuclei = table(centres)
    found = density(nuclei, region, square_um)
    side = square_um / 0.5
    total = 0.0
    for row, line in enumerate(found.values):
        for col, value in enumerate(line):
            tall = min(side, height - row * side)
            wide = min(side, width - col * side)
            total += float(value) * tall * wide * 0.0005**2
    assert total == pytest.approx(len(nuclei.in_region(region)), abs=1e-3)


@pytest.mark.parametrize("square_um", [0, -1, np.nan, np.inf])
def test_squares_without_a_side_are_refused(square_um: float) -> None:
    with pytest.raises(SettingsError, match="above 0"):
        density(table([]), Region(0, 0, 9, 9), square_um)


def test_too_many_squares_are_refused_before_any_is_made() -> None:
    with pytest.raises(SettingsError, match="choose larger ones"):
        density(table([]), Region(0, 0, 1_000_000, 1_000_000), 1.0)


def test_a_histogram_begins_at_the_lowest_peak_of_the_run_and_ends_at_1() -> None:
    peaks = [0.2, 0.3, 0.59, 0.61, 1.0, 1.3]
    nuclei = table(np.zeros((6, 2)), peaks, least=0.2)
    assert peak_histogram(nuclei, 2) == [3, 3]
    assert peak_histogram(table([], [], least=1.0), 3) == [0, 0, 0]


def test_counts_are_those_of_each_flag() -> None:
    nuclei = table(np.zeros((4, 2)), searched_px2=4e6)
    nuclei.in_focus[:] = [1, 1, 2, 0]
    counts = NucleusCounts.of(nuclei)
    assert counts.total == 4
    assert counts.by_focus == {"unknown": 1, "in focus": 2, "out of focus": 1}
    assert counts.searched_mm2 == pytest.approx(1.0)
    assert counts.per_mm2(counts.total) == pytest.approx(4.0)


def test_without_a_searched_area_there_is_no_density() -> None:
    assert NucleusCounts.of(table([(1, 1)])).per_mm2(1) is None
