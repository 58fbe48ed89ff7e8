"""The paper's pre-processing by hand and by scipy; distances whatever the batch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from napari_focusqc.errors import InferenceError
from napari_focusqc.inference.distance import differences, distances, median, standardised
from napari_focusqc.models.focus_distance import FocusDistance

CPU = torch.device("cpu")


def tiles(count: int, seed: int, side: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)


def network(**options: bool) -> FocusDistance:
    torch.manual_seed(0)
    return FocusDistance(0.25, 32, **options).eval()


@settings(max_examples=30, deadline=None)
@given(arrays(np.int16, st.tuples(*(st.integers(1, size) for size in (2, 7, 7, 3)))))
def test_the_median_is_that_of_nine_sorted(image: NDArray[np.int16]) -> None:
    found = median(image)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, median_filter(image, (1, 3, 3, 1), mode="nearest"))


def test_a_difference_is_the_papers() -> None:
    first, second = tiles(2, 0), tiles(2, 1)
    smooth = [
        median_filter(each.astype(int), (1, 3, 3, 1), mode="nearest") for each in (first, second)
    ]
    changed = median_filter(smooth[1] - smooth[0], (1, 3, 3, 1), mode="nearest").astype(float)
    mean, spread = changed.mean((1, 2), keepdims=True), changed.std((1, 2), keepdims=True)
    expected = np.moveaxis((changed - mean) / spread, 3, 1)
    found = differences(first, second)
    assert found.shape == (2, 3, 32, 32) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(differences(second, first), -found, atol=1e-5)


def test_one_brighter_half_becomes_plus_and_minus_one() -> None:
    first = np.full((1, 8, 8, 3), 100, np.uint8)
    second = first.copy()
    second[:, :, 4:, 1] += 7
    found = differences(first, second)[0]
    assert (found[[0, 2]] == 0).all()  # nothing differs there
    np.testing.assert_allclose(found[1, :, :4], -1, atol=1e-6)
    np.testing.assert_allclose(found[1, :, 4:], 1, atol=1e-6)


def test_a_single_speck_is_no_difference() -> None:
    first = np.full((1, 8, 8, 3), 100, np.uint8)
    second = first.copy()
    second[0, 4, 4] = 255
    assert (differences(first, second) == 0).all()


def test_light_and_contrast_are_taken_off_each_channel() -> None:
    image = tiles(1, 3).astype(np.float32)
    changed = image * np.float32([0.5, 2.0, 3.0]) + np.float32([10, -4, 0])
    np.testing.assert_allclose(standardised(changed), standardised(image), atol=1e-4)


def test_distances_do_not_depend_on_batch_or_order() -> None:
    first, second, net = tiles(7, 0), tiles(7, 1), network()
    whole = distances(net, first, second, device=CPU)
    assert whole.shape == (7,) and whole.dtype == np.float32
    singly = distances(net, first, second, device=CPU, batch=1)
    turned = distances(net, first[::-1], second[::-1], device=CPU, batch=3)
    np.testing.assert_allclose(singly, whole, atol=1e-5)
    np.testing.assert_allclose(turned[::-1], whole, atol=1e-5)
    assert distances(net, first[:0], second[:0], device=CPU).shape == (0,)


def test_a_network_for_one_plane_looks_at_the_second_alone() -> None:
    first, other, second = tiles(2, 0), tiles(2, 1), tiles(2, 2)
    one, two = network(difference=False), network()
    np.testing.assert_array_equal(
        distances(one, first, second, device=CPU), distances(one, other, second, device=CPU)
    )
    assert (
        distances(two, first, second, device=CPU) != distances(two, other, second, device=CPU)
    ).all()


def test_tiles_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InferenceError, match="a network of 32 px"):
        distances(network(), tiles(1, 0, 40), tiles(1, 0, 40), device=CPU)
    with pytest.raises(InferenceError, match="give the same places of both planes"):
        differences(tiles(1, 0), tiles(2, 0))


def test_distances_that_are_not_finite_are_refused() -> None:
    net = network()
    with torch.no_grad():
        net.head.bias.fill_(float("nan"))
    with pytest.raises(InferenceError, match="not finite"):
        distances(net, tiles(1, 0), tiles(1, 1), device=CPU)
