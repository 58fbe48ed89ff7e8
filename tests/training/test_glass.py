"""Glass covers one side of a crop, and the nuclei there are gone."""

import numpy as np
import pytest

from napari_focusqc.training.glass import lay_glass

DARK = np.full((120, 120, 3), 60, np.float32)
EVERYWHERE = np.stack(np.mgrid[2:118:4, 2:118:4], axis=-1).reshape(-1, 2).astype(np.float32)


@pytest.mark.parametrize("seed", range(8))
def test_nuclei_are_left_on_tissue_and_nowhere_else(seed: int) -> None:
    image, left = lay_glass(DARK, EVERYWHERE, np.random.default_rng(seed))
    bright = image.mean(axis=2) > 140
    at = left.astype(int)
    gone = np.array(sorted(set(map(tuple, EVERYWHERE)) - set(map(tuple, left)))).astype(int)
    assert 0.02 < bright.mean() < 0.75
    assert bright[at[:, 0], at[:, 1]].mean() < 0.05  # the edge itself is soft
    assert bright[gone[:, 0], gone[:, 1]].mean() > 0.9


def test_glass_is_bright_even_and_a_little_noisy() -> None:
    image, _ = lay_glass(DARK, EVERYWHERE, np.random.default_rng(3))
    glass = image[image.mean(axis=2) > image.max() - 15]
    assert 215 < glass.mean() < 258
    assert 0.1 < glass.std(axis=0).max() < 4


def test_beyond_the_edge_a_crop_is_as_it_was() -> None:
    image, _ = lay_glass(DARK, EVERYWHERE, np.random.default_rng(3))
    assert (np.abs(image - DARK) < 0.01).all(axis=2).mean() > 0.3
    assert DARK.max() == 60


def test_nuclei_outside_the_crop_are_judged_by_the_same_edge() -> None:
    """A nucleus in a corner beyond the crop is on glass exactly if its side of the edge is."""
    around = np.array([[-8, 60], [128, 60], [60, -8], [60, 128]], np.float32)
    for seed in range(8):
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        image, left = lay_glass(DARK, around, rngs[0])
        border = np.clip(around, 0, 119).astype(int)
        on_glass = image[border[:, 0], border[:, 1]].mean(axis=1) > 140
        kept = np.isin(
            around.sum(axis=1) * 1000 + around[:, 0], left.sum(axis=1) * 1000 + left[:, 0]
        )
        assert (kept != on_glass).mean() >= 0.75  # one may lie on the edge
