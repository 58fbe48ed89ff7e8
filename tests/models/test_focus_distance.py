"""MobileNetV2 with one linear output: published counts, and what its weights may be."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from napari_focusqc.errors import SettingsError, UnknownModelError, WeightsError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.focus_distance import FocusDistance, divisible
from napari_focusqc.models.registry import find_weights, model_card
from napari_focusqc.models.weights import load_focus_distance, load_network, save_weights


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("width", "millions"),
    [(0.35, 1.66), (0.5, 1.95), (0.75, 2.61), (1.0, 3.47), (1.3, 5.34), (1.4, 6.06)],
)
def test_convolutions_and_a_classifier_have_the_published_number_of_parameters(
    width: float, millions: float
) -> None:
    """Sandler et al.'s code lists them without the batch norms, with 1000 classes."""
    network = FocusDistance(width, 32)
    convolutions = [m for m in network.features.modules() if isinstance(m, nn.Conv2d)]
    count = sum(m.weight.numel() for m in convolutions) + 1000 * network.head.in_features + 1000
    assert round(count / 1e6, 2) == millions


def test_the_two_networks_of_the_paper_have_its_parameters() -> None:
    large, small = FocusDistance(1.0, 224), FocusDistance(0.4, 112)
    assert parameters(large.features) == 2_223_872  # 3,504,872 with 1000 classes
    assert large.head.in_features == 7 * 7 * 1280
    assert small.head.in_features == 4 * 4 * 1280
    assert parameters(large) == pytest.approx(2.2e6, rel=0.05)
    assert parameters(small) == 510_209  # the paper: approximately 500,000


@pytest.mark.parametrize(
    ("channels", "rounded"), [(32, 32), (12.8, 16), (9.6, 16), (6.4, 8), (38.4, 40), (11, 16)]
)
def test_channels_are_multiples_of_eight_and_never_a_tenth_fewer(
    channels: float, rounded: int
) -> None:
    assert divisible(channels) == rounded


def test_the_map_halves_five_times_and_each_tile_has_one_distance() -> None:
    network = FocusDistance(0.25, 112).eval()
    sizes: list[int] = []
    for layer in network.features:
        layer.register_forward_hook(lambda _, __, out: sizes.append(out.shape[2]))
    with torch.inference_mode():
        assert network(torch.zeros(3, 3, 112, 112)).shape == (3,)
    assert sorted(set(sizes), reverse=True) == [56, 28, 14, 7, 4]
    assert len(sizes) == 1 + 17 + 1


def test_a_block_widens_convolves_each_channel_narrows_and_adds() -> None:
    torch.manual_seed(0)
    block = FocusDistance(0.25, 32).double().eval().features[3]
    wide, deep, narrow, norm = block.mapping
    features = torch.randn(1, 8, 8, 8, dtype=torch.float64)
    scale = (1 + norm.eps) ** -0.5  # of a batch norm that has seen nothing
    expected = F.relu6(F.conv2d(features, wide[0].weight) * scale)
    assert expected.shape[1] == 6 * 8
    expected = F.relu6(F.conv2d(expected, deep[0].weight, padding=1, groups=48) * scale)
    expected = F.conv2d(expected, narrow.weight) * scale + features
    torch.testing.assert_close(block(features), expected)


@pytest.mark.parametrize(("width", "side"), [(0.0, 112), (2.1, 112), (1.0, 31), (1.0, 1025)])
def test_what_makes_no_network_is_refused(width: float, side: int) -> None:
    with pytest.raises(SettingsError, match="make no network"):
        FocusDistance(width, side)


@pytest.mark.parametrize("difference", [True, False])
@pytest.mark.parametrize(("width", "side", "delta"), [(0.4, 112, 2.0), (1.0, 64, 1.3)])
def test_a_state_says_how_its_network_was_built(
    width: float, side: int, delta: float, difference: bool
) -> None:
    state = FocusDistance(width, side, delta, difference=difference).state_dict()
    options = FocusDistance.options_of(state)
    assert options == {
        "width": width,
        "input_px": side,
        "delta_um": delta,
        "difference": difference,
    }
    assert json.loads(json.dumps(options)) == options  # as a card holds them
    FocusDistance(**options).load_state_dict(state)


def test_a_state_of_another_network_is_refused() -> None:
    state = FocusDistance(0.25, 32).state_dict()
    damaged = [
        {},
        {name: value for name, value in state.items() if name != "facts"},
        {**state, "facts": torch.tensor([0.25, 64, 2, 1])},
        {**state, "facts": torch.tensor([float("nan"), 32, 2, 1])},
        # a network that nobody has memory for
        {**state, "facts": torch.tensor([1e9, 1e9, 2, 1])},
        {**state, "more": torch.zeros(1)},
    ]
    for other in damaged:
        with pytest.raises(WeightsError, match="FocusDistance needs its facts"):
            FocusDistance.options_of(other)


def saved(folder: Path, model: str, *, difference: bool = True) -> Path:
    network = FocusDistance(0.25, 112, difference=difference)
    options = FocusDistance.options_of(network.state_dict())
    return save_weights(network, WeightsCard("mine", model, 0.25, options), folder).path


def test_weights_are_found_by_what_they_find(tmp_path: Path) -> None:
    path = saved(tmp_path, "focus-distance-112")
    weights = find_weights("focus-distance", 0.25, path, finds="distance")
    network = load_focus_distance(weights)
    assert (network.width, network.input_px, network.delta_um) == (0.25, 112, 2.0)
    assert network.difference and not network.training
    with pytest.raises(WeightsError, match="finds distance; give weights that find focus"):
        load_network(weights)
    with pytest.raises(UnknownModelError, match="no focus model 'focus-distance'"):
        find_weights("focus-distance", 0.25, path)


def test_weights_of_one_plane_do_not_pass_for_those_of_two(tmp_path: Path) -> None:
    path = saved(tmp_path, "focus-distance-one-plane", difference=False)
    one = find_weights("focus-distance-one-plane", 0.25, path, finds="distance")
    assert not load_focus_distance(one).difference
    with pytest.raises(WeightsError, match="not of focus-distance-112"):
        find_weights("focus-distance-112", 0.25, path, finds="distance")
    other = saved(tmp_path / "other", "focus-distance-one-plane")
    weights = find_weights("focus-distance-one-plane", 0.25, other, finds="distance")
    with pytest.raises(WeightsError, match="has difference True"):
        load_focus_distance(weights)


def test_every_model_of_distances_has_a_card_with_its_tiles() -> None:
    sides = {name: card.tile_px for name, card in CARDS.items() if card.finds == "distance"}
    assert sides == {
        "focus-distance": 112,
        "focus-distance-112": 112,
        "focus-distance-224": 224,
        "focus-distance-one-plane": 112,
    }
    with pytest.raises(UnknownModelError, match="no model of focus distance 'micronet'"):
        model_card("micronet", "distance")
