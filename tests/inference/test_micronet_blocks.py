"""MicroNet's compiled blocks give torch's proximity, whatever the batch, the part or the thread."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from napari_focusqc.inference.direct import DirectConvolution
from napari_focusqc.inference.faster import faster
from napari_focusqc.inference.winograd import WinogradConvolution
from napari_focusqc.models.micronet import WIDTHS, MicroNet

THIN = (8, 8, 16, 24, 8)


def seasoned(widths: Sequence[int]) -> MicroNet:
    """Return a network whose normalisations have seen something, ready to score."""
    torch.manual_seed(0)
    network = MicroNet(widths)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.7, 1.3)
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    return network.eval()


def noise(count: int, height: int, width: int) -> Tensor:
    return torch.randn(count, 3, height, width)


@pytest.mark.parametrize("widths", [WIDTHS, THIN])
@settings(max_examples=6, deadline=None)
@given(height=st.integers(16, 130), width=st.integers(16, 130), count=st.integers(1, 2))
def test_proximity_is_torchs(widths: tuple[int, ...], height: int, width: int, count: int) -> None:
    plain = seasoned(widths)
    pixels = noise(count, height, width)
    with torch.inference_mode():
        expected = plain(pixels)
        torch.testing.assert_close(faster(plain)(pixels), expected, rtol=0, atol=3e-5)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), height=st.integers(16, 150), width=st.integers(16, 150))
def test_proximity_of_a_part_is_that_of_the_whole(
    data: st.DataObject, height: int, width: int
) -> None:
    ends = [
        sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        for size in (height, width)
    ]
    part = (slice(*ends[0]), slice(*ends[1]))
    compiled, pixels = faster(seasoned(THIN)), noise(1, height, width)
    with torch.inference_mode():
        whole = compiled(pixels)[(..., *part)]
        # Winograd's windows lie otherwise on a cut map
        torch.testing.assert_close(compiled(pixels, part), whole, rtol=0, atol=3e-5)


def test_every_convolution_is_compiled_but_the_last() -> None:
    compiled = faster(seasoned(WIDTHS))
    kinds = [type(each) for each in compiled.modules()]
    assert kinds.count(WinogradConvolution) == 17
    assert kinds.count(DirectConvolution) == 9
    assert kinds.count(nn.Conv2d) == 1
    assert not {nn.ConvTranspose2d, nn.ELU, nn.BatchNorm2d} & {*kinds}


def test_other_widths_are_compiled_as_far_as_may_be() -> None:
    plain, pixels = seasoned((12, 24, 32, 32, 8)), noise(1, 50, 41)
    compiled = faster(plain)
    assert WinogradConvolution in [type(each) for each in compiled.modules()]
    with torch.inference_mode():
        torch.testing.assert_close(compiled(pixels), plain(pixels), rtol=0, atol=3e-5)


def test_the_network_itself_stays_as_it_was() -> None:
    plain = seasoned(THIN)
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    pixels = noise(1, 32, 48)
    kept = pixels.clone()
    with torch.inference_mode():
        expected = plain(pixels)
        faster(plain)(pixels)
        assert torch.equal(plain(pixels), expected)
    assert torch.equal(pixels, kept)
    assert all(torch.equal(before[name], value) for name, value in plain.state_dict().items())


def test_neither_batch_nor_thread_changes_a_bit() -> None:
    compiled, images = faster(seasoned(THIN)), noise(4, 61, 83)
    alone = [compiled(image[None])[0] for image in images]
    assert torch.equal(compiled(images), torch.stack(alone))
    with ThreadPoolExecutor(4) as pool:
        threads = list(pool.map(lambda image: compiled(image[None])[0], [*images, *images]))
    assert all(torch.equal(one, other) for one, other in zip(threads, alone * 2, strict=True))


def test_a_squashed_output_is_squashed_when_compiled() -> None:
    plain = MicroNet(THIN, sigmoid=True).eval()
    pixels = noise(1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(faster(plain)(pixels), plain(pixels), rtol=0, atol=3e-5)
