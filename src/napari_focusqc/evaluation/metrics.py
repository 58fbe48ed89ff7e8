"""Correlations, curves and accuracies: what every protocol is made of.

Room: evaluation. Numbers in, numbers out; knows no model and no paper. Scores are higher where
something is more out of focus, so “positive” means out of focus everywhere.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from napari_focusqc.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Correlation:
    """How two quantities go together.

    Parameters
    ----------
    value
        −1 to 1; NaN where one of the two is constant or there are fewer than three pairs.
    p
        Probability of a value at least as far from 0, on either side, without any relation.
    """

    value: float
    p: float


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Receiver operating characteristic, one point for each distinct score, tied scores together.

    Parameters
    ----------
    false_positive, true_positive
        float64 (P,), rising from 0 to 1.
    threshold
        float64 (P,), falling from ∞; a point calls positive what scores at least this.
    """

    false_positive: NDArray[np.float64]
    true_positive: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Probability that a positive scores higher than a negative; ties count half."""
        return float(np.trapezoid(self.true_positive, self.false_positive))


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionRecallCurve:
    """Precision against recall, one point for each distinct score, from the highest down.

    Parameters
    ----------
    recall, precision
        float64 (P,), 0 to 1; recall rises to 1.
    threshold
        float64 (P,), falling; a point calls positive what scores at least this.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    threshold: NDArray[np.float64]

    @property
    def average_precision(self) -> float:
        """Area under the steps: Σ (Rᵢ − Rᵢ₋₁) Pᵢ.

        Straight lines between the points would promise precision that no threshold reaches [1]_.

        References
        ----------
        .. [1] Davis and Goadrich, "The relationship between precision-recall and ROC curves",
           ICML 2006, section 4.
        """
        return float(np.sum(np.diff(self.recall, prepend=0.0) * self.precision))


def spearman(scores: NDArray[Any], truth: NDArray[Any]) -> Correlation:
    """Correlate ranks, ties at their mean rank; two-sided p by the t distribution.

    Parameters
    ----------
    scores, truth
        (N,), any real dtype, finite.

    Raises
    ------
    EvaluationError
        They differ in length or hold a value that is not finite.
    """
    return _correlation(spearmanr, scores, truth)


def pearson(scores: NDArray[Any], truth: NDArray[Any]) -> Correlation:
    """Correlate the values themselves; otherwise as `spearman`."""
    return _correlation(pearsonr, scores, truth)


def roc_curve(scores: NDArray[Any], positive: NDArray[np.bool_]) -> RocCurve:
    """Follow the threshold from the highest score to the lowest.

    Parameters
    ----------
    scores
        (N,), finite.
    positive
        bool (N,), what is out of focus.

    Raises
    ------
    EvaluationError
        There are no positives or no negatives, or a score is not finite.
    """
    hits, misses, cuts = _counts(scores, positive)
    return RocCurve(
        np.concatenate([[0.0], misses / misses[-1]]),
        np.concatenate([[0.0], hits / hits[-1]]),
        np.concatenate([[np.inf], cuts]),
    )


def precision_recall_curve(
    scores: NDArray[Any], positive: NDArray[np.bool_]
) -> PrecisionRecallCurve:
    """Follow the threshold from the highest score to the lowest; otherwise as `roc_curve`."""
    hits, misses, cuts = _counts(scores, positive)
    return PrecisionRecallCurve(hits / hits[-1], hits / (hits + misses), cuts)


def accuracy(called: NDArray[np.bool_], positive: NDArray[np.bool_]) -> float:
    """Return (TP + TN) / (P + N).

    Parameters
    ----------
    called
        bool (N,), what was called out of focus.
    positive
        bool (N,), what is.

    Raises
    ------
    EvaluationError
        They differ in length or are empty.
    """
    _check(called, positive)
    return float((called == positive).mean())


def balanced_accuracy(called: NDArray[np.bool_], positive: NDArray[np.bool_]) -> float:
    """Return the mean of sensitivity and specificity: (TP / P + TN / N) / 2.

    Parameters
    ----------
    called, positive
        As for `accuracy`.

    Raises
    ------
    EvaluationError
        There are no positives or no negatives.
    """
    _check(called, positive)
    _check_both(positive)
    return float((called[positive].mean() + (~called[~positive]).mean()) / 2)


def _correlation(rule: Any, scores: NDArray[Any], truth: NDArray[Any]) -> Correlation:
    """Apply one of scipy's, which warn where the value is undefined."""
    _check(scores, truth)
    if len(scores) < 3 or np.ptp(scores) == 0 or np.ptp(truth) == 0:
        return Correlation(np.nan, np.nan)
    found = rule(np.asarray(scores, float), np.asarray(truth, float))
    return Correlation(float(found.statistic), float(found.pvalue))


def _counts(
    scores: NDArray[Any], positive: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Count positives and negatives that score at least each distinct score, from the highest."""
    _check(scores, positive)
    _check_both(positive)
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    ranked, hit = np.asarray(scores, float)[order], positive[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(hit)[last]
    return hits, last + 1 - hits, ranked[last]


def _check(scores: NDArray[Any], truth: NDArray[Any]) -> None:
    if scores.shape != truth.shape or scores.ndim != 1 or not len(scores):
        raise EvaluationError(
            f"there are scores of shape {scores.shape} for truth of shape {truth.shape}; both must "
            "be of one dimension, equally long and not empty"
        )
    if not (np.isfinite(scores).all() and np.isfinite(truth).all()):
        raise EvaluationError(
            "some of the scores or of the truth are not finite; leave out tiles without a score"
        )


def _check_both(positive: NDArray[np.bool_]) -> None:
    blurred = int(positive.sum())
    if blurred in (0, len(positive)):
        raise EvaluationError(
            f"{blurred} of {len(positive)} tiles are out of focus; there must be some in focus and "
            "some out of focus to tell apart"
        )
