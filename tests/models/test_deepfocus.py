"""DeepFocus's network: what the paper and its published code say of it."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.deepfocus import DeepFocus


@pytest.fixture(scope="module")
def network() -> DeepFocus:
    """A network whose batch norms have seen something, and which tells tiles apart."""
    torch.manual_seed(0)
    network = DeepFocus()
    for layer in network.norm:
        layer.running_mean.uniform_(0, 0.1)
        layer.running_var.uniform_(0.02, 0.1)
        nn.init.uniform_(layer.weight, 0.7, 1.3)
        nn.init.uniform_(layer.bias, -0.2, 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def tiles() -> torch.Tensor:
    """Four tiles of noise of different strength and brightness, float (4, 3, 64, 64)."""
    torch.manual_seed(1)
    noise = torch.rand(4, 3, 64, 64)
    return noise * torch.tensor([0.1, 0.3, 0.5, 0.9]).view(4, 1, 1, 1) + 0.05


def test_the_network_has_the_parameters_of_the_published_code() -> None:
    convolutions = [75 * 32 + 32, 288 * 32 + 32, 288 * 64 + 64, 576 * 128 + 128, 1152 * 128 + 128]
    connected = [8192 * 128 + 128, 128 * 64 + 64, 64 * 2 + 2]
    norms = 2 * (32 + 32 + 64 + 128 + 128 + 128 + 64)
    count = sum(parameter.numel() for parameter in DeepFocus().parameters())
    assert count == sum(convolutions) + sum(connected) + norms == 1_309_858


def test_maps_shrink_where_the_paper_pools(tiles: torch.Tensor) -> None:
    shapes = []
    network = DeepFocus().eval()
    for norm in network.norm:
        norm.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    network(tiles)
    assert shapes == [
        (32, 64, 64),
        (32, 64, 64),
        (64, 64, 64),
        (128, 32, 32),
        (128, 16, 16),
        (128,),
        (64,),
    ]


def test_the_score_is_the_probability_of_the_second_class(
    network: DeepFocus, tiles: torch.Tensor
) -> None:
    with torch.no_grad():
        logits, scores = network.logits(tiles).numpy(), network(tiles).numpy()
    assert logits.shape == (4, 2) and scores.shape == (4,)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), rtol=1e-5)
    assert np.ptp(scores) > 0.01


def test_a_score_does_not_depend_on_the_rest_of_the_batch(
    network: DeepFocus, tiles: torch.Tensor
) -> None:
    with torch.no_grad():
        together = network(tiles)
        alone = torch.cat([network(tile[None]) for tile in tiles])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_a_constant_added_to_a_tile_changes_nothing(
    network: DeepFocus, tiles: torch.Tensor
) -> None:
    with torch.no_grad():
        torch.testing.assert_close(network(tiles + 0.05), network(tiles), atol=1e-5, rtol=0)
        per_channel = tiles + torch.tensor([0.05, 0, -0.05]).view(1, 3, 1, 1)
        assert (network(per_channel) - network(tiles)).abs().max() > 1e-3


def test_grey_levels_score_as_fractions_did(tiles: torch.Tensor) -> None:
    torch.manual_seed(0)
    network, levels = DeepFocus().eval(), (tiles * 255).round()
    with torch.no_grad():
        before = network(levels / 255)
        network.absorb_input_scale(1 / 255)
        torch.testing.assert_close(network(levels), before, atol=1e-6, rtol=0)


def test_dropout_of_a_fifth_only_while_training(tiles: torch.Tensor) -> None:
    network = DeepFocus()
    assert network.dropout.p == 0.2
    with torch.no_grad():
        assert not torch.equal(network.train()(tiles), network(tiles))
        assert torch.equal(network.eval()(tiles), network(tiles))


def test_a_state_of_another_network_is_refused() -> None:
    state = DeepFocus().state_dict()
    assert DeepFocus.options_of(state) == {}
    with pytest.raises(WeightsError, match=r"hold nothing; DeepFocus needs"):
        DeepFocus.options_of({})
    with pytest.raises(WeightsError, match=r"fc\.0\.weight of shape \(128, 8192\)"):
        DeepFocus.options_of({**state, "fc.0.weight": torch.zeros(128, 4096)})
