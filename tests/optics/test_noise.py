"""The noise of counting light against Poisson's law."""

import numpy as np
import pytest

from napari_focusqc.optics.noise import poisson_noise


@pytest.mark.parametrize("scale", [0.05, 0.25, 4.0])
def test_poisson_noise_has_the_mean_and_variance_of_counted_quanta(scale: float) -> None:
    noisy = poisson_noise(np.full(200_000, 120.0), scale, np.random.default_rng(3))
    assert noisy.mean() == pytest.approx(120, abs=5 * np.sqrt(scale * 120 / noisy.size))
    assert noisy.var() == pytest.approx(scale * 120, rel=0.02)
    np.testing.assert_allclose(noisy / scale, np.rint(noisy / scale), atol=1e-3)


def test_poisson_noise_spares_black_and_can_be_none() -> None:
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(poisson_noise(np.array([0, -3.0]), 0.2, rng), [0, 0])
    np.testing.assert_array_equal(poisson_noise(np.array([9.5]), 0, rng), [9.5])
