"""Light through one layer and through two, by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_focusqc.optics.kernels import bokeh_kernel
from napari_focusqc.optics.wave import blur_channels
from napari_focusqc.training.sections import Layer, light_through

SHARP = (np.ones((1, 1), np.float32),) * 3
BLURRED = (bokeh_kernel(3.0),) * 3


@pytest.fixture
def field(tissue_image) -> NDArray[np.uint8]:
    return tissue_image(40, 50)


def test_a_layer_as_it_is_is_only_blurred(field: NDArray[np.uint8]) -> None:
    np.testing.assert_array_equal(
        light_through(field, [Layer(BLURRED)]), blur_channels(field, BLURRED)
    )


def test_two_halves_of_a_sharp_section_are_the_section(field: NDArray[np.uint8]) -> None:
    halves = light_through(field, [Layer(SHARP, 0.5), Layer(SHARP, 0.5)])
    np.testing.assert_allclose(halves, field, atol=0.01)


def test_densities_add_up(field: NDArray[np.uint8]) -> None:
    """Of a field that lets half of the light through: 0.5 to the power of 1.5 + 0.5."""
    grey = np.full_like(field, 128)
    light = light_through(grey, [Layer(BLURRED, 1.5), Layer(SHARP, 0.5, turned=True)])
    np.testing.assert_allclose(light, 255 * (128 / 255) ** 2, rtol=1e-4)


def test_what_lies_above_is_other_tissue_of_the_field(field: NDArray[np.uint8]) -> None:
    clear = field.copy()
    clear[:, 25:] = 255
    light = light_through(clear, [Layer(SHARP), Layer(SHARP, turned=True)])
    np.testing.assert_allclose(light[:, :25], field[:, :25], atol=0.01)
    np.testing.assert_allclose(light[:, 25:], field[::-1, ::-1][:, 25:], atol=0.01)
