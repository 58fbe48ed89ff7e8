"""Every step of the room refuses what makes no sense."""

import numpy as np
import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.classes import radius_range
from napari_focusqc.optics.compression import jpeg
from napari_focusqc.optics.kernels import bokeh_kernel, gaussian_kernel
from napari_focusqc.optics.noise import poisson_noise


@pytest.mark.parametrize(
    "call",
    [
        lambda: bokeh_kernel(-1),
        lambda: bokeh_kernel(float("nan")),
        lambda: gaussian_kernel(float("inf")),
        lambda: radius_range(30),
        lambda: radius_range(-1),
        lambda: poisson_noise(np.ones(3), -0.1, np.random.default_rng()),
        lambda: jpeg(np.zeros((8, 8, 3), np.uint8), 0),
    ],
)
def test_impossible_sizes_are_refused(call) -> None:
    with pytest.raises(SettingsError):
        call()
