"""Weights written, read back, and refused when they are not what they seem."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_focusqc.errors import OutputError, WeightsError
from napari_focusqc.models.card import Weights, WeightsCard
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network, save_weights


def _saved(folder: Path, kernels: int = 2, pooling: Any = "min") -> tuple[FocusLiteNN, Weights]:
    torch.manual_seed(kernels)
    network = FocusLiteNN(kernels, pooling)
    options = {"kernels": kernels, "pooling": pooling}
    card = WeightsCard(f"tiny-{kernels}", f"focuslitenn-{kernels}", 0.25, options)
    return network, save_weights(network, card, folder)


def _published(path: Path, content: Any) -> Weights:
    torch.save(content, path)
    return find_weights("focuslitenn", 0.25, path)


@pytest.mark.parametrize("pooling", ["min", "minmax"])
@pytest.mark.parametrize("kernels", [1, 2, 10])
def test_a_network_comes_back_as_it_was_saved(tmp_path: Path, kernels: int, pooling: str) -> None:
    network, weights = _saved(tmp_path / "new" / "folder", kernels, pooling)
    loaded = load_network(find_weights("focuslitenn", 0.25, weights.path))
    assert not loaded.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, rtol=0, atol=0)
    assert sorted(p.suffix for p in weights.path.parent.iterdir()) == [".json", ".safetensors"]


def test_saving_where_nobody_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    network, weights = _saved(tmp_path)
    with pytest.raises(OutputError, match="cannot be written"):
        save_weights(network, weights.card, tmp_path / "file" / "below")


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_published_wrappings_are_taken_off(tmp_path: Path, prefix: str, wrapped: bool) -> None:
    network = FocusLiteNN(10)
    state = {prefix + name: value for name, value in network.state_dict().items()}
    loaded = load_network(
        _published(tmp_path / "theirs.pt", {"state_dict": state} if wrapped else state)
    )
    torch.testing.assert_close(loaded.state_dict()["fc.weight"], network.state_dict()["fc.weight"])


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    _, weights = _saved(tmp_path)
    content = bytearray(weights.path.read_bytes())
    content[-1] ^= 1
    weights.path.write_bytes(content)
    with pytest.raises(WeightsError, match="sha256"):
        load_network(weights)


def test_a_card_that_tells_of_another_network_is_refused(tmp_path: Path) -> None:
    _, weights = _saved(tmp_path, 2, "minmax")
    card = weights.path.with_suffix(".json")
    card.write_text(card.read_text().replace("minmax", "min"))
    with pytest.raises(WeightsError, match="its card says"):
        load_network(find_weights("focuslitenn", 0.25, weights.path))


def test_another_number_of_kernels_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pt"
    torch.save({"state_dict": FocusLiteNN(10).state_dict()}, path)
    with pytest.raises(WeightsError, match="has kernels 10, but focuslitenn-1 has 1"):
        load_network(find_weights("focuslitenn-1", 0.25, path))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    state = FocusLiteNN(2).state_dict()
    state["conv.bias"][1] = bad
    with pytest.raises(WeightsError, match="not finite"):
        load_network(_published(tmp_path / "theirs.pt", state))


def test_a_missing_or_surplus_tensor_is_refused(tmp_path: Path) -> None:
    state = FocusLiteNN(2).state_dict()
    missing = {name: value for name, value in state.items() if name != "fc.bias"}
    for content in (missing, {**state, "head.weight": torch.zeros(1)}):
        with pytest.raises(WeightsError, match="does not fit"):
            load_network(_published(tmp_path / "theirs.pt", content))


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": None}, torch.zeros(3)])
def test_a_checkpoint_without_a_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(WeightsError, match="no state dict"):
        load_network(_published(tmp_path / "theirs.pt", content))


class _Burglar:
    """Would make a folder while being unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    weights = _published(tmp_path / "theirs.pt", {"state_dict": _Burglar(str(tmp_path / "in"))})
    with pytest.raises(WeightsError, match="not a file of plain weights"):
        load_network(weights)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("keep", [0, 1, 100, 1000])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_cut_file_is_refused(tmp_path: Path, suffix: str, keep: int) -> None:
    _, weights = _saved(tmp_path)
    path = weights.path
    if suffix == ".pt":
        path = tmp_path / "theirs.pt"
        torch.save({"state_dict": FocusLiteNN(2).state_dict()}, path)
    else:  # a card that was never signed: the file itself must be found out
        card = path.with_suffix(".json")
        card.write_text(card.read_text().replace(weights.card.sha256, ""))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="damaged"):
        load_network(find_weights("focuslitenn", 0.25, path))


def test_garbage_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.pt", b"\x80\x02garbage" * 9), ("b.pt", b"PK\x03\x04" + b"\x00" * 99)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WeightsError):
            load_network(find_weights("focuslitenn", 0.25, tmp_path / name))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the super-user may read all")
def test_a_file_nobody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pt"
    torch.save(FocusLiteNN(2).state_dict(), path)
    path.chmod(stat.S_IWUSR)
    with pytest.raises(WeightsError, match="permissions"):
        find_weights("focuslitenn", 0.25, path)
