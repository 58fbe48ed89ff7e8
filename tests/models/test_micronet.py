"""MicroNet's network: what the paper says of it, how far it sees, and what may change it."""

import json
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from napari_focusqc.errors import InferenceError, SettingsError, WeightsError
from napari_focusqc.models.micronet import MAX_WIDTH, TOTAL_STRIDE_PX, WIDTHS, MicroNet

THIN = (2, 3, 4, 5, 5)
BEFORE_PX, AFTER_PX = 122, 107
"""How far proximity looks up and left, and down and right; worked out by hand below."""


def seasoned(network: MicroNet) -> MicroNet:
    """Return a network whose normalisations have seen something, ready to score."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.7, 1.3)
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    return network.eval()


def noise(count: int, height: int, width: int) -> Tensor:
    return torch.randn(count, 3, height, width, dtype=torch.float64)


def sizes(network: MicroNet, image: Tensor) -> list[tuple[int, ...]]:
    """Return channels, height and width that each block gives."""
    found: list[tuple[int, ...]] = []
    hooks = [
        block.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
        for block in network.blocks
    ]
    network(image)
    for hook in hooks:
        hook.remove()
    return found


@pytest.fixture
def thin() -> MicroNet:
    """A thin network in double precision: where it looks does not depend on its widths."""
    torch.manual_seed(0)
    return seasoned(MicroNet(THIN).double())


def test_the_network_has_the_parameters_that_its_layers_need() -> None:
    def three(before: int, after: int) -> int:
        return 9 * before * after + 9 * after * after + 4 * after

    down = [9 * a * b + 2 * b + three(b, b) for a, b in pairwise(WIDTHS)]
    rising = [
        (4 * b * a + 2 * a) + three(2 * a, a) + 2 * a * a + 2 * a for a, b in pairwise(WIDTHS)
    ]
    contexts = [WIDTHS[level] * 16 * 4**level + 2 * 16 for level in (1, 2, 3)]
    output = 9 * 16 * 16 + 2 * 16 + 16 + 1
    count = sum(parameter.numel() for parameter in MicroNet().parameters())
    first = 9 * 3 * 16 + 2 * 16
    assert count == first + sum(down) + sum(rising) + sum(contexts) + output == 1_822_241


def test_every_parameter_belongs_to_one_of_ten_blocks() -> None:
    network = MicroNet(THIN)
    assert len(network.blocks) == 10
    in_blocks = [id(value) for block in network.blocks for value in block.parameters()]
    assert sorted(in_blocks) == sorted(map(id, network.parameters()))


def test_maps_halve_by_the_floor_and_double_back() -> None:
    """Of 75 px come 37, as the paper says, then 18, 9 and 4."""
    assert sizes(MicroNet(THIN).eval(), torch.zeros(1, 3, 75, 200)) == [
        (2, 75, 200),
        (3, 37, 100),
        (4, 18, 50),
        (5, 9, 25),
        (5, 4, 12),
        (5, 9, 25),
        (4, 18, 50),
        (3, 37, 100),
        (2, 75, 200),
        (1, 75, 200),
    ]


def test_batch_norm_comes_after_every_convolution_but_the_last() -> None:
    layers = list(MicroNet(THIN).modules())
    convolutions = [m for m in layers if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    norms = [m for m in layers if isinstance(m, nn.BatchNorm2d)]
    assert [c.out_channels for c in convolutions] == [n.num_features for n in norms] + [1]
    assert [c.bias is None for c in convolutions] == [True] * len(norms) + [False]
    assert {m.alpha for m in layers if isinstance(m, nn.ELU)} == {1.0}


def test_elu_follows_each_norm_and_the_addition(thin: MicroNet) -> None:
    """The first down block, written out from its numbers."""
    numbers = thin.blocks[1].state_dict()

    def normed(name: str, features: Tensor, stride: int) -> Tensor:
        features = F.conv2d(features, numbers[f"{name}.0.weight"], None, stride, 1)
        mean, variance, weight, bias = (
            numbers[f"{name}.1.{of}"].view(-1, 1, 1)
            for of in ("running_mean", "running_var", "weight", "bias")
        )
        return (features - mean) / (variance + 1e-5).sqrt() * weight + bias

    features = torch.randn(1, 2, 12, 10, dtype=torch.float64)
    halved = F.elu(normed("shrink", features, 2))
    mapped = F.elu(normed("residual.mapping.0", halved, 1))
    mapped = F.elu(normed("residual.mapping.2", mapped, 1))
    torch.testing.assert_close(thin.blocks[1](features), F.elu(mapped + halved))


@settings(max_examples=10, deadline=None)
@given(height=st.integers(16, 70), width=st.integers(16, 70), count=st.integers(1, 2))
def test_proximity_is_as_large_as_the_image(height: int, width: int, count: int) -> None:
    with torch.inference_mode():
        proximity = MicroNet(THIN).eval()(torch.zeros(count, 3, height, width))
    assert proximity.shape == (count, height, width)


@pytest.mark.parametrize("shape", [(15, 40), (40, 15)])
def test_an_image_too_small_to_be_halved_four_times_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InferenceError, match=rf"{shape[0]} × {shape[1]} px; MicroNet needs 16 px"):
        MicroNet(THIN)(torch.zeros(1, 3, *shape))


def test_the_last_row_of_an_odd_image_counts(thin: MicroNet) -> None:
    image = noise(1, 33, 33).requires_grad_()
    thin(image)[0, 32, 32].backward()
    assert image.grad is not None and (image.grad[0, :, 32, 32] != 0).all()


def test_a_proximity_does_not_depend_on_the_rest_of_the_batch(thin: MicroNet) -> None:
    images = noise(3, 40, 53)
    with torch.inference_mode():
        alone = torch.cat([thin(image[None]) for image in images])
        torch.testing.assert_close(thin(images), alone, atol=1e-12, rtol=0)


def test_gradients_end_where_the_receptive_field_does(thin: MicroNet) -> None:
    """One px for the input and one for the output; at strides s of 1, 2, 4, 8: down 5 s, up 2 s.

    Up and left another s each: the second of two pixels that a transposed convolution makes comes
    from one that begins a stride before it. Rows and columns of the eight pixels have every phase.
    """
    assert BEFORE_PX == 1 + 1 + 15 * 5 + 15 * 2 + 15
    assert AFTER_PX == 1 + 1 + 15 * 5 + 15 * 2
    image = noise(1, 256, 256).requires_grad_()
    proximity = thin(image)[0]
    before, after = [], []
    for y, x in zip(range(124, 132), range(132, 140), strict=True):
        (gradient,) = torch.autograd.grad(proximity[y, x], image, retain_graph=True)
        for pixel, seen in (
            (y, gradient.abs().amax((0, 1, 3))),
            (x, gradient.abs().amax((0, 1, 2))),
        ):
            places = seen.nonzero().flatten()
            before.append(pixel - int(places[0]))
            after.append(int(places[-1]) - pixel)
    assert (max(before), max(after)) == (BEFORE_PX, AFTER_PX)
    assert MicroNet.receptive_field_px == 2 * max(BEFORE_PX, AFTER_PX) + 1


def test_a_change_farther_away_changes_nothing(thin: MicroNet) -> None:
    image = noise(1, 288, 270)
    y, x, reach = 137, 128, MicroNet.receptive_field_px // 2
    other = noise(1, 288, 270)
    inside = (..., slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1))
    other[inside] = image[inside]
    with torch.inference_mode():
        one, another = thin(image)[0], thin(other)[0]
    assert one[y, x] == another[y, x]
    assert (one != another).float().mean() > 0.9


def test_windows_on_the_grid_of_the_total_stride_agree_away_from_borders(thin: MicroNet) -> None:
    image, side = noise(1, 320, 320), 280
    with torch.inference_mode():
        first = thin(image[..., :side, :side])[0]
        moved = {
            step: thin(image[..., step : step + side, 2 * step : 2 * step + side])[0]
            for step in (TOTAL_STRIDE_PX, TOTAL_STRIDE_PX // 2)
        }
    for step, proximity in moved.items():
        # what both see whole
        rows, columns = (
            slice(step + BEFORE_PX, side - AFTER_PX),
            slice(2 * step + BEFORE_PX, side - AFTER_PX),
        )
        one = first[rows, columns]
        other = proximity[
            BEFORE_PX : side - AFTER_PX - step, BEFORE_PX : side - AFTER_PX - 2 * step
        ]
        assert one.shape == other.shape and min(one.shape) > 0
        assert torch.allclose(one, other, atol=1e-12, rtol=0) == (step == TOTAL_STRIDE_PX)


def test_half_is_dropped_after_the_convolutions_of_the_last_two_down_blocks_only() -> None:
    network = MicroNet(THIN).train()
    rates = [
        {layer.p for layer in block.modules() if isinstance(layer, nn.Dropout)} - {0.0}
        for block in network.blocks
    ]
    assert rates == [set()] * 3 + [{0.5}] * 2 + [set()] * 5
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert not torch.equal(network(images), network(images))
        assert torch.equal(network.eval()(images), network(images))


@pytest.mark.parametrize("count", [0, 2, 9])
def test_frozen_blocks_do_not_learn_and_the_others_do(count: int) -> None:
    torch.manual_seed(0)
    network = MicroNet(THIN)
    network.freeze(count)
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, weight_decay=0.1)
    network(torch.randn(2, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    changed = {
        int(name.split(".")[1])
        for name, value in network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == set(range(count, 10))
    assert [block.training for block in network.blocks] == [False] * count + [True] * (10 - count)


def test_a_thawed_network_learns_as_before() -> None:
    network = MicroNet(THIN).train()
    network.freeze(4)
    network.freeze(0)
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(module.training for module in network.eval().modules())


@pytest.mark.parametrize("count", [-1, 10])
def test_only_some_of_ten_blocks_can_be_frozen(count: int) -> None:
    with pytest.raises(SettingsError, match=r"choose 0 to 9"):
        MicroNet(THIN).freeze(count)


def test_only_a_linear_output_reaches_the_factor_of_training(thin: MicroNet) -> None:
    squashed = MicroNet(THIN, sigmoid=True).double().eval()
    squashed.load_state_dict({**thin.state_dict(), "squashed": torch.zeros(0)})
    images = noise(1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(squashed(images), torch.sigmoid(thin(images)))
        for network in (thin, squashed):
            network.blocks[-1].last[1].bias += 5
        assert thin(images).max() > 4 and squashed(images).max() < 1


@pytest.mark.parametrize("widths", [WIDTHS, THIN, (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_a_state_says_how_its_network_was_built(widths: tuple[int, ...], sigmoid: bool) -> None:
    state = MicroNet(widths, sigmoid=sigmoid).state_dict()
    options = MicroNet.options_of(state)
    assert options == {"widths": list(widths), "sigmoid": sigmoid}
    assert json.loads(json.dumps(options)) == options  # as a card holds them
    MicroNet(**options).load_state_dict(state)


def test_a_state_of_another_network_is_refused() -> None:
    state = MicroNet(THIN).state_dict()
    with pytest.raises(WeightsError, match=r"the weights hold nothing; MicroNet needs ten blocks"):
        MicroNet.options_of({})
    damaged = [
        {name: value for name, value in state.items() if not name.startswith("blocks.3.")},
        {**state, "blocks.4.residual.mapping.0.0.weight": torch.zeros(5, 5, 1, 1)},
        {**state, "blocks.2.shrink.0.weight": torch.tensor(3.0)},
        {**state, "more": torch.zeros(1)},
        # numbers that are not in the file: nothing may be set aside for them
        {**state, "blocks.1.shrink.0.weight": torch.zeros(2**40, 0)},
    ]
    for other in damaged:
        with pytest.raises(WeightsError, match=r"MicroNet needs ten blocks"):
            MicroNet.options_of(other)


@pytest.mark.parametrize("widths", [(), (16, 32), (0, 1, 1, 1, 1), (1, 1, 1, 1, MAX_WIDTH + 1)])
def test_widths_that_make_no_network_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match=r"MicroNet needs 5 of 1 to 1024 channels"):
        MicroNet(widths)
