"""Where a user's own weights lie, and how they are named."""

from pathlib import Path

import pytest

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.own_folder import (
    FOLDER_VARIABLE,
    LEFT_BY_TRAINING,
    own_file,
    own_files,
    own_folder,
)
from napari_focusqc.models.registry import find_weights, shipped_weights
from napari_focusqc.models.weights import save_weights
from napari_focusqc.training.recipes import CHECKPOINT

OPTIONS = {"kernels": 2, "pooling": "min"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the environment variable at a new folder, and stand in an empty one."""
    path, empty = tmp_path / "weights", tmp_path / "empty"
    path.mkdir()
    empty.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(path))
    monkeypatch.chdir(empty)
    return path


def save(folder: Path, name: str) -> Path:
    card = WeightsCard(name, "focuslitenn-2", 0.25, OPTIONS)
    return save_weights(FocusLiteNN(2), card, folder).path


def test_without_the_variable_it_is_the_systems_place_for_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert own_folder().is_absolute()
    assert own_folder().parts[-2:] == ("napari-focusqc", "weights")


def test_a_home_in_the_variable_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "~/w")
    assert own_folder() == Path.home() / "w"


def test_a_pair_is_one_entry_and_training_leaves_none(folder: Path) -> None:
    save(folder, "mine-0.25")
    for name in (LEFT_BY_TRAINING, "theirs.pth", "half.safetensors.part", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert [path.name for path in own_files()] == ["mine-0.25.safetensors", "theirs.pth"]
    assert LEFT_BY_TRAINING == CHECKPOINT


@pytest.mark.parametrize("given", ["mine-0.25", "mine-0.25.safetensors"])
def test_own_weights_are_found_by_name(folder: Path, given: str) -> None:
    path = save(folder, "mine-0.25")
    assert find_weights("focuslitenn", 0.25, Path(given)).path == path


def test_a_file_where_one_stands_goes_before_a_name(folder: Path) -> None:
    save(folder, "mine")
    here = save(Path.cwd(), "mine")
    assert find_weights("focuslitenn", 0.25, Path("mine.safetensors")).path.resolve() == here


def test_a_path_is_no_name(folder: Path) -> None:
    save(folder, "mine")
    with pytest.raises(WeightsError, match="there is no weights file"):
        find_weights("focuslitenn", 0.25, Path("elsewhere/mine"))


def test_a_name_of_two_files_is_refused(folder: Path) -> None:
    save(folder, "mine")
    (folder / "mine.npz").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"may be mine\.npz or mine\.safetensors"):
        own_file("mine")
    assert own_file("mine.npz") == folder / "mine.npz"


def test_shipped_weights_are_found_by_name_after_the_users(folder: Path) -> None:
    (shipped,) = (w for w in shipped_weights() if w.card.name == "focuslitenn-2-0.5")
    given = Path("focuslitenn-2-0.5")
    assert find_weights("focuslitenn", 0.5, given).path == shipped.path
    own = save(folder, given.name)
    assert find_weights("focuslitenn", 0.25, given).path == own


def test_own_weights_are_never_chosen_unasked(folder: Path) -> None:
    save(folder, "focuslitenn-2-0.25")
    weights = find_weights("focuslitenn-2", 0.25)
    assert weights.path in [each.path for each in shipped_weights()]
    (folder / "broken.json").write_text("{")
    assert find_weights("focuslitenn-2", 0.25) == weights
