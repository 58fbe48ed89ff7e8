"""Simulated stacks: what they hold, and what they have in common."""

from dataclasses import replace

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.focus_stacks import (
    SCANNERS,
    USUAL,
    Z_UM,
    field_stacks,
    make_stacks,
)
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


def test_scanners_of_one_field_have_their_luck_in_common(tissue_image):
    """Noise, lens and JPEG are the same; what differs is the sharpening."""
    field = tissue_image(140, 150, 0)
    plain = replace(USUAL, sharpening=(0.0, 0.0))
    sharpened = replace(USUAL, sharpening=(1.0, 1.0))
    one, same, other = field_stacks(field, 0.5, TILE_PX, (3, 0), [plain, plain, sharpened])
    assert np.array_equal(one.images, same.images)
    steps = [np.abs(np.diff(each.images.astype(float), axis=2)).mean() for each in (one, other)]
    assert steps[1] > 1.2 * steps[0]
    assert np.abs(one.images.astype(float) - other.images).mean() < 12


def test_a_field_in_a_row_is_the_field_alone(stacks, tissue_image):
    (alone,) = field_stacks(tissue_image(140, 150, 1), 0.5, TILE_PX, (3, 1), [USUAL])
    assert np.array_equal(alone.images, stacks.images[stacks.field == 1])
    assert np.array_equal(alone.z_um, stacks.z_um[stacks.field == 1])


def test_usual_scanners_lie_within_the_widest():
    for name in ("noise_scale", "sharpening", "gain", "gamma", "hue", "saturation", "contrast"):
        usual, widest = (getattr(SCANNERS[each], name) for each in ("usual", "widest"))
        assert widest[0] <= usual[0] < usual[1] <= widest[1]


def test_glass_makes_no_stack():
    with pytest.raises(EvaluationError, match="no tile in 1 fields has structure"):
        finish(make_stacks([np.full((100, 100, 3), 240, np.uint8)], 0.5, TILE_PX, 0))
