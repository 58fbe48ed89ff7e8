"""Colours changed by known amounts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.color import rgb2hed, rgb_from_hed

from napari_focusqc.optics.colour import Colour, adjust, gain_and_gamma, recolour, restain

IMAGES = arrays(np.uint8, (4, 5, 3), elements=st.integers(1, 255))


@given(image=IMAGES)
@settings(max_examples=30, deadline=None)
def test_a_colour_as_it_stands_changes_nothing(image: np.ndarray) -> None:
    same = recolour(image, Colour())
    assert same.dtype == np.float32
    np.testing.assert_allclose(same, image, atol=0.01)


def test_gain_multiplies_and_gamma_bends_between_black_and_white() -> None:
    ramp = np.array([0, 51, 102, 255], np.uint8)[:, None] * np.ones(3)
    bent = gain_and_gamma(ramp, 1, (1, 2, 0.5))
    np.testing.assert_allclose(bent[0], 0)
    np.testing.assert_allclose(bent[3], 255, atol=1e-3)
    np.testing.assert_allclose(bent[1], [51, 255 * 0.2**2, 255 * 0.2**0.5], atol=1e-3)
    np.testing.assert_allclose(
        gain_and_gamma(ramp, (0.5, 1, 1.2), 1), ramp * [0.5, 1, 1.2], rtol=1e-5
    )


@given(hue=st.floats(-4, 4), saturation=st.floats(0, 2), level=st.integers(0, 255))
@settings(max_examples=30, deadline=None)
def test_greys_stay_grey_whatever_the_hue(hue: float, saturation: float, level: int) -> None:
    grey = np.full((3, 3, 3), level, np.uint8)
    np.testing.assert_allclose(adjust(grey, hue, saturation, 1, 0), grey, atol=1e-3)


def test_a_third_of_a_turn_makes_red_green() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype(np.uint8)
    turned = adjust(image, 2 * np.pi / 3, 1, 1, 0)
    np.testing.assert_allclose(turned, np.roll(image, 1, axis=-1), atol=1e-3)


def test_saturation_contrast_and_brightness_are_factors_and_a_sum() -> None:
    image = np.random.default_rng(1).integers(0, 256, (6, 7, 3)).astype(float)
    grey = image.mean(axis=-1, keepdims=True)
    np.testing.assert_allclose(adjust(image, 0, 0.4, 1, 0), grey + 0.4 * (image - grey), atol=1e-3)
    middle = image.mean(axis=(0, 1))
    np.testing.assert_allclose(
        adjust(image, 0, 1, 0.7, 5), middle + 0.7 * (image - middle) + 5, atol=1e-3
    )


def test_many_images_are_each_changed_by_themselves() -> None:
    images = np.random.default_rng(2).integers(1, 256, (3, 8, 9, 3)).astype(np.uint8)
    colour = Colour((1.1, 0.9, 1.2), (0.01, 0, 0), (1, 0.9, 1.1), (1, 1.1, 0.9), 0.3, 1.2, 0.8, 4)
    together = recolour(images, colour)
    for image, changed in zip(images, together, strict=True):
        np.testing.assert_allclose(recolour(image, colour), changed, atol=1e-3)


def test_a_stain_that_is_doubled_is_doubled_alone() -> None:
    amounts = np.array([[0.6, 0.3, 0.1], [0.2, 0.9, 0.2], [1.0, 0.1, 0.4]])
    image = 255 * np.exp(-amounts @ rgb_from_hed)
    doubled = restain(image, (1, 2, 1), 0)
    np.testing.assert_allclose(
        doubled, 255 * np.exp(-(amounts * [1, 2, 1]) @ rgb_from_hed), rtol=1e-4
    )
    shifted = restain(image, 1, (0.1, 0, -0.05))
    np.testing.assert_allclose(
        shifted, 255 * np.exp(-(amounts + np.array([0.1, 0, -0.05])) @ rgb_from_hed), rtol=1e-4
    )


def test_stains_are_those_of_scikit_image() -> None:
    image = 255 * np.exp(-np.array([[[0.6, 0.3, 0.1]]]) @ rgb_from_hed)
    before, after = (rgb2hed(each / 255) for each in (image, restain(image, (1.5, 1, 1), 0)))
    np.testing.assert_allclose(after, before * [1.5, 1, 1], rtol=1e-3)


def test_white_glass_keeps_its_colour_when_stains_get_stronger() -> None:
    np.testing.assert_allclose(restain(np.full((2, 2, 3), 255), (0.5, 2, 3), 0), 255, atol=1e-3)


def test_black_has_a_density_that_can_be_reckoned_with() -> None:
    assert np.isfinite(restain(np.zeros((2, 2, 3)), 2.0, 0.1)).all()
