"""`focusqc evaluate` as a user meets it: every protocol, its files, its words."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.cli import main
from napari_focusqc.models.registry import find_weights

WIDE, HIGH = 300, 260


@pytest.fixture
def images(tmp_path: Path, tissue_image) -> Path:
    """Write two data sets of three fields each; a third of each is kept out of training."""
    folder = tmp_path / "images"
    for number, name in enumerate(("pink", "purple")):
        (folder / name).mkdir(parents=True)
        for seed in range(3):
            image = Image.fromarray(tissue_image(HIGH, WIDE, 10 * number + seed))
            image.save(folder / name / f"{seed}.png")
    return folder


def evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", "focuslitenn-1", "--validation", "0.34", *map(str, arguments)])


@pytest.mark.parametrize(
    ("protocol", "words", "files"),
    [
        ("stack", "Spearman of the worst image", ["json", "tiles.csv", "v-plot.png"]),
        ("focuslitenn", "PLCC with |z|", ["json", "roc.png", "tiles.csv"]),
        ("deepfocus", "Accuracy by focus offset", ["json", "roc.png", "tiles.csv"]),
        ("convfocus", "slope (ideal 4.83)", ["json", "tiles.csv"]),
        ("shift", "colour −30 %", ["json", "tiles.csv", "v-plot-1.png", "v-plot-2.png"]),
    ],
)
def test_every_protocol_prints_a_table_and_writes_its_files(
    protocol: str, words: str, files: list[str], images: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "new" / "out"
    more = ["--crops", "60", "--tiles-per-grade", "50"] if protocol == "convfocus" else []
    assert evaluate("--data", images, "--protocol", protocol, "--out", out, *more) == 0
    printed = capsys.readouterr().out
    assert "2 images kept out of training" in printed
    assert "abstained from 0.0% of" in printed
    assert words in printed
    assert sorted(path.name for path in out.iterdir()) == [f"{protocol}.{each}" for each in files]
    record = json.loads((out / f"{protocol}.json").read_text(encoding="utf-8"))
    assert (record["protocol"], record["weights"]) == (protocol, "focuslitenn-1-0.25")
    rows = (out / f"{protocol}.tiles.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) - 1 == record["tiles"] > 0


def test_shift_has_a_row_for_each_data_set_and_change(images: Path, capsys) -> None:
    assert evaluate("--data", images, "--protocol", "shift", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["figures"]["shift"]["rows"]
    assert [row["data_set"] for row in rows] == ["pink"] * 6 + ["purple"] * 6
    assert rows[0]["change"] == "plain"
    assert len({row["spearman"] for row in rows[:6]}) > 1


def test_json_says_what_the_table_says(images: Path, capsys) -> None:
    assert evaluate("--data", images, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["scanners"], found["mpp"], found["figures"]["stack"]["fields"]) == (
        "usual",
        0.25,
        2,
    )
    assert -1 <= found["figures"]["stack"]["spearman"] <= 1
    assert found["images"] and all(": " in name for name in found["images"])
    assert evaluate("--data", images, "--json", "--scanners", "widest") == 0
    other = json.loads(capsys.readouterr().out)
    assert other["figures"] != found["figures"]


def test_a_folder_of_planes_is_drawn_as_a_v(tmp_path: Path, tissue_image, capsys) -> None:
    """Sharpest in the middle by construction: blurred by a box that grows with the distance."""
    from scipy.ndimage import uniform_filter

    folder, field = tmp_path / "stack", tissue_image(HIGH, WIDE).astype(float)
    folder.mkdir()
    for z in range(-3, 4):
        blurred = uniform_filter(field, (1 + 4 * abs(z), 1 + 4 * abs(z), 1))
        Image.fromarray(np.rint(blurred).astype(np.uint8)).save(folder / f"{z}.png")
    assert evaluate("--data", folder, "--protocol", "vplot", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "vplot.v-plot.png").is_file()
    record = json.loads((tmp_path / "out" / "vplot.json").read_text(encoding="utf-8"))
    found = record["figures"]["vplot"]
    assert (found["sharpest"], found["planes"]) == (0.0, 7)
    assert (found["spearman_below"], found["spearman_above"]) == (1.0, 1.0)
    assert "sharpest plane" in capsys.readouterr().out


def test_a_real_stack_has_its_sharpest_plane_near_the_middle(test_data: Path, capsys) -> None:
    stack = test_data / "focus/smear-stack"
    assert (
        main(["evaluate", "focuslitenn", "--data", str(stack), "--protocol", "vplot", "--json"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)["figures"]["vplot"]
    assert found["planes"] == 19
    assert abs(found["sharpest"]) <= 1
    assert min(found["spearman_below"], found["spearman_above"]) > 0.95


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--protocol", "vplot"], "images with a number for a name"),
        (["--data", "nowhere"], "there is no folder nowhere"),
        (["--crops", "10"], "crops is 10; it must lie between 60"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    change: list[str], words: str, images: Path, capsys
) -> None:
    assert evaluate("--data", images, *change) == 2
    assert words in capsys.readouterr().err


def test_without_a_threshold_there_are_no_verdicts(images: Path, tmp_path: Path, capsys) -> None:
    """Weights whose card has none need one given."""
    shipped = find_weights("focuslitenn-1", 0.25).path
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(shipped.read_bytes())
    card = json.loads(shipped.with_suffix(".json").read_text()) | {"threshold": None}
    mine.with_suffix(".json").write_text(json.dumps(card))
    common = ["--data", images, "--protocol", "deepfocus", "--weights", mine]
    assert evaluate(*common) == 2
    assert "has no threshold" in capsys.readouterr().err
    assert evaluate(*common, "--threshold", "12") == 0
    assert "called blurry above the score" in capsys.readouterr().out


def test_tiles_with_too_little_structure_are_abstained(
    images: Path, tmp_path: Path, capsys
) -> None:
    """The limit of the card counts, and the share of abstained tiles is printed."""
    shipped = find_weights("focuslitenn-1", 0.25).path
    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(shipped.read_bytes())
    card = json.loads(shipped.with_suffix(".json").read_text())
    for least, share in ((0.0, 0.0), (120.0, 1.0)):
        mine.with_suffix(".json").write_text(json.dumps(card | {"min_structure": least}))
        code = evaluate("--data", images, "--weights", mine, "--json")
        told = capsys.readouterr()
        assert code == (2 if share else 0)
        if share:
            assert "none of 26 tiles has a score" in told.err
        else:
            assert json.loads(told.out)["abstained"] == 0.0
