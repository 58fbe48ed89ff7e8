"""`focusqc models`, and weights of a user's own folder, found by their names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_focusqc.cli import main
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.own_folder import FOLDER_VARIABLE
from napari_focusqc.models.published import VARIABLES
from napari_focusqc.models.registry import shipped_weights
from napari_focusqc.models.weights import save_weights

CARD = WeightsCard(
    "mine", "focuslitenn-2", 0.25, {"kernels": 2, "pooling": "min"}, threshold=12.345678
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the environment variable at a new folder."""
    path = tmp_path / "my weights"
    path.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(path))
    return path


def write_deepfocus(path: Path) -> None:
    """Save a DeepFocus of random weights under TFLearn's names, in TensorFlow's shapes."""
    rng = np.random.default_rng(0)
    variables = {
        name: rng.uniform(0.01, 0.02, shape).astype(np.float32)
        for name, (_, shape) in VARIABLES.items()
    }
    np.savez(path, **variables)


def rows_of(printed: str) -> dict[str, str]:
    """Return the list's lines by the name each begins with."""
    return {line.split()[0]: line for line in printed.partition("\n\n")[0].splitlines()}


def test_the_list_names_the_shipped_weights_in_their_columns(folder: Path, capsys) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert lines[0].split() == ["name", "model", "µm/px", "threshold", "where"]
    listed = [line.split() for line in lines[1:]]
    assert [row[0] for row in listed] == [weights.card.name for weights in shipped_weights()]
    assert {row[4] for row in listed} == {"shipped"}
    card = next(w.card for w in shipped_weights() if w.card.name == "convfocus-5a-0.25")
    assert [card.name, "convfocus-5a", "0.25", str(card.threshold), "shipped"] in listed


def test_own_weights_are_listed_beside_the_shipped(folder: Path, capsys) -> None:
    save_weights(FocusLiteNN(2), CARD, folder)
    torch.save(FocusLiteNN(10).state_dict(), folder / "theirs.pt")
    write_deepfocus(folder / "ver5.npz")
    (folder / "checkpoint.pt").write_bytes(b"where training goes on from")
    (folder / "notes.txt").write_text("not weights")
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    rows = rows_of(printed)
    own = {name: row.split()[:4] for name, row in rows.items() if "yours" in row}
    assert own == {
        "mine": ["mine", "focuslitenn-2", "0.25", "12.35"],
        "theirs": ["theirs", "focuslitenn", "0.25", "–"],
        "ver5": ["ver5", "deepfocus", "0.25", "0.5"],
    }
    assert rows["mine"].endswith(f"yours: {folder / 'mine.safetensors'}")
    assert "published" in rows["theirs"]
    assert printed.rstrip().endswith(f"looked for in {folder}")


def test_damaged_weights_are_named_and_the_list_goes_on(folder: Path, capsys) -> None:
    save_weights(FocusLiteNN(2), CARD, folder)
    for name in ("changed", "without-card", "without-weights", "bad-card"):
        save_weights(FocusLiteNN(2), replace(CARD, name=name), folder)
    (folder / "changed.safetensors").write_bytes(b"other")
    (folder / "without-card.json").unlink()
    (folder / "without-weights.safetensors").unlink()
    (folder / "bad-card.json").write_text("{")
    (folder / "empty.npz").write_bytes(b"")
    assert main(["models"]) == 0
    rows = rows_of(capsys.readouterr().out)
    damaged = {name: row for name, row in rows.items() if row.split()[1] == "damaged"}
    sentences = {
        "changed": "sha256 differs",
        "without-card": "put without-card.json",
        "without-weights": "there is no weights file",
        "bad-card": "the weights card cannot be read",
        "empty": "empty.npz is damaged",
    }
    assert damaged.keys() == sentences.keys()
    for name, sentence in sentences.items():
        assert sentence in damaged[name]
    assert "shipped" in rows["convfocus-5a-0.25"] and "12.35" in rows["mine"]


def test_the_documentation_tells_of_the_shipped_weights_alone(folder: Path, capsys) -> None:
    main(["models", "--markdown"])
    without = capsys.readouterr().out
    save_weights(FocusLiteNN(2), CARD, folder)
    (folder / "broken.json").write_text("{")
    assert main(["models", "--markdown"]) == 0
    assert capsys.readouterr().out == without


def test_a_folder_that_is_not_there_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "missing"))
    assert main(["models"]) == 0
    assert "a folder that is not there yet" in capsys.readouterr().out


def test_a_folder_that_is_a_file_is_refused_in_one_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (folder / "file").write_text("in the way")
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "file"))
    assert main(["models"]) == 2
    assert "cannot be listed" in capsys.readouterr().err


def test_score_takes_published_deepfocus_by_its_name_and_by_its_path(
    folder: Path, tmp_path: Path, write_tiff, tissue_image, capsys
) -> None:
    slide = tmp_path / "slide.tif"
    write_tiff(slide, tissue_image(256, 320), mpp=0.25)
    write_deepfocus(folder / "ver5.npz")
    tables = []
    for weights in ("ver5", str(folder / "ver5.npz")):
        out = tmp_path / "out" / Path(weights).name
        arguments = ["score", str(slide), "--out", str(out), "--tissue", "none"]
        assert main([*arguments, "--model", "deepfocus", "--weights", weights]) == 0
        tables.append((out / "slide.tiles.csv").read_text("utf-8"))
    assert tables[0] == tables[1]
    assert len(tables[0].splitlines()) == 1 + 4 * 5  # tiles of 64 px


def test_weights_of_nobody_are_refused_with_where_names_come_from(
    folder: Path, tmp_path: Path, write_tiff, tissue_image, capsys
) -> None:
    slide = tmp_path / "slide.tif"
    write_tiff(slide, tissue_image(256, 320), mpp=0.25)
    arguments = ["score", str(slide), "--out", str(tmp_path / "out"), "--weights", "nobodys"]
    assert main(arguments) == 2
    assert "there is no weights file nobodys" in capsys.readouterr().err
