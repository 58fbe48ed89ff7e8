"""Figures of found nuclei by hand: pooled, by image, over all thresholds, and the errors."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.judged_nuclei import (
    Cut,
    JudgedImage,
    average_precision,
    curve,
    errors_of,
)
from napari_focusqc.evaluation.nucleus_errors import write_error_csv
from napari_focusqc.evaluation.nucleus_figures import curve_table, write_precision_recall
from napari_focusqc.evaluation.nucleus_matching import match
from napari_focusqc.evaluation.nucleus_metrics import DetectionCurve, DetectionScore, pool
from napari_focusqc.evaluation.nucleus_report import report, together
from napari_focusqc.evaluation.nucleus_sheet import JudgedPicture, worst, write_error_sheet


def image(mpp: float = 0.25, name: str = "a", data_set: str = "set") -> JudgedImage:
    """Three true nuclei at 40x: found 3 px away, 10 px away, and missed; two found amiss."""
    scale = 0.25 / mpp
    found = np.array([(10.0, 13.0), (50.0, 60.0), (200.0, 200.0), (90.0, 10.0)])
    true = np.array([(10.0, 10.0), (50.0, 50.0), (90.0, 90.0)])
    peaks = np.array([0.9, 0.5, 0.8, 0.1], np.float32)
    return JudgedImage(data_set, name, mpp, found * scale, peaks, true * scale)


def test_figures_by_hand_at_every_radius() -> None:
    found = report([image()], [Cut(0.4)])
    narrow, *_, wide = found.scores[0]
    assert (narrow.pooled.tp, narrow.pooled.fp, narrow.pooled.fn) == (1, 2, 2)
    assert (wide.pooled.tp, wide.pooled.fp, wide.pooled.fn) == (2, 1, 1)
    assert found.to_dict()["threshold"]["16px"] == {
        "precision": 0.6667,
        "recall": 0.6667,
        "f1": 0.6667,
        "distance_px_40x": 6.5,
        "distance_um": 1.625,
        "tp": 2,
        "fp": 1,
        "fn": 1,
    }


@pytest.mark.parametrize("mpp", [0.5, 0.2])
def test_figures_do_not_depend_on_the_resolution_of_the_points(mpp: float) -> None:
    known, other = (report([image(each)], [Cut(0.4)]) for each in (0.25, mpp))
    assert other.to_dict() == known.to_dict()


def test_xi_is_a_part_of_each_images_highest_peak() -> None:
    peaks = image().peaks
    assert Cut(0.6, relative=True).keeps(peaks).tolist() == [True, False, True, False]
    assert Cut(0.5, relative=True).keeps(peaks).tolist() == [True, True, True, False]
    assert Cut(0.5, relative=True).keeps(np.empty(0)).tolist() == []


def test_average_precision_by_hand() -> None:
    """From the surest peak down: found, amiss, found, amiss; three nuclei are there."""
    counts = curve([image()], 16, sorted(set(image().peaks.tolist())))
    assert average_precision(counts) == pytest.approx((1 / 1 + 2 / 3) / 3)
    assert report([image()], [Cut(0.4)]).average_precision[-1] == pytest.approx(5 / 9)


def test_average_precision_is_1_where_all_are_found_and_nothing_else() -> None:
    falling = np.array([2, 1])
    assert average_precision(DetectionCurve(np.array([0.5, 0.9]), falling, falling, 2)) == 1


def test_average_precision_of_no_nuclei_has_no_value() -> None:
    none = np.array([0])
    assert math.isnan(average_precision(DetectionCurve(np.array([0.5]), none, none + 1, 0)))


def test_scores_pool_as_their_pairs_do() -> None:
    rng = np.random.default_rng(0)
    pairs = [match(rng.uniform(0, 99, (n, 2)), rng.uniform(0, 99, (20, 2)), 9) for n in (0, 9, 30)]
    added, pooled = together([pool([each]) for each in pairs]), pool(pairs)
    assert (added.tp, added.fp, added.fn) == (pooled.tp, pooled.fp, pooled.fn)
    assert added.distance_px == pytest.approx(pooled.distance_px)
    assert math.isnan(together([DetectionScore(0, 1, 2, math.nan)]).distance_px)


def test_data_sets_have_rows_of_their_own_where_there_are_several() -> None:
    one = report([image(), image(name="b")], [Cut(0.4)]).tables()[0]
    assert [row[0] for row in one.rows] == ["all"] * 3
    two = report([image(), image(name="b", data_set="other")], [Cut(0.4)])
    names = [row[0] for row in two.tables()[0].rows]
    assert names == ["all"] * 3 + ["set"] * 3 + ["other"] * 3
    assert len(two.image_table().rows) == 6


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(EvaluationError, match="0 images and 1 thresholds"):
        report([], [Cut(0.4)])


# --- Errors -----------------------------------------------------------------------------------


def test_errors_are_what_the_matching_left_over() -> None:
    """The nucleus 10 px away counts at 12 px; false positives come first, by peak."""
    errors = errors_of(image(), Cut(0.05), 12)
    assert [errors.kind(n) for n in range(3)] == ["false positive"] * 2 + ["false negative"]
    np.testing.assert_allclose(errors.centres, [(200, 200), (90, 10), (90, 90)])
    np.testing.assert_allclose(errors.peaks, [0.8, 0.1, np.nan], rtol=1e-6)
    away = [math.hypot(110, 110), math.hypot(40, 40), math.hypot(40, 30)]
    np.testing.assert_allclose(errors.nearest, away)
    assert errors.index.tolist() == [2, 3, 2]
    assert errors.words(2) == ("false negative", "–", "50.0", "90.0", "90.0")


def test_without_true_nuclei_every_found_one_is_an_error_far_from_all() -> None:
    known = image()
    nothing = JudgedImage("s", "n", 0.25, known.centres, known.peaks, np.empty((0, 2)))
    errors = errors_of(nothing, Cut(0), 16)
    assert (errors.found.all(), len(errors), np.isinf(errors.nearest).all()) == (True, 4, True)


def test_errors_are_written_in_px_of_their_image(tmp_path: Path) -> None:
    path = write_error_csv(tmp_path / "e.csv", [("s", "a")], [errors_of(image(0.5), Cut(0.4), 16)])
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [row["kind"] for row in rows] == ["false positive", "false negative"]
    assert (rows[0]["y_px"], rows[0]["peak"], rows[1]["peak"]) == ("100", "0.8", "")
    assert float(rows[1]["nearest_px"]) == pytest.approx(25)


def test_half_of_the_worst_are_missed_ones_where_there_are_enough() -> None:
    errors = [errors_of(image(), Cut(0.05), 6)] * 2  # three found amiss, two missed, in each
    chosen = [errors[at].found[number] for at, number in worst(errors, 4)]
    assert chosen == [True, True, False, False]
    many = [errors[at].found[number] for at, number in worst(errors, 9)]
    assert (many.count(True), many.count(False)) == (5, 4)
    assert len(worst(errors, 99)) == 10


def test_the_worst_are_drawn(tmp_path: Path) -> None:
    pixels = np.full((250, 250, 3), 200, np.uint8)
    errors = errors_of(image(), Cut(0.05), 6)
    picture = JudgedPicture("a", pixels, 0.25, image().true, errors)
    assert write_error_sheet(tmp_path / "e.png", [picture], 5).stat().st_size > 1000
    with pytest.raises(EvaluationError, match="no error to draw"):
        write_error_sheet(tmp_path / "e.png", [], 5)


# --- Curves -----------------------------------------------------------------------------------


def test_a_curve_is_drawn_and_listed(tmp_path: Path) -> None:
    counts = {"16 px": curve([image()], 16, (0.05, 0.4, 0.85, 0.95))}
    assert write_precision_recall(tmp_path / "c.png", counts).stat().st_size > 1000
    rows = curve_table(counts).rows
    listed = [row[1:5] for row in rows]
    assert listed == [(0.05, 2, 4, 3), (0.4, 2, 3, 3), (0.85, 1, 1, 3), (0.95, 0, 0, 3)]
    assert math.isnan(float(rows[-1][5]))
    with pytest.raises(EvaluationError, match="no curve to draw"):
        write_precision_recall(tmp_path / "c.png", {})
