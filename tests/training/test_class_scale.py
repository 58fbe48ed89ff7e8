"""Scores that read as classes: the fits, by hand."""

import numpy as np
import pytest

from napari_focusqc.errors import TrainingError
from napari_focusqc.training.class_scale import class_line, class_values


def test_class_line_is_the_regression_of_class_on_score() -> None:
    classes = np.arange(30)
    slope, offset = class_line((classes - 4) / 2.5, classes)
    assert (slope, offset) == pytest.approx((2.5, 4))
    for scores in (-classes.astype(float), np.zeros(30)):
        with pytest.raises(TrainingError, match="do not rise"):
            class_line(scores, classes)


def test_class_values_undo_a_network_that_reads_two_classes_too_many() -> None:
    """A bell around the class, two classes up; the last classes are cut off, so they have less."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 30, 3000)
    shares = np.exp(-0.5 * ((np.arange(30) - classes[:, None] - 2) / 1.5) ** 2)
    shares /= shares.sum(axis=1, keepdims=True)
    values = class_values(shares, classes)
    assert (np.diff(values) >= 0).all()
    raw, fitted = (np.abs(shares @ each - classes).mean() for each in (np.arange(30), values))
    assert raw > 1.5
    assert fitted < 0.15


def test_class_values_keep_their_step_where_no_crop_tells_otherwise() -> None:
    values = class_values(np.eye(30)[[4] * 50 + [20] * 50], np.array([4] * 50 + [20] * 50))
    np.testing.assert_allclose(np.diff(values), 1, atol=0.02)
    assert values[4] == pytest.approx(4, abs=0.1)
