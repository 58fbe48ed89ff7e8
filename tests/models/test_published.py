"""DeepFocus's TensorFlow variables, read and scored as TensorFlow would, or refused."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.deepfocus import DeepFocus
from napari_focusqc.models.published import VARIABLES, deepfocus_state
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network

Variables = dict[str, NDArray[np.float32]]

KERNELS = [(5, 5, 3, 32), (3, 3, 32, 32), (3, 3, 32, 64), (3, 3, 64, 128), (3, 3, 128, 128)]
CONNECTED = [(8192, 128), (128, 64), (64, 2)]


def numbered(layer: str, index: int) -> str:
    return layer if index == 0 else f"{layer}_{index}"


@pytest.fixture(scope="module")
def variables() -> Variables:
    """Draw the variables of a checkpoint, as the authors' TFLearn code names and shapes them."""
    rng = np.random.default_rng(0)
    found = {}
    for layer, shapes in (("Conv2D", KERNELS), ("FullyConnected", CONNECTED)):
        for index, shape in enumerate(shapes):
            name = numbered(layer, index)
            found[f"{name}/W"] = rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
            found[f"{name}/b"] = rng.normal(0, 0.1, shape[-1])
    for index, shape in enumerate(KERNELS + CONNECTED[:-1]):
        name = numbered("BatchNormalization", index)
        found[f"{name}/beta"] = rng.normal(0, 0.2, shape[-1])
        found[f"{name}/gamma"] = rng.normal(1, 0.2, shape[-1])
        found[f"{name}/moving_mean"] = rng.uniform(0, 0.5, shape[-1])
        found[f"{name}/moving_variance"] = rng.uniform(0.2, 1, shape[-1])
    return {name: value.astype(np.float32) for name, value in found.items()}


