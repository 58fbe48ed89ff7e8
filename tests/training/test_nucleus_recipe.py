"""MicroNet from a folder of annotated fields to weights that find their nuclei."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_focusqc.cli.commands import main
from napari_focusqc.errors import WeightsError
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.inference.peaks import find_peaks
from napari_focusqc.models.registry import weights_in
from napari_focusqc.models.weights import load_micronet, load_network
from napari_focusqc.progress import finish
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.training import nucleus_loop
from napari_focusqc.training.nucleus_recipe import train_micronet


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nucleus_loop, "EVERY", 10)
    monkeypatch.setattr(nucleus_loop, "UNSEEN", 2)


def write_fields(folder: Path, licence: str = "CC0 1.0", count: int = 3, size: int = 240) -> Path:
    """Write dark discs on pink with a table of their centres."""
    images = folder / "discs" / "images"
    images.mkdir(parents=True)
    told = {"name": "discs", "licence": licence, "mpp": 0.25}
    (folder / "discs" / "dataset.json").write_text(json.dumps(told))
    rows, (y, x) = ["image,y_px,x_px"], np.mgrid[:size, :size]
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = np.full((size, size, 3), (225, 170, 200), np.uint8)
        for at in rng.uniform(8, size - 8, (35, 2)):
            pixels[(y - at[0]) ** 2 + (x - at[1]) ** 2 < 36] = (90, 50, 130)
            rows.append(f"f{number},{at[0]:.3f},{at[1]:.3f}")
        Image.fromarray(pixels).save(images / f"f{number}.png")
    (folder / "discs" / "centres.csv").write_text("\n".join(rows) + "\n")
    return folder


def quick(data: Path, out: Path, **changes: object) -> MicroNetTraining:
    values = {"schedule": "short", "iterations": 20, "batch": 2, "width": 4, "crop": 112}
    return MicroNetTraining(data=data, out=out, device="cpu", **values | changes)


def test_the_weights_find_discs_they_never_saw(tmp_path: Path) -> None:
    data, out = write_fields(tmp_path / "data"), tmp_path / "out"
    settings = quick(data, out, iterations=120, learning_rate=0.02)
    card = finish(train_micronet(settings))
    assert card.name == "micronet-0.25"
    assert card.figures["f1_16px"] > 0.7
    assert card.figures["distance_6px"] < 2
    assert 0 < card.threshold < 1
    assert card.licence == "BSD-3-Clause"
    assert card.data[0]["nuclei_validation"] == 35
    assert "--schedule short --iterations 120" in card.command
    assert {path.name for path in out.iterdir()} == {
        f"micronet-0.25.{end}" for end in ("json", "safetensors", "loss.csv", "loss.png")
    }
    weights = weights_in(out / "micronet-0.25.safetensors")
    assert weights.card == card
    pixels = np.asarray(Image.open(data / "discs/images/f0.png"))
    proximity = proximity_of(load_micronet(weights), pixels)
    assert 0.4 < proximity.max() < 1.6  # not five times that
    assert 20 < len(find_peaks(proximity, least=card.threshold)[0]) < 50
    with pytest.raises(WeightsError, match="finds nuclei; give weights that find focus"):
        load_network(weights)


def test_weights_say_that_their_annotations_are_not_for_commerce(tmp_path: Path) -> None:
    data = write_fields(tmp_path / "data", "CC BY-NC-SA 4.0")
    card = finish(train_micronet(quick(data, tmp_path / "out")))
    assert card.name == "micronet-noncommercial-0.25"
    assert card.model == "micronet-noncommercial"
    assert card.licence == "as its annotations: CC BY-NC-SA 4.0"


def test_other_tissue_helps_and_licences_add_up(tmp_path: Path) -> None:
    data = write_fields(tmp_path / "data")
    other = write_fields(tmp_path / "other", "CC BY-NC 4.0")
    settings = quick(data, tmp_path / "out", aux=other, gamma=2.0)
    card = finish(train_micronet(settings))
    assert card.model == "micronet-noncommercial"
    assert [each["licence"] for each in card.data] == ["CC0 1.0", "CC BY-NC 4.0"]
    assert "--aux other --gamma 2.0" in card.command


def test_fine_tuning_starts_from_the_weights_and_keeps_frozen_blocks(tmp_path: Path) -> None:
    data = write_fields(tmp_path / "data")
    finish(train_micronet(quick(data, tmp_path / "base")))
    base = tmp_path / "base" / "micronet-0.25.safetensors"
    tuned = quick(data, tmp_path / "tuned", start=base, freeze=2, learning_rate=1e-6)
    finish(train_micronet(tuned))
    before = load_micronet(weights_in(base)).state_dict()
    after = load_micronet(weights_in(tmp_path / "tuned/micronet-0.25.safetensors")).state_dict()
    for name, value in before.items():
        if name.startswith(("blocks.0.", "blocks.1.")):
            assert torch.equal(after[name], value), name
        elif name.endswith("weight"):
            torch.testing.assert_close(after[name], value, rtol=0, atol=1e-3)
    with pytest.raises(WeightsError, match="other widths than 8 channels"):
        finish(train_micronet(quick(data, tmp_path / "wide", start=base, width=8)))


def test_at_half_the_resolution_lengths_in_pixels_are_half(tmp_path: Path) -> None:
    data = write_fields(tmp_path / "data", size=420)
    settings = quick(data, tmp_path / "out", mpp=0.5)
    card = finish(train_micronet(settings))
    assert card.name == "micronet-0.5"
    run = nucleus_loop.NucleusRun(settings, (), (), (), tmp_path, "")
    assert run.distance_px == 7.5


def test_the_command_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write_fields(tmp_path / "data"), tmp_path / "out"
    options = [
        "--schedule",
        "short",
        "--iterations",
        "20",
        "--batch",
        "1",
        "--width",
        "2",
        "--device",
        "cpu",
    ]
    command = ["train", "micronet", "--data", str(data), "--out", str(out), *options]
    assert main(command) == 0
    assert "wrote" in capsys.readouterr().out
    assert (out / "micronet-0.25.safetensors").is_file()
