"""Figures of focus distances by hand, and conditions that training never draws."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.optics.lens_range import HELD_OUT
from napari_focusqc.progress import finish
from napari_focusqc.training import distance_judging
from napari_focusqc.training.distance_judging import (
    LEARNED_SCANNERS,
    by_distance,
    conditions,
    errors,
    judged,
    learned_kind,
)
from napari_focusqc.training.distance_pairs import Pairs
from napari_focusqc.training.fields import Field

KIND = learned_kind(32, 0.25, 2.0, 4.0)


def pairs(distance_um: list[float], field: list[int]) -> Pairs:
    count = len(distance_um)
    return Pairs(
        np.zeros((count, 2, 32, 32, 3), np.uint8),
        np.array(distance_um, np.float32),
        np.array(field, np.int64),
    )


def test_errors_are_those_of_tiles_medians_and_signs() -> None:
    """Nine tiles at 3 µm, one of them wildly wrong; three at −0.5 µm that make no field."""
    data = pairs([3.0] * 9 + [-0.5] * 3, [4] * 9 + [5] * 3)
    found = np.array([3.5] * 8 + [-20.0] + [0.5] * 3, np.float32)
    assert errors(found, data) == {
        "tile_error_um": pytest.approx((8 * 0.5 + 23 + 3 * 1.0) / 12, abs=1e-5),
        "field_error_um": 0.5,
        "wrong_sign_share": pytest.approx(1 / 9, abs=1e-5),  # those near focus do not count
    }
    near = pairs([0.5] * 3, [0] * 3)
    assert errors(np.zeros(3, np.float32), near) == {"tile_error_um": 0.5}


def test_the_table_has_a_row_for_every_micrometre() -> None:
    data = pairs([1.1, 0.9, -2.0, 1.4], [0] * 4)
    (table,) = by_distance(np.array([1, 2, -3, 3], np.float32), data).values()
    assert table["rows"] == [[-2, -3.0, 1.0, 1], [1, 2.0, pytest.approx(0.933, abs=1e-3), 3]]


def test_nothing_that_is_measured_was_learned() -> None:
    found = conditions(KIND)
    assert next(iter(found)) == ""
    assert found["_jpeg70"].scanners.quality == (70, 70)
    assert found["_jpeg95"] == replace(
        found["_jpeg70"], scanners=replace(found["_jpeg70"].scanners, quality=(95, 95))
    )
    assert found["_thick"].lenses.thickness_um[0][0] > found["_thin"].lenses.thickness_um[0][1]
    assert all(kind.lenses.na == HELD_OUT.na for kind in found.values())
    assert found["_stains"].scanners.hue[0] > LEARNED_SCANNERS.hue[1]


def test_a_prophet_has_no_errors_under_any_condition(
    tissue_image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distance_judging, "SCENES", 2)
    fields = [Field("made", Path("a.png"), tissue_image(130, 130))]
    figures, tables = finish(judged(lambda unseen: unseen.distance_um, fields, KIND, 0))
    assert set(figures) == {
        name + ending
        for name in ("tile_error_um", "field_error_um", "wrong_sign_share")
        for ending in conditions(KIND)
    }
    assert set(figures.values()) == {0.0}
    assert list(tables) == ["Distances of unseen tiles"]