def tensorflows_scores(variables: Variables, tiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Score tiles (B, 64, 64, 3) in [0, 1] with plain numpy, axes in TensorFlow's order."""

    def conv(maps, kernel):
        side = kernel.shape[0] // 2
        padded = np.pad(maps, ((0, 0), (side, side), (side, side), (0, 0)))
        windows = sliding_window_view(padded, kernel.shape[:2], axis=(1, 2))
        return np.einsum("bhwcij,ijco->bhwo", windows, kernel, optimize=True)

    def norm(values, index):
        name = numbered("BatchNormalization", index)
        mean, variance = variables[f"{name}/moving_mean"], variables[f"{name}/moving_variance"]
        scaled = (values - mean) / np.sqrt(variance + 1e-5)
        return scaled * variables[f"{name}/gamma"] + variables[f"{name}/beta"]

    values = tiles - tiles.mean(axis=(1, 2, 3), keepdims=True)
    for index in range(5):
        name = numbered("Conv2D", index)
        values = conv(values, variables[f"{name}/W"]) + variables[f"{name}/b"]
        values = norm(np.maximum(values, 0), index)
        if index > 1:
            batch, height, width, channels = values.shape
            values = values.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4))
    values = values.reshape(len(tiles), -1)
    for index in range(2):
        name = numbered("FullyConnected", index)
        values = np.maximum(values @ variables[f"{name}/W"] + variables[f"{name}/b"], 0)
        values = norm(values, 5 + index)
    values = values @ variables["FullyConnected_2/W"] + variables["FullyConnected_2/b"]
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    return shares[:, 1] / shares.sum(axis=1)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return `write(variables)`, which saves them as the recipe of the documentation does."""

    def save(variables: Variables) -> Path:
        path = tmp_path / "ver5.npz"
        np.savez(path, **variables)
        return path

    return save


def content_of(variables: Variables) -> bytes:
    file = io.BytesIO()
    np.savez(file, **variables)
    return file.getvalue()


def test_published_variables_score_as_tensorflow_would(variables: Variables, write) -> None:
    tiles = np.random.default_rng(1).uniform(0, 1, (6, 64, 64, 3)) * np.linspace(0.2, 1, 6).reshape(
        6, 1, 1, 1
    )
    weights = find_weights("deepfocus", 0.2461, write(variables))
    with torch.no_grad():
        scores = load_network(weights)(torch.from_numpy(tiles).float().permute(0, 3, 1, 2)).numpy()
    expected = tensorflows_scores(variables, tiles)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_published_file_gets_the_authors_resolution_and_threshold(
    variables: Variables, write
) -> None:
    card = find_weights("deepfocus", 0.25, write(variables)).card
    assert (card.name, card.model, card.mpp, card.threshold) == ("ver5", "deepfocus", 0.25, 0.5)
    assert "authors" in card.licence and "authors" in card.note
    assert "Prosperity" not in card.note


def test_every_variable_has_its_place_in_the_network() -> None:
    state = DeepFocus().state_dict()
    ours = {name for name, _ in VARIABLES.values()}
    assert len(VARIABLES) == 44
    assert ours == {name for name in state if not name.endswith("num_batches_tracked")}


@pytest.mark.parametrize("kind", ["<f8", ">f4", "fortran", ":0"])
def test_other_ways_to_write_the_same_numbers_are_read_alike(
    variables: Variables, kind: str
) -> None:
    if kind == ":0":
        other = {f"{name}:0": value for name, value in variables.items()}
    elif kind == "fortran":
        other = {name: np.asfortranarray(value) for name, value in variables.items()}
    else:
        other = {name: value.astype(kind) for name, value in variables.items()}
    expected, found = (deepfocus_state(content_of(v), "a.npz") for v in (variables, other))
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == np.float32


def test_what_training_kept_beside_the_network_is_passed_over(variables: Variables) -> None:
    kept = {
        "Global_Step": np.float32(7),
        "is_training": np.array(False),
        "DataPreprocessing/mean_r": np.array(False),
        "Training_step": np.float32(7),
        "Conv2D/W/Momentum": variables["Conv2D/W"],
        "FullyConnected/b/Adam_1": variables["FullyConnected/b"],
        "Crossentropy/Mean/moving_avg": np.float32(0.1),
        "notes": np.array([{"never": "unpickled"}], object),
    }
    state = deepfocus_state(content_of(variables | kept), "a.npz")
    assert len(state) == 44


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Conv2D_4/W": None}, "lacks 1 of DeepFocus's 44 variables, Conv2D_4/W"),
        ({"Conv2D_5/W": np.zeros((3, 3, 128, 128), "f4")}, "also holds Conv2D_5/W"),
        ({"Conv2D/W:0": np.zeros((5, 5, 3, 32), "f4")}, "holds Conv2D/W twice"),
        ({"Conv2D/W": np.zeros((32, 3, 5, 5), "f4")}, r"Conv2D/W of shape \(32, 3, 5, 5\)"),
        ({"Conv2D/b": np.zeros(32, np.int64)}, r"Conv2D/b of shape \(32,\) and type int64"),
        ({"Conv2D/b": np.array([{}] * 32)}, "Conv2D/b of shape .* and type object"),
    ],
)
def test_another_network_is_refused(
    variables: Variables, write, change: dict[str, NDArray[np.float32] | None], sentence: str
) -> None:
    other = {n: v for n, v in (variables | change).items() if v is not None}
    with pytest.raises(WeightsError, match=sentence):
        find_weights("deepfocus", 0.25, write(other))


def test_numbers_no_float32_holds_are_refused(variables: Variables, write) -> None:
    huge = {"Conv2D/b": np.full(32, 1e300)}
    with pytest.raises(WeightsError, match="not finite"):
        load_network(find_weights("deepfocus", 0.25, write(variables | huge)))


@pytest.mark.parametrize("keep", [0, 1, 100, 100_000])
def test_a_cut_file_is_refused(variables: Variables, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "cut.npz"
    path.write_bytes(content_of(variables)[:keep])
    with pytest.raises(WeightsError, match=r"cut\.npz is damaged"):
        find_weights("deepfocus", 0.25, path)


def test_a_changed_bit_is_found(variables: Variables) -> None:
    content = bytearray(content_of(variables))
    content[content.index(variables["Conv2D/W"].tobytes()) + 5] ^= 1
    with pytest.raises(WeightsError, match=r"a\.npz is damaged .*BadZipFile"):
        deepfocus_state(bytes(content), "a.npz")


def _with_member(variables: Variables, name: str, content: bytes) -> bytes:
    """Save variables, one of them replaced by bytes of our own, compressed."""
    file = io.BytesIO()
    np.savez(file, **{n: v for n, v in variables.items() if n != name})
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def _header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def test_a_zip_bomb_is_not_unpacked(variables: Variables) -> None:
    bomb = _with_member(variables, "Conv2D/b", _header((32,)) + bytes(50 * 2**20))
    assert len(bomb) < 6 * 2**20
    with pytest.raises(WeightsError, match=r"would unpack Conv2D/b to 50\.0 MiB"):
        deepfocus_state(bomb, "a.npz")


def test_a_header_that_promises_terabytes_allocates_nothing(variables: Variables) -> None:
    content = _with_member(variables, "Conv2D/b", _header((10**13,)) + bytes(128))
    with pytest.raises(WeightsError, match=r"of shape \(10000000000000,\)"):
        deepfocus_state(content, "a.npz")


def test_fewer_numbers_than_the_header_says_are_refused(variables: Variables) -> None:
    content = _with_member(variables, "Conv2D/b", _header((32,)) + bytes(64))
    with pytest.raises(WeightsError, match="damaged"):
        deepfocus_state(content, "a.npz")


def test_a_published_file_of_another_model_is_refused(variables: Variables, write) -> None:
    with pytest.raises(WeightsError, match=r"weights of deepfocus, not of convfocus"):
        find_weights("convfocus", 0.25, write(variables))
