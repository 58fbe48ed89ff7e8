"""ConvFocus's network: what the paper and TF-slim say of it, and what is folded for speed."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.optics.classes import OOF_CLASSES


@pytest.fixture(params=["3a", "5a"])
def network(request: pytest.FixtureRequest) -> ConvFocus:
    """A network whose batch norms have seen something."""
    torch.manual_seed(0)
    network = ConvFocus(request.param)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.bias, -0.2, 0.2)
    return network.eval()


def test_the_layers_are_slims_with_a_depth_multiplier_of_a_tenth() -> None:
    convolutions = [m for m in ConvFocus("5a").features if isinstance(m, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions] == [
        (3, 16, 3),
        (16, 16, 3),
        (16, 16, 3),
        (16, 16, 1),
        (16, 19, 3),
    ]
    shapes = []
    image = torch.zeros(1, 3, 139, 139)
    for layer in ConvFocus("5a").features:
        image = layer(image)
        shapes.append(tuple(image.shape[1:]))
    assert shapes[0::3][:3] == [(16, 69, 69), (16, 67, 67), (16, 67, 67)]
    assert shapes[9] == (16, 33, 33)  # MaxPool_3a
    assert shapes[-1] == (19, 15, 15)  # MaxPool_5a


def test_the_score_is_the_expected_class(network: ConvFocus) -> None:
    """Until training gives the classes other values, which a state dict holds."""
    images = torch.rand(3, 3, 139, 139)
    with torch.no_grad():
        shares = torch.softmax(network.logits(images), 1).numpy()
        scores = network(images).numpy()
    np.testing.assert_allclose(scores, shares @ np.arange(OOF_CLASSES), rtol=1e-5)
    assert ((scores >= 0) & (scores <= 29)).all()
    network.load_state_dict(network.state_dict() | {"values": torch.arange(30) * 2.0 - 1})
    with torch.no_grad():
        np.testing.assert_allclose(network(images).numpy(), 2 * scores - 1, rtol=1e-5)


def test_grey_levels_score_as_fractions_did_before_the_folding(network: ConvFocus) -> None:
    levels = torch.randint(0, 256, (4, 3, 139, 139)).float()
    with torch.no_grad():
        before = network(levels / 255)
        network.absorb_input_scale(1 / 255)
        after = network(levels)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_a_state_says_where_it_is_cut(network: ConvFocus) -> None:
    assert ConvFocus.options_of(network.state_dict()) == {"cut": network.cut}
    with pytest.raises(WeightsError, match=r"the weights hold nothing; ConvFocus needs"):
        ConvFocus.options_of({})
