"""A known relation of score and blur is found again, and so is a known limit of structure."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from napari_focusqc.errors import TrainingError
from napari_focusqc.optics.classes import oof_class_of_radius, radius_range
from napari_focusqc.training.calibrating import (
    CROPS_PER_BIN,
    LEAST_CROPS,
    MAX_KNOTS,
    fit_abstention,
    fit_calibration,
)

Floats = NDArray[np.float64]


def drawn_radii(count: int, rng: np.random.Generator) -> Floats:
    """Draw radii as training does: each class as often as the others, at 0.25 µm/px."""
    return np.array([0.25 * rng.uniform(*radius_range(n % 30)) for n in range(count)])


def noisy_scores(radius_um: Floats, spread: float, rng: np.random.Generator) -> Floats:
    """Score by the class the radius belongs to, as a line in log radius, with normal noise."""
    line = 1 + 28 / 3 * np.log(np.maximum(radius_um, 0.35) / 0.35)
    return np.where(radius_um == 0, 0.0, line) + rng.normal(0, spread, radius_um.shape)


def truth_um(score: Floats) -> Floats:
    return 0.35 * np.exp(3 * (score - 1) / 28)


def test_a_known_relation_with_noise_is_found_again() -> None:
    """Inside, where no end of the range pulls, within 8 % of the truth everywhere."""
    rng = np.random.default_rng(0)
    radius = drawn_radii(6000, rng)
    curve = fit_calibration(noisy_scores(radius, 1.0, rng), radius)
    inside = np.linspace(4, 25, 100)
    assert curve.radius_um_of(inside) == pytest.approx(truth_um(inside), rel=0.08)
    assert len(curve.score) == MAX_KNOTS


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_two_thirds_of_new_crops_lie_between_the_bounds(spread: float) -> None:
    rng = np.random.default_rng(1)
    radius = drawn_radii(6000, rng)
    curve = fit_calibration(noisy_scores(radius, spread, rng), radius)
    fresh = drawn_radii(6000, rng)
    scores = noisy_scores(fresh, spread, rng)
    low, high = curve.interval_um_of(scores)
    assert ((low <= fresh) & (fresh <= high)).mean() == pytest.approx(0.68, abs=0.05)
    assert (fresh > curve.radius_um_of(scores)).mean() == pytest.approx(0.5, abs=0.05)


def test_crops_that_show_no_blur_whatever_their_radius_do_not_move_the_centre() -> None:
    """One crop in twelve, blurred by 40 µm, is scored at random; a mean would be several µm off."""
    rng = np.random.default_rng(2)
    radius = drawn_radii(6000, rng)
    scores = noisy_scores(radius, 0.5, rng)
    scores[::12], radius[::12] = rng.uniform(1, 29, 500), 40.0
    curve = fit_calibration(scores, radius)
    inside = np.linspace(4, 25, 100)
    assert curve.radius_um_of(inside) == pytest.approx(truth_um(inside), rel=0.12)
    assert radius[np.abs(scores - 5) < 1].mean() > 5 * truth_um(np.float64(5))


def test_probabilities_that_end_at_one_keep_their_crops_together() -> None:
    """A third of the crops score exactly 1: the last knot is their median radius."""
    rng = np.random.default_rng(3)
    radius = drawn_radii(3000, rng)
    scores = np.minimum(oof_class_of_radius(radius) / 20 + rng.normal(0, 0.02, 3000), 1)
    curve = fit_calibration(scores, radius, note="twice")
    assert curve.score[-1] == 1.0
    assert curve.radius_um[-1] == pytest.approx(np.median(radius[scores == 1]), abs=1e-3)
    assert curve.note == "twice"


def test_two_scores_are_enough() -> None:
    scores, radius = np.repeat([0.0, 1.0], 30), np.repeat([0.5, 3.0], 30)
    curve = fit_calibration(scores, radius)
    assert (curve.score, curve.radius_um) == ((0.0, 1.0), (0.5, 3.0))
    assert curve.low_um == curve.high_um == curve.radius_um


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(LEAST_CROPS, 400), st.floats(0, 20), st.integers(0, 4))
def test_whatever_the_noise_and_ties_a_sound_curve_comes_out(
    seed: int, count: int, spread: float, digits: int
) -> None:
    """Soundness is what `Calibration` itself checks: rising scores, radii, bounds around them."""
    rng = np.random.default_rng(seed)
    radius = drawn_radii(count, rng)
    scores = noisy_scores(radius, spread, rng).round(digits)
    assume(spearmanr(scores, radius).statistic > 0)
    curve = fit_calibration(scores, radius)
    assert 2 <= len(curve.score) <= MAX_KNOTS
    assert (np.diff(curve.low_um) >= 0).all()
    assert (np.diff(curve.high_um) >= 0).all()
    assert radius.min() - 1e-4 <= curve.low_um[0]
    assert curve.high_um[-1] <= radius.max() + 1e-4


RISING = np.arange(60.0)


@pytest.mark.parametrize(
    ("scores", "radius", "words"),
    [
        (RISING[:39], RISING[:39], "at least 40"),
        (RISING, RISING[1:], "60 scores and 59 radii"),
        (RISING[:, None], RISING[:, None], "at least 40"),
        (np.where(RISING == 3, np.nan, RISING), RISING, "not finite"),
        (RISING, RISING - 1, "below 0"),
        (np.zeros(60), RISING, "do not rise"),
        (RISING, np.ones(60), "do not rise"),
        (RISING[::-1], RISING, "do not rise"),
    ],
)
def test_what_no_curve_fits_is_refused(scores: Floats, radius: Floats, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        fit_calibration(scores, radius)


# --- Abstention -------------------------------------------------------------------------------


def crops(
    count: int, limit: float, rng: np.random.Generator, *, poor: float = 0.5, good: float = 0.95
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw crops whose verdicts are right `good` of the time from `limit` up, `poor` below."""
    blurred = rng.random(count) < 0.7
    structure = np.exp(rng.uniform(np.log(0.3), np.log(50), count)) * np.where(blurred, 0.7, 1)
    wrong = rng.random(count) > np.where(structure >= limit, good, poor)
    return structure, wrong, blurred


