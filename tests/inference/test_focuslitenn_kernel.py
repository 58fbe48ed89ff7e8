"""The compiled FocusLiteNN gives torch's scores, and reads no byte beyond a tile."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_focusqc.errors import InferenceError
from napari_focusqc.inference.focus import tile_scorer
from napari_focusqc.inference.focuslitenn_kernel import TILE_PX, FocusLiteNNKernel
from napari_focusqc.inference.torch_tiles import TorchTiles
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN

CPU = torch.device("cpu")
RNG = np.random.default_rng(5)
IMAGE = RNG.integers(0, 256, (300, 290, 3), dtype=np.uint8)


def network(kernels: int, seed: int = 0) -> FocusLiteNN:
    torch.manual_seed(seed)
    made = FocusLiteNN(kernels).eval()
    made.absorb_input_scale(1 / 255)
    return made


def by_torch(net: FocusLiteNN, image: NDArray[np.uint8], corners: NDArray[np.intp]):
    with TorchTiles(net, CPU, TILE_PX, 4) as tiles:
        return tiles(image, corners)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([1, 2, 3, 4, 10, 16, 17]),
    st.integers(0, 1000),
    st.lists(
        st.tuples(st.integers(0, 300 - TILE_PX), st.integers(0, 290 - TILE_PX)),
        min_size=1,
        max_size=5,
    ),
)
def test_it_scores_as_torch_does(kernels: int, seed: int, places: list[tuple[int, int]]) -> None:
    net, corners = network(kernels, seed), np.array(places)
    found = FocusLiteNNKernel(net)(IMAGE, corners)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_torch(net, IMAGE, corners), rtol=0, atol=3e-6)


@pytest.mark.parametrize("kernels", [1, 10])
@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_the_zeros_around_a_tile_count_and_its_neighbours_do_not(kernels: int, side: str) -> None:
    """A tile whose least response lies at the border: a frame of light on black."""
    image = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    edge = {"top": np.s_[:4], "bottom": np.s_[-4:], "left": np.s_[:, :4], "right": np.s_[:, -4:]}
    image[edge[side]] = 255
    around = np.full((TILE_PX + 40, TILE_PX + 40, 3), 255, np.uint8)
    around[20:-20, 20:-20] = image
    net = network(kernels, 3)
    alone = FocusLiteNNKernel(net)(image, np.array([[0, 0]]))
    inside = FocusLiteNNKernel(net)(around, np.array([[20, 20]]))
    assert alone == inside
    np.testing.assert_allclose(alone, by_torch(net, image, np.array([[0, 0]])), rtol=0, atol=3e-6)


def test_weights_that_are_not_finite_are_refused() -> None:
    net = network(2)
    with torch.no_grad():
        net.conv.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(InferenceError, match="not finite; try other weights"):
        FocusLiteNNKernel(net)


def test_it_serves_what_it_can_and_torch_the_rest() -> None:
    assert isinstance(tile_scorer(network(10), CPU, TILE_PX, 8), FocusLiteNNKernel)
    both = FocusLiteNN(2, "minmax").eval()
    assert isinstance(tile_scorer(both, CPU, TILE_PX, 8), TorchTiles)
    assert isinstance(tile_scorer(ConvFocus().eval(), CPU, 139, 8), TorchTiles)
