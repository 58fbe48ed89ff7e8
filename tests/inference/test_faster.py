"""Compiled layers give torch's results; neither the batch nor what else is in it changes a bit."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_focusqc.inference.direct import DirectConvolution, MaxPool
from napari_focusqc.inference.faster import faster
from napari_focusqc.inference.winograd import WinogradConvolution
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.deepfocus import DeepFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN

NETWORKS: dict[str, tuple[Callable[[], nn.Module], int, float]] = {
    "convfocus 3a": (lambda: ConvFocus("3a"), 139, 3e-5),
    "convfocus 5a": (lambda: ConvFocus("5a"), 139, 3e-5),
    "deepfocus": (DeepFocus, 64, 3e-6),
}


def network(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a network whose normalisations have seen something."""
    torch.manual_seed(seed)
    made = make().eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    made.absorb_input_scale(1 / 255)
    return made


def images(count: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    values = np.random.default_rng(seed).standard_normal((count, height, width, channels))
    return torch.from_numpy(values.astype(np.float32)).permute(0, 3, 1, 2)


def after(convolution: nn.Conv2d, relu: bool, normed: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.ReLU()] if relu else []
    if relu and normed:
        norm = nn.BatchNorm2d(convolution.out_channels).eval()
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.weight, -1, 1)
        nn.init.uniform_(norm.bias, -1, 1)
        layers.append(norm)
    return layers


class Layers(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.features(pixels)


def check(layers: Layers, pixels: Tensor, kind: type[nn.Module]) -> None:
    compiled = faster(layers)
    assert [type(layer) for layer in compiled.features] == [kind]
    with torch.inference_mode():
        torch.testing.assert_close(compiled(pixels), layers(pixels), rtol=0, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 3),
    channels=st.sampled_from([8, 16, 32, 40]),
    filters=st.sampled_from([1, 8, 16, 19, 33, 64]),
    height=st.integers(3, 19),
    width=st.integers(3, 19),
    padding=st.integers(0, 1),
    relu=st.booleans(),
    normed=st.booleans(),
)
def test_winograd_convolves_as_torch_does(
    count: int,
    channels: int,
    filters: int,
    height: int,
    width: int,
    padding: int,
    relu: bool,
    normed: bool,
) -> None:
    torch.manual_seed(count + filters)
    layer = nn.Conv2d(channels, filters, 3, padding=padding, bias=normed)
    layers = Layers(layer, *after(layer, relu, normed))
    check(layers, images(count, channels, height, width), WinogradConvolution)


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 3),
    channels=st.sampled_from([1, 3, 16]),
    filters=st.sampled_from([8, 16, 24, 32]),
    side=st.sampled_from([1, 2, 5, 7]),
    step=st.integers(1, 3),
    padding=st.integers(0, 2),
    height=st.integers(7, 20),
    across=st.integers(1, 14),
    normed=st.booleans(),
)
def test_direct_convolves_as_torch_does(
    count: int,
    channels: int,
    filters: int,
    side: int,
    step: int,
    padding: int,
    height: int,
    across: int,
    normed: bool,
) -> None:
    torch.manual_seed(count + side)
    layer = nn.Conv2d(channels, filters, side, step, padding, bias=normed)
    width = max((across - 1) * step + side - 2 * padding, 1)
    layers = Layers(layer, *after(layer, relu=True, normed=normed))
    check(layers, images(count, channels, height, width), DirectConvolution)


