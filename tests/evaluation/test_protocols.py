"""The papers' protocols on scores whose figures are known beforehand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.convfocus_protocol import (
    IDEAL_SLOPE,
    class_figures,
    convfocus_figures,
    grade_of_class,
)
from napari_focusqc.evaluation.deepfocus_protocol import deepfocus_figures
from napari_focusqc.evaluation.focus_stacks import USUAL, Z_UM
from napari_focusqc.evaluation.focuslitenn_protocol import focuslitenn_figures
from napari_focusqc.evaluation.scored_tiles import ScoredTiles
from napari_focusqc.evaluation.shift_protocol import (
    ShiftFigures,
    ShiftRow,
    scanners_of_changes,
)
from napari_focusqc.evaluation.stack_protocol import stack_figures, v_curve


def tiles(scores, truth, field=None):
    scores, truth = np.asarray(scores, float), np.asarray(truth, float)
    return ScoredTiles(scores, truth, np.zeros(len(scores), int) if field is None else field)


STACK = np.tile(Z_UM, 4)
FIELD = np.repeat([0, 1], len(Z_UM) * 2)


def test_a_score_that_is_the_distance_is_perfect_and_its_opposite_is_not():
    found = stack_figures(tiles(STACK, STACK, FIELD))
    assert (found.spearman, found.spearman_worst_field) == (1.0, 1.0)
    assert (found.auc_half_from_one_um, found.tiles, found.fields) == (1.0, 52, 2)
    assert stack_figures(tiles(-STACK, STACK, FIELD)).auc_half_from_one_um == 0.0


def test_below_focus_is_as_far_as_above():
    z = np.arange(-4, 5) * 0.5
    assert stack_figures(tiles(np.abs(z), z)).spearman == pytest.approx(1.0)
    assert focuslitenn_figures(tiles(np.abs(z), z)).plcc == pytest.approx(1.0)


def test_one_bad_image_is_seen():
    found = stack_figures(tiles(np.where(FIELD == 0, STACK, -STACK), STACK, FIELD))
    assert found.spearman_worst_field == pytest.approx(-1.0)


def test_tiles_that_are_abstained_count_as_such_and_as_nothing_else():
    scores = np.where(STACK > 5, np.nan, STACK)
    found = stack_figures(tiles(scores, STACK, FIELD))
    assert found.tiles == 44
    assert found.abstained == pytest.approx(8 / 52)
    assert found.spearman == pytest.approx(1.0)
    assert v_curve(tiles(scores, STACK, FIELD)).z.max() == 5.0
    with pytest.raises(EvaluationError, match="none of 52 tiles has a score"):
        stack_figures(tiles(np.full(52, np.nan), STACK, FIELD))


def test_the_v_has_mean_and_middle_of_each_height():
    curve = v_curve(tiles([1, 3, 10, 10], [-1, -1, 2, 2]))
    assert curve.z.tolist() == [-1, 2]
    assert curve.mean.tolist() == [2, 10]
    assert curve.low == pytest.approx([1.32, 10])
    assert curve.high == pytest.approx([2.68, 10])


def test_focuslitenn_calls_two_steps_sharp_and_three_blurry():
    """Scores are planes in order but for one pair: 1.0 µm, sharp, scores as 1.5 µm should."""
    found = focuslitenn_figures(tiles([0, 1, 3, 2], [0, 0.5, 1.0, 1.5]))
    assert (found.tiles, found.tiles_sharp) == (4, 3)
    assert found.roc_auc == pytest.approx(2 / 3)
    assert found.pr_auc == pytest.approx(1 / 2)
    assert found.srcc == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert found.plcc == pytest.approx(np.corrcoef([0, 1, 3, 2], [0, 1, 2, 3])[0, 1])


def test_focuslitenn_takes_planes_without_micrometres():
    assert focuslitenn_figures(tiles([0, 1, 2, 3], [0, -1, 2, -3]), step=1).roc_auc == 1.0


DEEP = tiles(
    [0.1, 0.9, 0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.1],
    [0.0, 0.5, 1.0, 1.5, 2.5, 6.0] * 2,
    np.repeat([0, 1], 6),
)
"""Above 0.5 is blurry. Image 0 errs at 0.5 and 1 µm, image 1 at 1.5 and 6 µm."""


def test_deepfocus_table_by_offset():
    found = deepfocus_figures(DEEP, 0.5)
    rows = {row.offset_um: (row.mean, row.sigma, row.images) for row in found.by_offset}
    half = (0.5, 0.5, 2)
    assert rows == {0.0: (1, 0, 2), 0.5: half, 1.0: half, 1.5: half, 2.5: (1, 0, 2), 6.0: half}


def test_deepfocus_counts_the_papers_offsets():
    """Of 0, 0.5, 1.5 and 2.5 µm each image gets three right; from 1.5 µm on four of six."""
    found = deepfocus_figures(DEEP, 0.5)
    assert found.accuracy == pytest.approx(6 / 8)
    assert found.by_image == {0: 0.75, 1: 0.75}
    assert found.balanced_accuracy == pytest.approx((3 / 4 + 4 / 6) / 2)
    # sharp .1 .9 .1 .1 against blurry .9 .9 .1 .9: (3·3.5 + 1·1.5) of 16 pairs
    assert found.roc_auc == pytest.approx((3 * 3.5 + 1.5) / 16)


def test_a_score_at_the_threshold_is_in_focus():
    assert deepfocus_figures(tiles([5, 6], [0, 2]), 5.0).accuracy == 1.0


def test_convfocus_draws_as_many_of_each_grade():
    """Grade 0 has one tile, grade 6 a thousand: unbalanced, its mean would drown."""
    grades = np.repeat([0.0, 3.0, 6.0], [1, 10, 1000])
    found = convfocus_figures(tiles(grades * IDEAL_SLOPE, grades), seed=0)
    assert found.slope == pytest.approx(29 / 6)
    assert found.intercept == pytest.approx(0, abs=1e-9)
    assert found.spearman == pytest.approx(1)
    assert [row.tiles for row in found.by_grade] == [1, 10, 1000]
    assert [row.mean for row in found.by_grade] == pytest.approx([0, 14.5, 29])


def test_convfocus_finds_the_line_under_noise_and_the_same_seed_the_same_line():
    rng = np.random.default_rng(0)
    grades = np.repeat(np.arange(0, 6.5, 0.5), 50)
    noisy = tiles(2.0 + 4.0 * grades + rng.normal(0, 1, len(grades)), grades)
    found = convfocus_figures(noisy, seed=1)
    assert found.slope == pytest.approx(4, abs=0.1)
    assert found.intercept == pytest.approx(2, abs=0.4)
    assert found.p < 1e-100
    assert convfocus_figures(noisy, seed=1) == found
    assert convfocus_figures(noisy, seed=2) != found


def test_one_grade_alone_is_refused():
    with pytest.raises(EvaluationError, match="all 3 tiles have the grade 2;"):
        convfocus_figures(tiles([1, 2, 3], [2, 2, 2]), seed=0)


def test_grades_stand_in_for_classes_in_half_points():
    assert grade_of_class(np.array([0, 1, 2, 14, 15, 28, 29])).tolist() == [
        0, 0, 0.5, 3, 3, 6, 6,
    ]  # fmt: skip
    assert len(np.unique(grade_of_class(np.arange(30)))) == 13


def test_the_error_in_classes():
    found = class_figures(tiles([1, 5, np.nan, 9], [0, 5, 7, 12]))
    assert (found.mean_absolute_error, found.tiles) == (pytest.approx(4 / 3), 3)
    assert found.spearman == pytest.approx(1)


def test_a_change_changes_what_it_says_and_leaves_all_else_to_the_same_luck():
    drawn = {
        name: scanners.draw(np.random.default_rng(3))
        for name, scanners in scanners_of_changes(USUAL).items()
    }
    plain = drawn["plain"]
    assert plain == USUAL.draw(np.random.default_rng(3))
    assert drawn["sharpened"] == replace(plain, sharpening=1.0)
    for name, factor in (("colour +30 %", 1.3), ("colour −30 %", 0.7)):
        assert drawn[name].colour.saturation == pytest.approx(factor * plain.colour.saturation)
        assert drawn[name].colour.stain_scale == pytest.approx(
            [factor * each for each in plain.colour.stain_scale]
        )
        assert drawn[name].noise_scale == plain.noise_scale
    dim = drawn["light −30 %"].colour
    assert dim.gain == pytest.approx([0.7 * each for each in plain.colour.gain])
    assert dim.stain_scale == plain.colour.stain_scale


@pytest.mark.parametrize(
    "figures",
    [
        stack_figures(tiles(STACK, STACK, FIELD)),
        focuslitenn_figures(tiles(STACK, STACK, FIELD)),
        deepfocus_figures(DEEP, 0.5),
        convfocus_figures(tiles([1, 1], [0, 1]), 0, 10),
        class_figures(tiles([1, 1], [0, 1])),
        ShiftFigures((ShiftRow("set", "plain", stack_figures(tiles(STACK, STACK, FIELD))),)),
    ],
    ids=lambda figures: type(figures).__name__,
)
def test_figures_are_read_by_people_and_by_programs(figures):
    assert json.loads(json.dumps(figures.to_dict(), allow_nan=False))
    for table in figures.tables():
        head = table.lines()
        assert head[0] == table.title
        assert len(head) == 2 + len(table.rows) + len(table.notes)
        assert json.dumps(table.to_dict(), allow_nan=False)


def test_what_has_no_value_is_a_dash_and_none():
    """Equal scores have no correlation."""
    found = convfocus_figures(tiles([1, 1], [0, 1]), 0, 10)
    assert found.to_dict()["spearman"] is None
    assert any(line.endswith("–") for line in found.tables()[0].lines())
