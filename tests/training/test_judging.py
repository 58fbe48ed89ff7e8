"""Judging a network whose scores we know: the truth, and what is left out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from napari_focusqc.progress import finish
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.fields import Field, TrainingFields
from napari_focusqc.training.judging import (
    FITTED_MEANING,
    Judge,
    class_table,
    judged_scores,
)


class Smoothness(nn.Module):
    """Scores a tile by how small its steps over 1 µm are beside its contrast; untrained."""

    def forward(self, images: Tensor) -> Tensor:
        grey = nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4, 1)[:, 0]
        steps = (grey[:, 4:] - grey[:, :-4]).pow(2).mean(dim=(1, 2))
        return 15 - 3 * ((steps + 1e-9) / (grey.var(dim=(1, 2)) + 1e-6)).log()


@pytest.fixture(scope="module")
def sharp(tissue_image) -> TrainingFields:
    fields = [Field("made", Path(f"{seed}.png"), tissue_image(150, 150, seed)) for seed in range(4)]
    return TrainingFields(tuple(fields[:2]), tuple(fields[2:]), ())


@pytest.fixture(scope="module")
def settings() -> TrainSettings:
    return TrainSettings(Path("data"), Path("out"), crops=900)


@pytest.fixture(scope="module")
def facts(sharp: TrainingFields, settings: TrainSettings) -> dict[str, Any]:
    return finish(Judge(Smoothness(), sharp, settings, 64).facts())


def test_scores_that_follow_the_blur_are_found_to(facts: dict[str, Any]) -> None:
    figures = facts["figures"]
    assert figures["tile_spearman"] > 0.5
    assert figures["roc_auc"] > 0.8
    assert figures["bokeh_tile_spearman"] > 0.7  # one kind of blur, and no scanner that sharpens
    assert figures["stack_spearman"] > 0.8
    assert figures["stack_auc_0.5_1.0_um"] > 0.8
    assert figures["stack_tiles"] == 2 * 13 * 4
    assert figures["tiles"] == 90  # a tenth of the crops


def test_the_scale_in_micrometres_rises_and_covers_the_threshold(facts: dict[str, Any]) -> None:
    calibration = facts["calibration"]
    assert (np.diff(calibration.radius_um) >= 0).all()
    at_threshold = float(calibration.radius_um_of(np.array([facts["threshold"]]))[0])
    assert 0.2 < at_threshold < 2.0
    assert facts["threshold_meaning"] == FITTED_MEANING


def test_tiles_with_too_little_structure_get_no_score(tissue_image) -> None:
    flat = np.full((64, 64, 3), 200, np.uint8)
    tiles = np.stack([tissue_image(64, 64), flat])
    network = Smoothness()
    assert np.isnan(judged_scores(network, tiles, 0.25, 1.0)).tolist() == [False, True]
    for least in (None, 0.0):
        assert not np.isnan(judged_scores(network, tiles, 0.25, least)).any()


def test_the_table_has_a_row_for_each_class_by_hand() -> None:
    classes = np.arange(60) % 30
    scores = classes + np.where(np.arange(60) < 30, -1.0, 1.0)
    table = class_table(scores, classes, threshold=5.0)
    assert [row[0] for row in table.rows] == list(range(30))
    assert table.rows[5] == (5, 0.54, 0.6, 2, 5.0, 1.0, 0.5)
    assert table.rows[0][1:3] == (0.0, 0.0)
    assert table.rows[29][-1] == 1.0
