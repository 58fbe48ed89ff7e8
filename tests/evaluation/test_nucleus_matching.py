"""Pairs of found and true nuclei, against every pairing there is."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation import nucleus_matching
from napari_focusqc.evaluation.nucleus_matching import adds_match, match

Points = np.ndarray
# whole px, so that points coincide and distances tie
POINT = st.tuples(st.integers(0, 9), st.integers(0, 9))
POINTS = st.lists(POINT, max_size=5).map(lambda points: np.array(points, float).reshape(-1, 2))
RADII = st.sampled_from([1.0, math.sqrt(2), 2.5, 4.0, 20.0])


def best_by_trial(found: Points, true: Points, radius_px: float) -> tuple[int, float]:
    """Return pairs and total distance of the best of all pairings."""
    best = (0, 0.0)
    for count in range(1, min(len(found), len(true)) + 1):
        for some in combinations(range(len(found)), count):
            for others in permutations(range(len(true)), count):
                away = np.hypot(*(found[list(some)] - true[list(others)]).T)
                if (away <= radius_px).all():
                    best = min(best, (-count, float(away.sum())))
    return -best[0], best[1]


@given(POINTS, POINTS, RADII)
@settings(max_examples=60, deadline=None)
def test_no_pairing_has_more_pairs_or_as_many_nearer(
    found: Points, true: Points, radius_px: float
) -> None:
    matching = match(found, true, radius_px)
    pairs, total_px = best_by_trial(found, true, radius_px)
    assert matching.tp == pairs
    assert matching.distance_px.sum() == pytest.approx(total_px)
    assert (matching.fp, matching.fn) == (len(found) - pairs, len(true) - pairs)


@given(POINTS, POINTS, RADII)
@settings(max_examples=60, deadline=None)
def test_each_point_is_in_one_pair_at_most_and_no_pair_is_too_far(
    found: Points, true: Points, radius_px: float
) -> None:
    matching = match(found, true, radius_px)
    assert len({*matching.found.tolist()}) == len({*matching.true.tolist()}) == matching.tp
    assert matching.found.tolist() == sorted(matching.found.tolist())
    away = np.hypot(*(found[matching.found] - true[matching.true]).T)
    assert np.array_equal(matching.distance_px, away)
    assert (away <= radius_px).all()


@given(st.integers(0, 2**32 - 1), st.sampled_from([60, 150, 400]))
@settings(max_examples=12, deadline=None)
def test_crowds_are_paired_as_by_the_dense_hungarian_algorithm(seed: int, side: int) -> None:
    """Dense enough that most points hang together within the radius, and sparse enough that not."""
    rng = np.random.default_rng(seed)
    found, true = rng.uniform(0, side, (90, 2)), rng.uniform(0, side, (70, 2))
    away = np.hypot(*(found[:, None] - true).transpose(2, 0, 1))
    rows, columns = linear_sum_assignment(np.where(away <= 16, away, 1e6))
    paired = away[rows, columns] <= 16
    matching = match(found, true, 16)
    assert matching.tp == paired.sum()
    assert matching.distance_px.sum() == pytest.approx(away[rows, columns][paired].sum())


def test_more_pairs_come_before_nearer_ones() -> None:
    """The first found lies on the second true nucleus, and gives it up for the second found."""
    found, true = np.array([[0.0, 10], [0, 20]]), np.array([[0.0, 0], [0, 10]])
    matching = match(found, true, 10)
    assert (matching.found.tolist(), matching.true.tolist()) == ([0, 1], [0, 1])
    assert matching.distance_px.tolist() == [10, 10]
    assert match(found, true, 9).distance_px.tolist() == [0]


def test_the_nearest_is_not_always_taken() -> None:
    """Total 1 + 1, where the nearest first makes 0.5 + 2.5."""
    found, true = np.array([[0.0, 0], [0, 1.5]]), np.array([[0.0, 1], [0, 2.5]])
    matching = match(found, true, 16)
    assert matching.true.tolist() == [0, 1]
    assert matching.distance_px.tolist() == [1, 1]


@pytest.mark.parametrize(("offset", "away"), [((0, 16), 16.0), ((9.6, 12.8), 16.0), ((3, 4), 5.0)])
def test_the_radius_itself_is_within(offset: tuple[float, float], away: float) -> None:
    found, true = np.array([[100.0, 200.0]]), np.array([[100.0, 200.0]]) + offset
    away = float(np.hypot(*(found - true)[0]))
    assert match(found, true, away).tp == 1
    assert match(found, true, np.nextafter(away, 0)).tp == 0
    assert match(found, true, np.nextafter(away, 0)).fn == 1


@pytest.mark.parametrize(("found", "true"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_found_or_nothing_there_is_no_pair(found: int, true: int) -> None:
    points, nuclei = np.zeros((found, 2), np.float32), np.zeros((true, 2))
    matching = match(points, nuclei, 6)
    assert (matching.tp, matching.fp, matching.fn) == (0, found, true)
    assert matching.found.dtype == matching.true.dtype == np.int64
    assert adds_match(points, nuclei, 6).tolist() == [False] * found


def test_coinciding_points_are_still_points() -> None:
    """Distances of 0 are distances."""
    matching = match(np.full((3, 2), 5.0), np.full((2, 2), 5.0), 6)
    assert (matching.tp, matching.fp, matching.fn) == (2, 1, 0)
    assert matching.distance_px.tolist() == [0, 0]


@given(POINTS, POINTS, RADII)
@settings(max_examples=60, deadline=None)
def test_the_pairs_of_every_beginning_are_counted_at_once(
    found: Points, true: Points, radius_px: float
) -> None:
    counted = np.cumsum(adds_match(found, true, radius_px))
    assert counted.tolist() == [
        match(found[: k + 1], true, radius_px).tp for k in range(len(found))
    ]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_a_crowds_beginnings_are_counted_too(seed: int) -> None:
    """Long chains change partners, and many points find no partner left."""
    rng = np.random.default_rng(seed)
    found, true = rng.uniform(0, 100, (120, 2)), rng.uniform(0, 100, (60, 2))
    counted = np.cumsum(adds_match(found, true, 16))
    for k in range(1, 121, 7):
        assert counted[k - 1] == match(found[:k], true, 16).tp


@pytest.mark.parametrize("end", [0, -1])
def test_a_chain_of_any_length_changes_partners(end: int) -> None:
    """Each found nucleus lies between two true ones: one more at an end moves all to the other."""
    true = np.column_stack([np.zeros(2000), np.arange(2000) * 2.0])
    found = true[:-1] + np.array([0, 1])
    more = np.vstack([found, found[[end]], found[[end]]])
    assert adds_match(more, true, 1).tolist() == [True] * 2000 + [False]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros(2), r"\(2,\)"),
        (np.zeros((2, 3)), r"\(2, 3\)"),
        (np.array([[0, np.nan]]), "not finite"),
        (np.array([[np.inf, 0]]), "not finite"),
    ],
)
@pytest.mark.parametrize("rule", [match, adds_match])
def test_what_are_no_points_is_refused(rule, points: Points, words: str) -> None:
    with pytest.raises(EvaluationError, match=f"found.*{words}"):
        rule(points, np.zeros((1, 2)), 6)
    with pytest.raises(EvaluationError, match=f"true.*{words}"):
        rule(np.zeros((1, 2)), points, 6)


@pytest.mark.parametrize("radius_px", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("rule", [match, adds_match])
def test_a_radius_that_is_none_is_refused(rule, radius_px: float) -> None:
    with pytest.raises(EvaluationError, match="above 0"):
        rule(np.empty((0, 2)), np.zeros((1, 2)), radius_px)


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_lots_of_pairs_give_what_all_at_once_gives(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Groups that hang together are solved on their own: as many pairs, as near."""
    rng = np.random.default_rng(1)
    found, true = rng.uniform(0, 100, (150, 2)), rng.uniform(0, 100, (140, 2))
    monkeypatch.setattr(nucleus_matching, "_AT_ONCE", 10**6)
    whole = match(found, true, 6)
    monkeypatch.setattr(nucleus_matching, "_AT_ONCE", at_once)
    parts = match(found, true, 6)
    np.testing.assert_array_equal(parts.found, whole.found)
    np.testing.assert_array_equal(parts.true, whole.true)
    assert (parts.fp, parts.fn) == (whole.fp, whole.fn)


def test_many_nuclei_are_matched_in_seconds() -> None:
    """50,000 at once would take the solver minutes."""
    rng = np.random.default_rng(2)
    true = rng.uniform(0, 14_000, (50_000, 2))
    found = match(true + rng.normal(0, 1, true.shape), true, 16)
    assert found.tp > 49_900