@pytest.mark.parametrize("limit", [1.0, 3.0, 8.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_known_limit_is_found_again(limit: float, seed: int) -> None:
    """To within two pools of either kind: 30 share a range of ln(50 / 0.3), a factor 1.19 each.

    A narrow margin: the wide one may take a pool across the limit along.
    """
    rng = np.random.default_rng(seed)
    structure, wrong, blurred = crops(6000, limit, rng)
    rule = fit_abstention(structure, wrong, blurred, margin=0.05)
    assert limit / 1.35 <= rule.min_structure <= limit * 1.35
    assert rule.kept_accuracy == pytest.approx(0.95, abs=0.03)
    assert rule.abstained_accuracy == pytest.approx(0.5, abs=0.08)
    below = structure < rule.min_structure
    assert rule.abstained == below.mean()
    assert rule.abstained_sharp == below[~blurred].mean()
    assert rule.abstained_blurred == below[blurred].mean()


@pytest.mark.parametrize("good", [0.75, 0.9, 0.98, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_where_structure_does_not_matter_hardly_a_tile_is_abstained(seed: int, good: float) -> None:
    rule = fit_abstention(*crops(6000, 0.0, np.random.default_rng(seed), good=good))
    assert rule.abstained <= 0.05
    assert rule.balanced_accuracy == pytest.approx(good, abs=0.02)


def test_where_every_verdict_is_right_the_limit_is_zero() -> None:
    structure, wrong, blurred = crops(3000, 0.0, np.random.default_rng(0), good=1.0)
    rule = fit_abstention(structure, np.zeros_like(wrong), blurred)
    assert (rule.min_structure, rule.abstained, rule.abstained_accuracy) == (0.0, 0.0, None)
    assert rule.kept_accuracy == rule.balanced_accuracy == 1.0


def test_flat_sharp_tiles_called_blurred_are_abstained_though_flat_blurred_ones_are_right() -> None:
    """A network that calls all flat tiles blurred is right on half of them; that is no accuracy."""
    rng = np.random.default_rng(4)
    structure, _, blurred = crops(6000, 0.0, rng)
    wrong = np.where(structure < 2, ~blurred, rng.random(6000) > 0.95)
    rule = fit_abstention(structure, wrong, blurred)
    assert 2 / 1.35 <= rule.min_structure <= 2 * 1.35
    assert rule.abstained_accuracy == pytest.approx(0.5, abs=0.05)


def test_where_one_kind_has_all_the_structure_a_limit_is_still_found() -> None:
    """Blur takes the structure away: no crop out of focus has more than the least of the sharp."""
    structure = np.concatenate([np.linspace(0, 5, 600), np.linspace(5, 50, 600)])
    blurred = structure < 5
    rule = fit_abstention(structure, np.zeros(1200, bool), blurred)
    assert rule.min_structure == 0.0


@pytest.mark.parametrize("seed", range(8))
def test_few_sharp_crops_among_many_flat_blurred_ones_give_no_limit(seed: int) -> None:
    """As blur of real tissue does: the flattest sharp crop has more structure than most blurred."""
    rng = np.random.default_rng(seed)
    structure = np.concatenate([rng.lognormal(3.3, 0.3, 200), rng.lognormal(2.0, 0.7, 1300)])
    blurred = np.arange(1500) >= 200
    rule = fit_abstention(structure, rng.random(1500) > 0.95, blurred)
    assert rule.abstained_blurred <= 0.05


def test_a_wider_margin_never_abstains_more() -> None:
    data = crops(6000, 3.0, np.random.default_rng(5))
    limits = [fit_abstention(*data, margin=m).min_structure for m in (0.0, 0.02, 0.05, 0.2, 0.5)]
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] == 0.0


def test_a_few_crops_are_one_pool_and_give_no_limit() -> None:
    data = crops(CROPS_PER_BIN, 10.0, np.random.default_rng(6))
    assert fit_abstention(*data).min_structure == 0.0


def test_the_figures_are_rounded_numbers_and_leave_out_what_is_not_known() -> None:
    data = crops(6000, 3.0, np.random.default_rng(7))
    found = fit_abstention(*data).figures()
    assert set(found) == {
        "abstained",
        "abstained_in_focus",
        "abstained_out_of_focus",
        "balanced_accuracy_every_tile",
        "balanced_accuracy_kept",
        "balanced_accuracy_abstained",
    }
    assert all(value == round(value, 3) for value in found.values())
    every = fit_abstention(data[0], np.zeros(6000, bool), data[2]).figures()
    assert "balanced_accuracy_abstained" not in every


SHARP = np.zeros(100, bool)
BOTH = np.arange(100) % 2 == 0


@pytest.mark.parametrize(
    ("structure", "wrong", "blurred", "words"),
    [
        (np.ones(100), SHARP, SHARP, "one kind is missing"),
        (np.ones(100), SHARP, ~SHARP, "one kind is missing"),
        (np.ones(99), SHARP, BOTH, "99 structures, 100 verdicts"),
        (np.ones((100, 1)), SHARP, BOTH, "needs all three"),
        (np.full(100, np.nan), SHARP, BOTH, "not finite"),
        (np.ones(0), SHARP[:0], BOTH[:0], "one kind is missing"),
    ],
)
def test_what_no_limit_can_be_fitted_to_is_refused(
    structure: Floats, wrong: NDArray[np.bool_], blurred: NDArray[np.bool_], words: str
) -> None:
    with pytest.raises(TrainingError, match=words):
        fit_abstention(structure, wrong, blurred)
