"""Curves are scaled to their highest value, peaks are all told, pictures are written."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.distance_figures import merit_curves, write_stack_plot
from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.tiles.sharpness import FIGURES

NAN = float("nan")


def test_a_curve_is_one_at_its_peak(stack_of: Any) -> None:
    curves = merit_curves(stack_of([[2.0, NAN]]), (0, 0))
    assert list(curves) == list(FIGURES)
    for curve in curves.values():
        assert curve.values == pytest.approx(np.array([164, 184, 196, 200, 196]) / 200)
        assert curve.peaks.tolist() == [3]
    field = merit_curves(stack_of([[2.0, NAN]]))
    assert field["sobel"].values == pytest.approx(curves["sobel"].values)


def test_two_peaks_of_a_tile_are_both_told_and_survive_the_field(stack_of: Any) -> None:
    found = stack_of([[0.0, 0.0, 0.0]])
    merits = found.merits.copy()
    merits[..., 0, 2] = np.array([1, 200, 20, 180, 1])
    double = DistanceMap.of(found.distances_um, merits, found.found, found.grid, found.source)
    assert double.reasons.tolist() == [[0, 0, StackReason.DOUBLE]]
    assert np.isnan(double.merit_um[0, 2])
    assert merit_curves(double, (0, 2))["sobel"].peaks.tolist() == [1, 3]
    assert double.sharpest_plane().tolist() == [[2, 2, 2]]


def test_what_was_not_measured_has_no_curve(stack_of: Any) -> None:
    with pytest.raises(EvaluationError, match="row 0, column 1"):
        merit_curves(stack_of([[2.0, NAN]]), (0, 1))
    with pytest.raises(EvaluationError, match="no tile"):
        merit_curves(stack_of([[NAN]]))


@pytest.mark.parametrize("tile", [None, (0, 0)])
@pytest.mark.parametrize("network", [True, False])
def test_pictures_are_written(
    stack_of: Any, tmp_path: Path, tile: tuple[int, int] | None, network: bool
) -> None:
    found = stack_of([[0.0, 1.0], [NAN, -1.0]])
    if not network:
        source = replace(found.source, pairs=(), no_network="there are no weights for it")
        none = np.empty((0, 2, 2), np.float32)
        found = DistanceMap.of(none, found.merits, found.found, found.grid, source)
    path = write_stack_plot(found, tmp_path / "a.png", tile)
    with Image.open(path) as image:
        assert image.size == (1650, 690)
