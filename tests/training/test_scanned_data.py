"""Crops by scanners: classes, reproducibility, and the blur that is asked for."""

from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import TrainingError
from napari_focusqc.optics.classes import radius_range
from napari_focusqc.progress import finish
from napari_focusqc.training import scanned_data
from napari_focusqc.training.fields import Field
from napari_focusqc.training.scanned_data import make_scanned_crops

COUNT = 120


@pytest.fixture(scope="module")
def fields(tissue_image):
    return tuple(Field("made", Path(f"{s}.png"), tissue_image(300, 320, s)) for s in range(2))


@pytest.fixture(scope="module")
def crops(fields):
    return finish(make_scanned_crops(fields, COUNT, 0.25, 139, 7))


def test_every_class_comes_equally_often_with_a_radius_of_its_own(crops):
    assert np.bincount(crops.classes).tolist() == [COUNT // 30] * 30
    for oof_class, radius_um in zip(crops.classes, crops.radius_um, strict=True):
        low, high = radius_range(int(oof_class), 0.25)
        assert low * 0.25 - 1e-6 <= radius_um <= high * 0.25 + 1e-6


def test_crops_do_not_depend_on_the_number_of_threads(fields, crops, monkeypatch):
    monkeypatch.setattr(scanned_data.os, "cpu_count", lambda: 1)
    alone = finish(make_scanned_crops(fields, COUNT, 0.25, 139, 7))
    assert np.array_equal(alone.images, crops.images)
    other = finish(make_scanned_crops(fields, COUNT, 0.25, 139, 8))
    assert not np.array_equal(other.images, crops.images)


def test_detail_goes_with_the_blur(crops):
    steps = np.abs(np.diff(crops.images.astype(float).mean(axis=3), axis=2)).mean(axis=(1, 2))
    sharp, blurred = steps[crops.classes <= 4], steps[crops.classes >= 22]
    assert np.median(sharp) > 2 * np.median(blurred)


def test_a_physical_class_is_the_same_blur_at_another_resolution(fields):
    coarse = finish(make_scanned_crops(fields, 60, 0.5, 139, 7))
    for oof_class, radius_um in zip(coarse.classes, coarse.radius_um, strict=True):
        low, high = radius_range(int(oof_class), 0.25)
        assert low * 0.25 - 1e-6 <= radius_um <= high * 0.25 + 1e-6


def test_no_fields_are_refused():
    with pytest.raises(TrainingError, match="no image is as fine"):
        finish(make_scanned_crops((), 60, 0.25, 139, 0))
