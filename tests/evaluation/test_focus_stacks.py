"""Simulated stacks: what they hold, and figures that a person can check by hand."""

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.focus_stacks import Z_UM, StackTiles, make_stacks, stack_figures
from napari_focusqc.progress import finish

TILE_PX = 64


@pytest.fixture(scope="module")
def stacks(tissue_image):
    fields = [tissue_image(140, 150, seed) for seed in range(2)]
    return finish(make_stacks(fields, 0.5, TILE_PX, 3))


def test_every_field_gives_its_whole_tiles_at_every_distance(stacks):
    assert stacks.images.shape == (2 * 4 * len(Z_UM), TILE_PX, TILE_PX, 3)
    for z_um in Z_UM:
        assert np.isclose(stacks.z_um, z_um).sum() == 8
    assert np.bincount(stacks.field).tolist() == [4 * len(Z_UM)] * 2


def test_the_same_seed_gives_the_same_stacks(stacks, tissue_image):
    fields = [tissue_image(140, 150, seed) for seed in range(2)]
    assert np.array_equal(finish(make_stacks(fields, 0.5, TILE_PX, 3)).images, stacks.images)
    assert not np.array_equal(finish(make_stacks(fields, 0.5, TILE_PX, 4)).images, stacks.images)


def test_detail_is_lost_with_distance(stacks):
    steps = np.abs(np.diff(stacks.images.astype(float).mean(axis=3), axis=2)).mean(axis=(1, 2))
    near, far = (np.median(steps[stacks.z_um == z_um]) for z_um in (0.0, 6.0))
    assert near > 2 * far


def test_a_score_that_is_the_distance_is_perfect_and_its_opposite_is_not():
    z_um = np.tile(np.array(Z_UM, np.float32), 4)
    field = np.repeat([0, 1], len(Z_UM) * 2)
    tiles = StackTiles(np.zeros((len(z_um), 1, 1, 3), np.uint8), z_um, field)
    found = stack_figures(z_um.astype(float), tiles)
    assert found == {
        "stack_spearman": 1.0,
        "stack_spearman_worst_field": 1.0,
        "stack_auc_0.5_1.0_um": 1.0,
        "stack_tiles": 52,
        "stack_fields": 2,
    }
    assert stack_figures(-z_um.astype(float), tiles)["stack_auc_0.5_1.0_um"] == 0.0


def test_one_bad_field_is_seen():
    z_um = np.tile(np.array(Z_UM, np.float32), 2)
    field = np.repeat([0, 1], len(Z_UM))
    tiles = StackTiles(np.zeros((len(z_um), 1, 1, 3), np.uint8), z_um, field)
    scores = np.where(field == 0, z_um, -z_um).astype(float)
    assert stack_figures(scores, tiles)["stack_spearman_worst_field"] == -1.0


def test_glass_makes_no_stack():
    with pytest.raises(EvaluationError, match="no tile of 64 px in 1 fields has structure"):
        finish(make_stacks([np.full((100, 100, 3), 240, np.uint8)], 0.5, TILE_PX, 0))
