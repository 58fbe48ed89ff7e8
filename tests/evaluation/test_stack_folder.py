"""Stacks as folders: which files are planes, and what makes a v."""

from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.stack_folder import find_planes, v_figures
from napari_focusqc.evaluation.stack_protocol import VCurve

PNG = frozenset({".png", ".bmp"})


def folder_of(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).touch()
    return tmp_path


def curve(z, mean) -> VCurve:
    mean = np.asarray(mean, float)
    return VCurve(np.asarray(z, float), mean, mean, mean)


def test_planes_are_the_numbered_images_in_order_of_height(tmp_path: Path):
    names = ("10.png", "-2.BMP", "0.5.png", "nan.png", "field.png", "3.txt")
    found = find_planes(folder_of(tmp_path, *names), PNG)
    assert [(plane.z, plane.path.name) for plane in found] == [
        (-2, "-2.BMP"),
        (0.5, "0.5.png"),
        (10, "10.png"),
    ]


def test_what_is_no_stack_is_refused(tmp_path: Path):
    with pytest.raises(EvaluationError, match="there is no folder"):
        find_planes(tmp_path / "nowhere", PNG)
    with pytest.raises(EvaluationError, match="holds 2 images with a number for a name"):
        find_planes(folder_of(tmp_path, "1.png", "2.png"), PNG)
    with pytest.raises(EvaluationError, match="two images named 1;"):
        find_planes(folder_of(tmp_path, "1.bmp", "3.png"), PNG)


def test_a_v_has_its_sharpest_plane_and_a_correlation_on_each_side():
    found = v_figures(curve([-2, -1, 0, 1, 2, 3], [8, 5, 1, 2, 4, 3]), planes_left_out=1)
    assert (found.sharpest, found.planes, found.planes_left_out) == (0, 6, 1)
    assert found.spearman_below == pytest.approx(1)
    assert found.spearman_above == pytest.approx(0.8)


def test_a_stack_that_only_rises_has_no_side_below():
    found = v_figures(curve([0, 1, 2], [1, 2, 3]))
    assert np.isnan(found.spearman_below)
    assert found.spearman_above == pytest.approx(1)
    assert found.to_dict()["spearman_below"] is None