@settings(max_examples=15, deadline=None)
@given(
    side=st.sampled_from([1, 3]),
    step=st.integers(1, 2),
    filters=st.sampled_from([8, 16, 24]),
    normed=st.booleans(),
    biased=st.booleans(),
)
def test_an_elu_after_a_normalisation_is_taken_in(
    side: int, step: int, filters: int, normed: bool, biased: bool
) -> None:
    torch.manual_seed(filters)
    layer = nn.Conv2d(8, filters, side, step, side // 2, bias=biased)
    norm = after(layer, relu=True, normed=True)[1:] if normed else []
    kind = WinogradConvolution if (side, step) == (3, 1) else DirectConvolution
    check(Layers(layer, *norm, nn.ELU()), images(2, 8, 13, 21), kind)


def test_an_activation_that_is_not_known_stays() -> None:
    layer = nn.Conv2d(8, 16, 3)
    for activation in (nn.ELU(0.5), nn.LeakyReLU()):
        layers = Layers(layer, *after(layer, relu=True, normed=True)[1:], activation)
        compiled, pixels = faster(layers), images(2, 8, 20, 20)
        assert [type(each) for each in compiled.features] == [WinogradConvolution, type(activation)]
        with torch.inference_mode():
            torch.testing.assert_close(compiled(pixels), layers(pixels), rtol=0, atol=1e-4)


@pytest.mark.parametrize("normed", [False, True])
def test_elu_is_the_exponential_less_one_below_zero(normed: bool) -> None:
    """A convolution that multiplies by one: what it gives is the ELU alone."""
    layer = nn.Conv2d(8, 8, 1, bias=False)
    nn.init.eye_(layer.weight.detach()[..., 0, 0])
    values = torch.cat([torch.linspace(-20, 3, 100_000), -torch.logspace(-12, 38, 5_000)])
    values = values.repeat(8, 1)[None, :, None]
    norm = [nn.BatchNorm2d(8, eps=0).eval()] if normed else []
    found = faster(Layers(layer, *norm, nn.ELU()))(values)[0, 3, 0].double()
    given_values = values[0, 3, 0].double()
    expected = torch.where(given_values < 0, given_values.expm1(), given_values)
    torch.testing.assert_close(found, expected, rtol=0, atol=3e-7)


def test_no_number_stays_no_number() -> None:
    layer = nn.Conv2d(8, 8, 1)
    pixels = images(1, 8, 3, 9)
    pixels[0, 2, 1, 4] = torch.nan
    found = faster(Layers(layer, nn.ELU()))(pixels)
    assert found.isnan().all(1).sum() == found.isnan().any(1).sum() == 1


@settings(max_examples=25, deadline=None)
@given(
    channels=st.sampled_from([1, 3, 7, 8, 16, 19, 33]),
    side=st.integers(2, 3),
    step=st.integers(1, 3),
    height=st.integers(3, 17),
    width=st.integers(3, 17),
)
def test_pooling_finds_torchs_maxima(
    channels: int, side: int, step: int, height: int, width: int
) -> None:
    layers = Layers(nn.MaxPool2d(side, step))
    pixels = images(2, channels, height, width)
    compiled = faster(layers)
    assert isinstance(compiled.features[0], MaxPool)
    assert torch.equal(compiled(pixels), layers(pixels))


def test_what_cannot_be_compiled_is_left_to_torch() -> None:
    layers = [
        nn.Conv2d(8, 8, 3, dilation=2),
        nn.Conv2d(8, 8, 3, groups=2),
        nn.Conv2d(8, 16, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(8, 16, 3, padding="same"),
        nn.Conv2d(8, 16, (3, 5)),
        nn.MaxPool2d(2, padding=1),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.ReLU(),
    ]
    kinds = [type(layer) for layer in faster(Layers(*layers)).features]
    assert kinds == [type(layer) for layer in layers]


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
def test_networks_score_as_they_do_in_torch(name: str, seed: int, count: int) -> None:
    make, tile_px, tolerance = NETWORKS[name]
    plain = network(make, seed)
    before = {key: value.clone() for key, value in plain.state_dict().items()}
    pixels = images(count, 3, tile_px, tile_px, seed) * 50 + 128
    with torch.inference_mode():
        found, expected = faster(plain)(pixels), plain(pixels)
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    assert all(torch.equal(before[key], value) for key, value in plain.state_dict().items())


@pytest.mark.parametrize("name", NETWORKS)
def test_features_of_a_tile_do_not_depend_on_its_batch(name: str) -> None:
    make, tile_px, _ = NETWORKS[name]
    layers = faster(network(make, 1)).features
    pixels = images(5, 3, tile_px, tile_px) * 50 + 128
    together = layers(pixels)
    for index in range(len(pixels)):
        assert torch.equal(layers(pixels[index : index + 1])[0], together[index])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_convolution_and_pooling_is_compiled(name: str) -> None:
    make, _, _ = NETWORKS[name]
    left = {type(layer) for layer in faster(network(make, 0)).features}
    assert left == {DirectConvolution, WinogradConvolution, MaxPool}


def test_a_network_without_layers_in_order_is_left_as_it_is() -> None:
    plain = FocusLiteNN(2).eval()
    assert faster(plain) is plain
