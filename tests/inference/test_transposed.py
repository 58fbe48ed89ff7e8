"""Compiled transposed convolutions give torch's results, and leave the rest as it is."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from napari_focusqc.inference.endings import Elu, EluAdded, EluAddedElu, before_elu
from napari_focusqc.inference.transposed import TransposedConvolution


def layers(channels: int, filters: int, stride: int) -> tuple[nn.ConvTranspose2d, nn.BatchNorm2d]:
    norm = nn.BatchNorm2d(filters).eval()
    norm.running_mean.uniform_(-1, 1)
    norm.running_var.uniform_(0.5, 2)
    nn.init.uniform_(norm.weight, -1, 1)
    return nn.ConvTranspose2d(channels, filters, stride, stride, bias=False), norm


def channels_last(*shape: int) -> Tensor:
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


@settings(max_examples=40, deadline=None)
@given(
    channels=st.sampled_from([1, 8, 16]),
    filters=st.sampled_from([8, 16, 24, 32]),
    stride=st.sampled_from([1, 2, 4, 8]),
    height=st.integers(1, 5),
    width=st.integers(1, 15),
    below=st.integers(0, 7),
    right=st.integers(0, 7),
    kind=st.sampled_from([Elu, EluAdded, EluAddedElu]),
)
def test_each_pixel_makes_its_square_as_in_torch(
    channels: int,
    filters: int,
    stride: int,
    height: int,
    width: int,
    below: int,
    right: int,
    kind: type[Elu] | type[EluAdded] | type[EluAddedElu],
) -> None:
    torch.manual_seed(channels + filters)
    convolution, norm = layers(channels, filters, stride)
    features = channels_last(2, channels, height, width)
    tall, wide = stride * height, stride * width
    found = channels_last(2, filters + 8, tall + below % stride, wide + right % stride)
    expected = found.clone()
    with torch.inference_mode():
        square = F.elu(norm(convolution(features)))
        if kind is not Elu:
            square += found[:, :filters, :tall, :wide]
        expected[:, :filters, :tall, :wide] = F.elu(square) if kind is EluAddedElu else square
        compiled = TransposedConvolution(convolution, kind(before_elu(convolution, norm)))
        compiled.into(features, found)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
