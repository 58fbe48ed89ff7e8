"""What a person changed stays what they changed, whatever else becomes of the table."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.annotation.corrections import ADDED, ADDED_PEAK, Corrections, laid
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

SOURCE = NucleusSource("s.svs", 0.25, "file", "micronet", {}, 0.1, "cpu", "0", "2026-01-01")
FOUND = NucleusTable.found([(1, 2), (3, 4), (5, 6), (7, 8)], [0.2, 0.4, 0.6, 0.8], SOURCE)


def corrections(deleted: list[int], added: list[tuple[float, float]]) -> Corrections:
    return Corrections(
        np.array(deleted, np.int64), np.array(added, np.float32).reshape(len(added), 2)
    )


def test_uncorrected_nuclei_are_those_found() -> None:
    none = Corrections.none()
    assert len(none) == 0
    applied = none.applied(FOUND)
    np.testing.assert_array_equal(applied.centres, FOUND.centres)
    np.testing.assert_array_equal(applied.peaks, FOUND.peaks)


def test_deleted_ones_are_gone_and_added_ones_come_last() -> None:
    done = corrections([0, 2], [(10, 11)])
    assert len(done) == 3
    assert done.rows(4).tolist() == [1, 3, ADDED]
    applied = done.applied(FOUND)
    assert applied.centres.tolist() == [[3, 4], [7, 8], [10, 11]]
    assert (applied.source.deleted, applied.source.added) == (2, 1)
    np.testing.assert_array_equal(applied.peaks, np.float32([0.4, 0.8, ADDED_PEAK]))


def test_an_added_nucleus_survives_every_threshold() -> None:
    applied = corrections([], [(10, 11)]).applied(FOUND)
    assert applied.at_least(1.0).centres.tolist() == [[10, 11]]


def test_all_may_be_deleted_and_none_found() -> None:
    assert len(corrections([0, 1, 2, 3], []).applied(FOUND)) == 0
    empty = NucleusTable.found([], [], SOURCE)
    assert corrections([], [(1, 1)]).applied(empty).peaks.tolist() == [ADDED_PEAK]


def test_a_moved_nucleus_is_deleted_and_added() -> None:
    rows = np.array([0, ADDED, 2, 3])
    centres = FOUND.centres.astype(np.float64)
    centres[1] += 0.5
    done = Corrections.none().after(np.arange(4), rows, centres)
    assert done.deleted.tolist() == [1]
    assert done.added.tolist() == [[3.5, 4.5]]
    assert done.added.dtype == np.float32
    np.testing.assert_array_equal(laid(FOUND, rows, centres).peaks, np.float32([0.2, 1, 0.6, 0.8]))


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 3)), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_corrections_are_found_again_in_what_they_made(
    deleted: set[int], added: list[tuple[int, int]]
) -> None:
    done = corrections(sorted(deleted), added)
    applied = done.applied(FOUND)
    again = Corrections.none().after(np.arange(4), done.rows(4), applied.centres)
    assert again.deleted.tolist() == done.deleted.tolist()
    assert again.added.tolist() == done.added.tolist()
    assert len(applied) == 4 - len(deleted) + len(added)


def test_what_is_not_seen_is_not_deleted() -> None:
    before, after = np.array([1, 3, ADDED, ADDED]), np.array([1, ADDED])
    done = corrections([0], [(1, 1), (2, 2)]).after(before, after, np.array([(3, 4), (2, 2)]))
    assert done.deleted.tolist() == [0, 3]
    assert done.added.tolist() == [[2, 2]]
