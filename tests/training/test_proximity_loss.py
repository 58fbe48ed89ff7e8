"""MicroNet's loss by hand, its derivative as the paper gives it, and what it makes a network do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from napari_focusqc.errors import TrainingError
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.training.proximity import TRAINING_FACTOR, proximity_map
from napari_focusqc.training.proximity_loss import combined_loss, image_losses, proximity_loss

TRUTH = torch.tensor([[[0.0, 1.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 2.0]]])
OUTPUT = torch.tensor([[[0.0, 0.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]])


def pair(seed: int, count: int = 3) -> tuple[Tensor, Tensor]:
    """Return an output and a target with nuclei, float64 (count, 5, 7)."""
    torch.manual_seed(seed)
    output = torch.randn(count, 5, 7, dtype=torch.float64)
    return output, torch.rand_like(output).mul(5).sub(3).clamp(min=0)


def test_losses_by_hand() -> None:
    """First: ȳ = 1/2, weights 2.5 and 3.5, two errors of 1, (3.5 + 2.5) / 2 / 4 = 0.75.

    Second: ȳ = 1/2 again; weights 2.5 and 4.5, errors of 2 and 1, (2.5 · 4 + 4.5) / 8 = 1.8125.
    """
    assert image_losses(OUTPUT, TRUTH).tolist() == [0.75, 1.8125]
    assert proximity_loss(OUTPUT, TRUTH).item() == pytest.approx((0.75 + 1.8125) / 2)


def test_without_lambda_only_pixels_in_nuclei_count() -> None:
    assert image_losses(OUTPUT, TRUTH, mean_weight=0.0).tolist() == [1 / 8, 2 / 8]


def test_an_image_without_nuclei_has_no_loss() -> None:
    assert proximity_loss(torch.randn(2, 4, 4), torch.zeros(2, 4, 4)) == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), mean_weight=st.floats(0, 50))
def test_the_derivative_is_that_of_equation_3(seed: int, mean_weight: float) -> None:
    """(y + λ ȳ)(o − y) for a linear output; times o (1 − o) for a sigmoid one, o = σ(a)."""
    output, truth = pair(seed)
    output.requires_grad_()
    weight = truth + mean_weight * truth.mean(dim=(1, 2), keepdim=True)
    (linear,) = torch.autograd.grad(proximity_loss(output, truth, mean_weight=mean_weight), output)
    torch.testing.assert_close(linear, weight * (output - truth) / truth.numel())
    (sigmoid,) = torch.autograd.grad(
        proximity_loss(output.sigmoid(), truth, mean_weight=mean_weight), output
    )
    o = output.sigmoid()
    torch.testing.assert_close(sigmoid, weight * (o - truth) * o * (1 - o) / truth.numel())


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1000),
    wanted=st.lists(st.booleans(), min_size=1, max_size=5),
    gamma=st.floats(0, 20),
)
def test_gamma_weighs_the_target_images(seed: int, wanted: list[bool], gamma: float) -> None:
    output, truth = pair(seed, len(wanted))
    each = image_losses(output, truth).tolist()
    expected = sum(gamma * loss if it else loss for loss, it in zip(each, wanted, strict=True))
    found = combined_loss(output, truth, torch.tensor(wanted), gamma=gamma)
    assert found.item() == pytest.approx(expected / len(wanted))


def test_a_gamma_of_one_is_naive_pooling() -> None:
    output, truth = pair(0)
    found = combined_loss(output, truth, torch.tensor([True, False, True]), gamma=1, mean_weight=2)
    assert found == proximity_loss(output, truth, mean_weight=2)


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (4, 4), (1, 4, 4)])
def test_shapes_that_would_be_stretched_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(TrainingError, match=r"both must be \(images, height, width\)"):
        proximity_loss(torch.zeros(shape), torch.zeros(2, 4, 4))


def spotted(rng: np.random.Generator) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """Return an image float (3, 32, 32) with one dark spot in noise, its target and its centre."""
    y, x = (int(at) for at in rng.integers(6, 26, 2))
    rows, columns = np.ogrid[:32, :32]
    spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * 3**2))
    image = rng.normal(0, 0.3, (3, 32, 32)) - 2 * spot
    image -= image.mean(axis=(1, 2), keepdims=True)
    image /= image.std(axis=(1, 2), keepdims=True)
    target = TRAINING_FACTOR * proximity_map(np.array([[y, x]]), (32, 32))
    return torch.from_numpy(image).float(), torch.from_numpy(target), (y, x)


def test_a_thin_network_soon_finds_spots_it_never_saw() -> None:
    """By the paper's optimiser, in 20 steps of four images."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = MicroNet((8, 8, 8, 8, 8)).train()
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-6
    )
    for _ in range(20):
        images, targets, _ = zip(*(spotted(rng) for _ in range(4)), strict=True)
        optimizer.zero_grad()
        proximity_loss(network(torch.stack(images)), torch.stack(targets)).backward()
        optimizer.step()
    network.eval()
    apart = []
    for _ in range(10):
        image, _, centre = spotted(rng)
        with torch.no_grad():
            proximity = network(image[None])[0].numpy()
        found = np.unravel_index(proximity.argmax(), proximity.shape)
        apart.append(np.hypot(*np.subtract(found, centre)))
    assert np.median(apart) < 3
