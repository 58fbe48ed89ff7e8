"""From a folder to weights that say how far focus is, on toy sizes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_focusqc.cli.commands import main
from napari_focusqc.errors import TrainingError
from napari_focusqc.inference.distance import distances
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_focus_distance
from napari_focusqc.progress import finish
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.training import distance_judging
from napari_focusqc.training.distance_recipe import train_focus_distance


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance_judging, "SCENES", 1)


def quick(data: Path, out: Path, **changes: object) -> DistanceTraining:
    values = {
        "tile": 32,
        "width": 0.1,
        "pairs": 40,
        "epochs": 1,
        "batch": 10,
        "reach_um": 3.0,
        "device": "cpu",
    }
    return DistanceTraining(data, out, **values | changes)


def test_weights_come_with_a_card_that_says_simulated(small_folder: Path, tmp_path: Path) -> None:
    card = finish(train_focus_distance(quick(small_folder, tmp_path)))
    assert card.name == "focus-distance-32-0.25"
    assert card.model == "focus-distance"
    assert card.note.startswith("simulated")
    assert card.network == {"width": 0.1, "input_px": 32, "delta_um": 2.0, "difference": True}
    assert {"tile_error_um", "field_error_um_jpeg70", "wrong_sign_share_thick"} <= set(card.figures)
    assert card.tables and {each["licence"] for each in card.data} == {"CC0", "not stated"}
    assert "focusqc train focus-distance" in card.command and "--tile 32" in card.command
    left = {path.name for path in tmp_path.iterdir()}
    assert {f"{card.name}.{end}" for end in ("safetensors", "json", "loss.csv")} < left
    assert "pairs.json" in left and "checkpoint.pt" not in left
    path = tmp_path / f"{card.name}.safetensors"
    network = load_focus_distance(find_weights("focus-distance", 0.25, path, finds="distance"))
    tiles = np.random.default_rng(0).integers(0, 256, (2, 2, 32, 32, 3), np.uint8)
    assert distances(network, tiles[0], tiles[1], device=torch.device("cpu")).shape == (2,)


def test_another_network_takes_the_same_pairs(small_folder: Path, tmp_path: Path) -> None:
    finish(train_focus_distance(quick(small_folder, tmp_path)))
    before = (tmp_path / "pairs.planes.npy").stat().st_mtime_ns
    card = finish(train_focus_distance(quick(small_folder, tmp_path, planes="one", width=0.2)))
    assert (tmp_path / "pairs.planes.npy").stat().st_mtime_ns == before
    assert card.name == "focus-distance-one-plane-0.25"
    assert card.model == "focus-distance-one-plane"
    assert card.network["difference"] is False
    with pytest.raises(TrainingError, match="holds pairs of other images or settings"):
        finish(train_focus_distance(quick(small_folder, tmp_path, delta_um=1.5)))


def test_the_command_trains(small_folder: Path, tmp_path: Path, capsys) -> None:
    options = "--tile 32 --width 0.1 --pairs 30 --epochs 1 --batch 10 --schedule short --reach-um 2"
    command = ["train", "focus-distance", "--data", str(small_folder), "--out", str(tmp_path)]
    assert main([*command, *options.split(), "--device", "cpu"]) == 0
    assert "wrote" in capsys.readouterr().out
    assert (tmp_path / "focus-distance-32-0.25.safetensors").is_file()
