"""Figures worked by hand, empty cases, and curves against a search at every threshold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.nucleus_matching import match
from napari_focusqc.evaluation.nucleus_metrics import (
    RADII_PX,
    XI,
    DetectionCurve,
    DetectionScore,
    choose_xi,
    detection_curve,
    pool,
    score_images,
)
from napari_focusqc.inference.peaks import find_peaks, least_value

NONE = np.empty((0, 2))


def points(*at: tuple[float, float]) -> np.ndarray:
    return np.array(at, float).reshape(-1, 2)


def test_figures_by_hand() -> None:
    """Three of four found are nuclei, of five there: 3/4, 3/5, 6/9."""
    score = DetectionScore(3, 1, 2, 1.5)
    assert score.precision == pytest.approx(3 / 4)
    assert score.recall == pytest.approx(3 / 5)
    assert score.f1 == pytest.approx(6 / 9)
    assert score.f1 == pytest.approx(2 * (3 / 4) * (3 / 5) / (3 / 4 + 3 / 5))


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50))
@settings(max_examples=30)
def test_f1_is_the_papers_wherever_something_matched(tp: int, fp: int, fn: int) -> None:
    score = DetectionScore(tp, fp, fn, 0.0)
    p, r = score.precision, score.recall
    assert score.f1 == pytest.approx(2 * p * r / (p + r))


@pytest.mark.parametrize(
    ("found", "true", "precision", "recall", "f1"),
    [
        (0, 0, math.nan, math.nan, math.nan),
        (0, 3, math.nan, 0, 0),
        (3, 0, 0, math.nan, 0),
    ],
)
def test_what_is_undefined_is_nan_and_never_one(
    found: int, true: int, precision: float, recall: float, f1: float
) -> None:
    score = pool([match(np.zeros((found, 2)), np.zeros((true, 2)), 6)])
    assert [score.precision, score.recall, score.f1, score.distance_px] == pytest.approx(
        [precision, recall, f1, math.nan], nan_ok=True
    )
    curve = detection_curve(
        [np.zeros((found, 2))], [np.ones(found)], [np.zeros((true, 2))], 6, [0.5], relative=False
    )
    assert [*curve.precision, *curve.recall, *curve.f1] == pytest.approx(
        [precision, recall, f1], nan_ok=True
    )


def test_images_are_pooled_by_their_nuclei() -> None:
    """4 px away, 1 px away and missed; the empty image adds two false positives and no more."""
    found = [points((0, 4)), points((0, 1), (90, 90)), points((5, 5), (50, 50)), NONE]
    true = [points((0, 0)), points((0, 0), (40, 40)), NONE, NONE]
    (score,) = score_images(found, true, mpp=0.25, radii_px=[6])
    assert score.pooled == DetectionScore(2, 3, 1, 2.5)
    assert [image.distance_px for image in score.images] == pytest.approx(
        [4, 1, math.nan, math.nan], nan_ok=True
    )
    assert [image.f1 for image in score.images] == pytest.approx([1, 0.5, 0, math.nan], nan_ok=True)


def test_each_radius_stands_beside_its_micrometres() -> None:
    """Of nuclei found 5, 11 and 15 px away one, two and three count."""
    true = [points((0, 0), (0, 100), (0, 200))]
    found = [points((5, 0), (11, 100), (15, 200))]
    scores = score_images(found, true, mpp=0.25)
    assert [score.radius_px for score in scores] == [*RADII_PX] == [6, 12, 16]
    assert [score.radius_um for score in scores] == [1.5, 3, 4]
    assert [score.pooled.tp for score in scores] == [1, 2, 3]
    assert [score.pooled.distance_px for score in scores] == pytest.approx([5, 8, 31 / 3])


# two images: the second's map is half as high
FOUND = [points((0, 0), (0, 50), (0, 100)), points((0, 0), (0, 50))]
VALUES = [np.float32([1.0, 0.5, 0.25]), np.float32([0.25, 0.5])]
TRUE = [points((0, 1), (0, 51), (80, 80)), points((0, 49))]


def test_a_relative_curve_by_hand() -> None:
    """At ξ = ½ the first image keeps two of three, the second both."""
    curve = detection_curve(FOUND, VALUES, TRUE, 6, [0.25, 0.5, 0.6, 1.0], relative=True)
    assert curve.found.tolist() == [5, 4, 2, 2]
    assert curve.tp.tolist() == [3, 3, 2, 2]
    assert curve.true == 4
    assert curve.precision == pytest.approx([3 / 5, 3 / 4, 1, 1])
    assert curve.recall == pytest.approx([3 / 4, 3 / 4, 2 / 4, 2 / 4])
    assert curve.f1 == pytest.approx([6 / 9, 6 / 8, 4 / 6, 4 / 6])
    assert choose_xi(curve) == 0.5


def test_an_absolute_curve_by_hand() -> None:
    """One least value for both; above every peak nothing is found."""
    curve = detection_curve(FOUND, VALUES, TRUE, 6, [0.25, 0.5, 0.6, 2.0], relative=False)
    assert curve.found.tolist() == [5, 3, 1, 0]
    assert curve.tp.tolist() == [3, 3, 1, 0]
    assert curve.precision == pytest.approx([3 / 5, 1, 1, math.nan], nan_ok=True)
    assert curve.f1 == pytest.approx([6 / 9, 6 / 7, 2 / 5, 0])
    assert choose_xi(curve) == 0.5


def test_a_peak_that_takes_anothers_nucleus_makes_room() -> None:
    """The lower peak reaches the first nucleus alone, so the higher one moves on to the second."""
    found, true = [points((0, 5), (0, -5))], [points((0, 0), (0, 10))]
    curve = detection_curve(found, [np.array([2.0, 1.0])], true, 6, [1.0, 2.0], relative=False)
    assert curve.tp.tolist() == [2, 1]


SEEDS = st.integers(0, 2**32 - 1)


def some_maps(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return rough maps, one of them without a positive value, and nuclei that belong to none."""
    rng = np.random.default_rng(seed)
    maps = [rng.normal(rng.uniform(-1, 2), 1, (30, 40)).astype(np.float32) for _ in range(3)]
    maps.append(-np.abs(maps[0]) - np.float32(0.1))
    true = [rng.uniform(0, 40, (rng.integers(0, 12), 2)) for _ in maps]
    return maps, true


