"""Metrics on numbers worked by hand, and against definitions written out pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.metrics import (
    accuracy,
    balanced_accuracy,
    pearson,
    precision_recall_curve,
    roc_curve,
    spearman,
)

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
BLURRED = np.array([1, 1, 0, 1, 0, 0], bool)
TIED = np.array([3.0, 2.0, 2.0, 1.0])
TIED_BLURRED = np.array([1, 1, 0, 0], bool)


def test_spearman_by_hand():
    """d² of the ranks 1 2 3 4 5 and 2 1 4 3 5 add up to 4: 1 − 6·4 / (5·24) = 0.8."""
    found = spearman(np.array([10.0, 20, 30, 40, 50]), np.array([2, 1, 4, 3, 5]))
    assert found.value == pytest.approx(0.8)
    # t = 0.8 √(3 / 0.36) = 2.309 with 3 degrees of freedom
    assert found.p == pytest.approx(0.1041, abs=1e-4)


def test_spearman_gives_ties_their_mean_rank():
    """Ranks 1 2.5 2.5 4 and 1 2 3 4: covariance 4.5, variances 4.5 and 5."""
    assert spearman(TIED[::-1], np.arange(4)).value == pytest.approx(4.5 / np.sqrt(4.5 * 5))


def test_pearson_by_hand():
    """Deviations −1 0 1 and −2 1 1: 3 / √(2·6)."""
    found = pearson(np.array([1.0, 2, 3]), np.array([1.0, 4, 4]))
    assert found.value == pytest.approx(3 / np.sqrt(12))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=40))
def test_spearman_is_pearson_of_the_ranks(pairs):
    scores, truth = np.array(pairs, float).T
    found = spearman(scores, truth).value
    if np.ptp(scores) == 0 or np.ptp(truth) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(rankdata(scores), rankdata(truth))[0, 1])


@pytest.mark.parametrize("rule", [spearman, pearson])
def test_what_has_no_correlation_is_nan_and_warns_of_nothing(rule):
    assert np.isnan(rule(np.ones(5), np.arange(5)).value)
    assert np.isnan(rule(np.arange(2), np.arange(2)).value)


def test_roc_by_hand():
    """Eight of nine pairs are in order."""
    curve = roc_curve(SCORES, BLURRED)
    assert curve.false_positive == pytest.approx([0, 0, 0, 1 / 3, 1 / 3, 2 / 3, 1])
    assert curve.true_positive == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert curve.threshold.tolist() == [np.inf, *SCORES]
    assert curve.area == pytest.approx(8 / 9)


def test_tied_scores_are_one_point_of_the_roc():
    """Of four pairs three are in order and one is tied."""
    curve = roc_curve(TIED, TIED_BLURRED)
    assert curve.true_positive.tolist() == [0, 0.5, 1, 1]
    assert curve.false_positive.tolist() == [0, 0, 0.5, 1]
    assert curve.area == pytest.approx(3.5 / 4)


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_the_area_is_the_share_of_pairs_in_order(pairs):
    scores, blurred = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs])
    if blurred.all() or not blurred.any():
        return
    above = scores[blurred][:, None] - scores[~blurred]
    share = ((above > 0) + 0.5 * (above == 0)).mean()
    assert roc_curve(scores, blurred).area == pytest.approx(share)
    u = mannwhitneyu(scores[blurred], scores[~blurred]).statistic
    assert share == pytest.approx(u / above.size)


def test_precision_and_recall_by_hand():
    curve = precision_recall_curve(SCORES, BLURRED)
    assert curve.recall == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert curve.precision == pytest.approx([1, 1, 2 / 3, 3 / 4, 3 / 5, 1 / 2])
    assert curve.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_tied_scores_are_one_point_of_precision_and_recall():
    curve = precision_recall_curve(TIED, TIED_BLURRED)
    assert curve.precision == pytest.approx([1, 2 / 3, 1 / 2])
    assert curve.average_precision == pytest.approx((1 + 2 / 3) / 2)


def test_a_score_that_says_nothing_has_the_share_of_positives_as_precision():
    curve = precision_recall_curve(np.ones(10), np.arange(10) < 3)
    assert curve.average_precision == pytest.approx(0.3)
    assert roc_curve(np.ones(10), np.arange(10) < 3).area == 0.5


def test_accuracies_by_hand():
    """Of four blurred three are found, of one sharp none: 3/5, and (3/4 + 0) / 2."""
    called = np.array([1, 1, 1, 0, 1], bool)
    blurred = np.array([1, 1, 1, 1, 0], bool)
    assert accuracy(called, blurred) == pytest.approx(3 / 5)
    assert balanced_accuracy(called, blurred) == pytest.approx(3 / 8)


@pytest.mark.parametrize("rule", [roc_curve, precision_recall_curve])
@pytest.mark.parametrize("blurred", [np.zeros(3, bool), np.ones(3, bool)])
def test_one_kind_alone_is_refused(rule, blurred):
    with pytest.raises(EvaluationError, match="some in focus and some out of focus"):
        rule(np.arange(3.0), blurred)


@pytest.mark.parametrize(
    ("scores", "truth", "words"),
    [
        (np.arange(3.0), np.arange(4.0), "equally long"),
        (np.empty(0), np.empty(0), "not empty"),
        (np.array([1.0, np.nan, 2]), np.arange(3.0), "not finite"),
        (np.zeros((2, 2)), np.zeros((2, 2)), "one dimension"),
    ],
)
def test_what_cannot_be_compared_is_refused(scores, truth, words):
    with pytest.raises(EvaluationError, match=words):
        spearman(scores, truth)
