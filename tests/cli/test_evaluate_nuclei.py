"""`focusqc evaluate` for nuclei: weights on annotated fields, and a table against a truth."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_focusqc.cli.evaluate_command import add_evaluate
from napari_focusqc.errors import AnnotationError, EvaluationError, TrainingError, WeightsError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.weights import save_weights
from napari_focusqc.results.nucleus_files import save_nuclei
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

SIDE = 80
CENTRES = [(20.0, 20.0), (20.0, 60.0), (60.0, 40.0)]


def focusqc(*argv: object) -> None:
    """Run a command as `main` does, without its catching of refusals."""
    parser = argparse.ArgumentParser()
    add_evaluate(parser.add_subparsers())
    arguments = parser.parse_args(["evaluate", *map(str, argv)])
    arguments.run(arguments)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two data sets of two fields each; one of two is kept out of training."""
    folder = tmp_path_factory.mktemp("fields")
    for name in ("pink", "purple"):
        (folder / name).mkdir()
        rows = ["image,y_px,x_px"]
        for number in range(2):
            pixels = np.full((SIDE, SIDE, 3), 220, np.uint8)
            for y, x in CENTRES:
                pixels[int(y) - 4 : int(y) + 5, int(x) - 4 : int(x) + 5] = 60
                rows.append(f"{number},{y},{x}")
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
        (folder / name / "centres.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_weights(folder: Path, **changes: object) -> Path:
    """Write random weights with a card."""
    torch.manual_seed(0)
    network = MicroNet([2, 4, 8, 16, 16]).eval()
    card = WeightsCard("mine-0.25", "micronet", 0.25, network.options_of(network.state_dict()))
    facts = {"threshold": 0.0, "figures": {"xi": 0.5}, "seed": 0} | changes
    return save_weights(network, replace(card, **facts), folder).path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


def test_weights_are_measured_on_what_training_kept_out(
    data: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    focusqc("micronet", "--data", data, "--weights", weights, "--out", out, "--rows", "images")
    told = capsys.readouterr().out
    assert "mine-0.25 at 0.25 µm/px: 2 images kept out of training" in told
    for words in ("peaks from threshold 0 on", "peaks from ξ 0.50 on", "average precision"):
        assert words in told
    written = {path.name for path in out.iterdir()}
    assert {f"nuclei.{name}" for name in ("json", "errors.csv", "images.csv", "errors.png")} <= (
        written
    )
    assert {"nuclei.curve-xi.csv", "nuclei.curve-threshold.png"} <= written
    record = json.loads((out / "nuclei.json").read_text(encoding="utf-8"))
    assert record["weights"] == "mine-0.25"
    assert record["threshold"]["16px"]["tp"] + record["threshold"]["16px"]["fn"] == 6
    errors = (out / "nuclei.errors.csv").read_text(encoding="utf-8").splitlines()
    assert errors[0] == "data_set,image,y_px,x_px,kind,peak,nearest_px"
    wrong = record["threshold"]["16px"]["fp"] + record["threshold"]["16px"]["fn"]
    assert len(errors) - 1 == wrong


def test_all_images_are_measured_when_asked_for(
    data: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    focusqc("micronet", "--data", data, "--weights", weights, "--images", "all", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == ["pink: 0", "pink: 1", "purple: 0", "purple: 1"]
    assert found["kept_out_of_training"] is False
    assert set(found["xi"]) == {"value", "6px", "12px", "16px"}


def test_weights_without_a_threshold_cannot_be_judged(data: Path, tmp_path: Path) -> None:
    bare = write_weights(tmp_path, threshold=None, figures={})
    with pytest.raises(EvaluationError, match="neither a threshold nor ξ"):
        focusqc("micronet", "--data", data, "--weights", bare)


def test_a_folder_without_annotations_is_refused(weights: Path, tmp_path: Path) -> None:
    Image.new("RGB", (SIDE, SIDE)).save(tmp_path / "a.png")
    with pytest.raises(TrainingError, match="none of 0 images with annotated nuclei"):
        focusqc("micronet", "--data", tmp_path, "--weights", weights)


def test_focus_models_are_measured_as_before(data: Path) -> None:
    with pytest.raises(WeightsError):
        focusqc("focuslitenn", "--data", data, "--weights", data / "none.safetensors")


# --- A table against a truth ------------------------------------------------------------------


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """Write a table: two of three nuclei, one 4 px aside, and one that is none."""
    source = NucleusSource("0.png", 0.25, "file", "micronet", {}, 0.1, "cpu", "0", "2026-01-01")
    centres, peaks = [(20, 20), (20, 64), (70, 70)], [0.9, 0.8, 0.3]
    return save_nuclei(NucleusTable.found(centres, peaks, source), tmp_path / "found.parquet")


def test_a_table_is_compared_with_a_truth(
    data: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth, out = data / "pink" / "centres.csv", tmp_path / "out"
    focusqc("nuclei", found, truth, "--json", "--out", out)
    record = json.loads(capsys.readouterr().out)
    wide = record["threshold"]["16px"]
    assert (wide["tp"], wide["fp"], wide["fn"]) == (2, 1, 1)
    assert (wide["distance_px_40x"], wide["distance_um"]) == (2, 0.5)
    assert record["average_precision"]["16px"] == pytest.approx(2 / 3, abs=1e-4)
    assert (out / "nuclei.curve-threshold.png").is_file()


def test_only_a_region_counts_where_one_is_given(
    data: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = data / "pink" / "centres.csv"
    focusqc("nuclei", found, truth, "--json", "--region", 0, 0, 50, 80)
    wide = json.loads(capsys.readouterr().out)["threshold"]["16px"]
    assert (wide["tp"], wide["fp"], wide["fn"]) == (2, 0, 0)


def test_a_label_image_is_its_own_region(
    found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.zeros((50, 80), np.uint8)
    labels[18:23, 18:23] = 1
    Image.fromarray(labels).save(tmp_path / "truth.png")
    focusqc("nuclei", found, tmp_path / "truth.png")
    assert "2 found nuclei beside 1 true ones" in capsys.readouterr().out


def test_a_truth_that_is_none_is_refused(found: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AnnotationError, match="no column image"):
        focusqc("nuclei", found, tmp_path / "t.csv")


def test_real_fields_are_read_and_judged(
    test_data: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fifth of 107 CC0 fields is measured; random weights find next to nothing."""
    folder = test_data / "histology" / "dsb2018-brightfield"
    focusqc("micronet", "--data", folder, "--weights", weights, "--json")
    record = json.loads(capsys.readouterr().out)
    assert len(record["images"]) == 21
    assert record["threshold"]["16px"]["tp"] + record["threshold"]["16px"]["fn"] > 500