@given(SEEDS)
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("relative", [True, False])
def test_a_curve_is_what_a_search_at_every_threshold_finds(relative: bool, seed: int) -> None:
    maps, true = some_maps(seed)
    at = np.linspace(0, 1, 11)
    searched = [find_peaks(each, least=-np.inf, distance_px=4) for each in maps]
    curve = detection_curve(
        [each[0] for each in searched],
        [each[1] for each in searched],
        true,
        6,
        at,
        relative=relative,
    )
    for number, threshold in enumerate(at):
        least = [least_value(each, threshold) if relative else threshold for each in maps]
        again = [
            find_peaks(each, least=low, distance_px=4)[0]
            for each, low in zip(maps, least, strict=True)
        ]
        (score,) = score_images(again, true, mpp=1, radii_px=[6])
        assert curve.tp[number] == score.pooled.tp
        assert curve.found[number] == score.pooled.tp + score.pooled.fp
        assert [curve.precision[number], curve.recall[number], curve.f1[number]] == pytest.approx(
            [score.pooled.precision, score.pooled.recall, score.pooled.f1], nan_ok=True
        )


@given(SEEDS, SEEDS)
@settings(max_examples=10, deadline=None)
def test_the_order_of_peaks_and_images_does_not_matter(seed: int, shuffle: int) -> None:
    rng = np.random.default_rng(shuffle)
    maps, true = some_maps(seed)
    searched = [find_peaks(each, least=-np.inf, distance_px=4) for each in maps]
    order = rng.permutation(len(maps))
    mixed = [(each, rng.permutation(len(searched[each][1]))) for each in order]
    straight = detection_curve(*map(list, zip(*searched, strict=True)), true, 6, relative=True)
    shuffled = detection_curve(
        [searched[each][0][inner] for each, inner in mixed],
        [searched[each][1][inner] for each, inner in mixed],
        [true[each] for each in order],
        6,
        relative=True,
    )
    assert np.array_equal(straight.tp, shuffled.tp)
    assert np.array_equal(straight.found, shuffled.found)


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_recall_never_rises_with_the_threshold(seed: int) -> None:
    maps, true = some_maps(seed)
    searched = [find_peaks(each, least=-np.inf, distance_px=4) for each in maps]
    curve = detection_curve(*map(list, zip(*searched, strict=True)), true, 6, XI, relative=True)
    assert (np.diff(curve.tp) <= 0).all() and (np.diff(curve.found) <= 0).all()


def test_of_equally_good_thresholds_the_middle_of_the_longest_row_is_chosen() -> None:
    at = np.arange(1, 9) / 10
    tp = np.array([2, 3, 3, 2, 3, 3, 3, 1])
    curve = DetectionCurve(at, tp, np.full(8, 4), 4)
    assert choose_xi(curve) == 0.6


def test_the_chosen_threshold_is_of_the_pooled_nuclei() -> None:
    """The large image wants 0.2 and the small one 0.8."""
    rows = np.column_stack([np.zeros(10), np.arange(10) * 50.0])
    found, true = [rows, rows[:2]], [rows, rows[:1]]
    values = [np.array([1.0, *[0.3] * 9]), np.array([1.0, 0.5])]
    assert choose_xi(detection_curve(found, values, true, 6, [0.2, 0.8], relative=True)) == 0.2
    small = detection_curve(found[1:], values[1:], true[1:], 6, [0.2, 0.8], relative=True)
    assert choose_xi(small) == 0.8


@pytest.mark.parametrize(
    ("found", "true"), [(NONE, NONE), (NONE, points((1, 1))), (points((1, 1)), NONE)]
)
def test_nothing_found_gives_no_threshold(found: np.ndarray, true: np.ndarray) -> None:
    curve = detection_curve([found], [np.ones(len(found))], [true], 6, relative=True)
    with pytest.raises(EvaluationError, match="none of"):
        choose_xi(curve)


@pytest.mark.parametrize(
    ("found", "values", "true", "thresholds", "words"),
    [
        ([], [], [], [0.5], "one image at least"),
        ([NONE], [np.ones(0)], [NONE, NONE], [0.5], "1 and 2 arrays"),
        ([NONE], [], [NONE], [0.5], "1 and 0 arrays"),
        ([NONE], [np.ones(2)], [NONE], [0.5], "each peak needs one"),
        ([points((0, 0))], [np.array([np.nan])], [NONE], [0.5], "not finite"),
        ([NONE], [np.ones(0)], [NONE], [], "do not rise"),
        ([NONE], [np.ones(0)], [NONE], [0.5, 0.5], "do not rise"),
        ([NONE], [np.ones(0)], [NONE], [0.5, np.nan], "do not rise"),
    ],
)
def test_what_does_not_belong_together_is_refused(found, values, true, thresholds, words) -> None:
    with pytest.raises(EvaluationError, match=words):
        detection_curve(found, values, true, 6, thresholds, relative=True)


@pytest.mark.parametrize("mpp", [0.0, -0.25, np.nan, np.inf])
def test_a_resolution_that_is_none_is_refused(mpp: float) -> None:
    with pytest.raises(EvaluationError, match="µm/px"):
        score_images([NONE], [NONE], mpp=mpp)
