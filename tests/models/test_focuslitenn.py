"""The network against its definition, worked out another way."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.focuslitenn import FocusLiteNN


def _images(count: int = 2) -> torch.Tensor:
    return torch.rand((count, 3, 235, 235), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("kernels", "parameters"), [(1, 148), (2, 299), (10, 1491)])
def test_parameters_are_those_of_the_papers_table_1(kernels: int, parameters: int) -> None:
    assert sum(p.numel() for p in FocusLiteNN(kernels).parameters()) == parameters


@pytest.mark.parametrize(("kernels", "parameters"), [(1, 151), (2, 301), (10, 1501)])
def test_equation_2_has_two_weights_per_kernel_and_one_offset(
    kernels: int, parameters: int
) -> None:
    network = FocusLiteNN(kernels, "minmax")
    assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize("pooling", ["min", "minmax"])
@pytest.mark.parametrize("kernels", [1, 2, 10])
def test_scores_equal_the_definition(kernels: int, pooling: str) -> None:
    torch.manual_seed(kernels)
    network = FocusLiteNN(kernels, pooling)
    images = _images()
    with torch.no_grad():
        scores = network(images).numpy()
    assert scores.shape == (2,)
    for image, score in zip(images.double().numpy(), scores, strict=True):
        assert score == pytest.approx(_by_definition(network, image), abs=1e-5)


def _by_definition(network: FocusLiteNN, image: np.ndarray) -> float:
    """Correlate with scipy, take every fifth response, join the extremes by hand."""
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    state = {name: value.double().numpy() for name, value in network.state_dict().items()}
    maps = [
        correlate(padded, kernel, "valid")[0, ::5, ::5] + bias
        for kernel, bias in zip(state["conv.weight"], state["conv.bias"], strict=True)
    ]
    assert maps[0].shape == (47, 47)
    extremes = [m.min() for m in maps]
    if network.pooling == "minmax":
        extremes += [m.max() for m in maps]
    if "fc.weight" not in state:
        return float(extremes[0])
    return float(state["fc.weight"].ravel() @ extremes + state["fc.bias"][0])


def test_one_kernel_with_min_has_the_published_names_and_no_more() -> None:
    assert list(FocusLiteNN(1).state_dict()) == ["conv.weight", "conv.bias"]
    assert list(FocusLiteNN(2).state_dict()) == ["conv.weight", "conv.bias", "fc.weight", "fc.bias"]


@pytest.mark.parametrize("pooling", ["min", "minmax"])
@pytest.mark.parametrize("kernels", [1, 2])
def test_rescale_is_an_affine_map_of_every_score(kernels: int, pooling: str) -> None:
    torch.manual_seed(3)
    network = FocusLiteNN(kernels, pooling)
    images = _images(4)
    with torch.no_grad():
        before = network(images)
        network.rescale(7.5, -2)
        torch.testing.assert_close(network(images), 7.5 * before - 2, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan")])
def test_rescale_keeps_the_sense_of_the_scores(slope: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        FocusLiteNN(2).rescale(slope, 0)


@pytest.mark.parametrize("pooling", ["min", "minmax"])
@pytest.mark.parametrize("kernels", [1, 2, 10])
def test_options_are_read_off_the_shapes(kernels: int, pooling: str) -> None:
    state = FocusLiteNN(kernels, pooling).state_dict()
    assert FocusLiteNN.options_of(state) == {"kernels": kernels, "pooling": pooling}


@pytest.mark.parametrize(
    "shapes",
    [
        {},
        {"conv.weight": (10, 3, 5, 5)},
        {"conv.weight": (10, 1, 7, 7)},
        {"conv.weight": (10, 3, 7, 7)},  # ten minima, and nothing that joins them
        {"conv.weight": (10, 3, 7, 7), "fc.weight": (1, 11, 1, 1)},
        {"conv.weight": (1, 3, 7, 7), "fc.weight": (1, 1, 1, 1)},
    ],
)
def test_other_networks_are_refused(shapes: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(WeightsError):
        FocusLiteNN.options_of({name: torch.zeros(shape) for name, shape in shapes.items()})


def test_an_absorbed_scale_changes_no_score() -> None:
    torch.manual_seed(0)
    for pooling in ("min", "minmax"):
        network = FocusLiteNN(3, pooling)
        levels = torch.randint(0, 256, (2, 3, 235, 235)).float()
        expected = network(levels / 255)
        network.absorb_input_scale(1 / 255)
        torch.testing.assert_close(network(levels), expected, atol=1e-5, rtol=1e-5)
