"""`focusqc zstack` as a user meets it: files, words, exit codes."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_focusqc.cli import main
from napari_focusqc.results.distance_store import load_distance_map

ENDS = (
    "distance.ome.zarr",
    "in-focus.tif",
    "stack-curves.csv",
    "stack-curves.png",
    "stack-tiles.csv",
    "stack.json",
)


@pytest.fixture
def folder(tmp_path: Path, tissue_image: Callable[..., Any]) -> Path:
    """Write five planes, the middle one sharp."""
    folder, sharp = tmp_path / "a field ü", tissue_image(224, 224)
    folder.mkdir()
    for step in range(-2, 3):
        blurred = gaussian_filter(sharp, (abs(step), abs(step), 0))
        Image.fromarray(blurred).save(folder / f"{step}.png")
    return folder


def written(out: Path) -> list[str]:
    return sorted(path.name for path in out.iterdir())


def test_a_folder_of_planes_is_measured(folder: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    lengths = ["--z-step-um", "0.3", "--mpp", "0.25", "--tissue", "none"]
    assert main(["zstack", str(folder), "--out", str(out), *lengths]) == 0
    assert written(out) == sorted(f"{folder.name}.{end}" for end in (*ENDS, "focus-points.csv"))
    found = load_distance_map(out / f"{folder.name}.{ENDS[0]}")
    assert found.source.z_um == pytest.approx((-0.6, -0.3, 0, 0.3, 0.6))
    assert found.merit_um == pytest.approx(0, abs=0.1)
    with (out / f"{folder.name}.focus-points.csv").open(newline="") as file:
        points = list(csv.DictReader(file))
    assert len(points) == 4
    assert float(points[0]["x_um"]) == 14
    printed = capsys.readouterr()
    assert "focus: " in printed.out
    assert "no network: " in printed.out
    assert "steps of unknown length" in printed.err


def test_planes_and_heights_may_be_given(folder: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    given = ["--heights=-3,-1,0,1,3", "--planes", "1-3", "--composite-mpx", "0"]
    assert main(["zstack", str(folder), "--out", str(out), *given]) == 0
    found = load_distance_map(out / f"{folder.name}.{ENDS[0]}")
    assert (found.source.planes, found.source.z_um) == ((1, 2, 3), (-1, 0, 1))
    assert not (out / f"{folder.name}.in-focus.tif").exists()
    assert "no focus points" in capsys.readouterr().err


def test_what_is_no_stack_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, write_tiff: Any, capsys: Any
) -> None:
    flat = write_tiff(tmp_path / "flat.tif", np.zeros((50, 50, 3), np.uint8))
    for arguments, words in (
        ([str(flat)], "has one plane"),
        ([str(tmp_path / "nowhere")], "there is no file"),
        ([str(tmp_path)], "holds 0 images"),
        ([str(folder), "--planes", "7"], "give numbers from 0 to 4"),
    ):
        assert main(["zstack", *arguments, "--out", str(tmp_path / "out")]) == 2
        sentence = capsys.readouterr().err.strip().splitlines()[-1]
        assert words in sentence


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("focus/smear-stack", "nearest is plane 9 at 0 steps"),
        ("wsi/z-time-series/4D-series.ome.tiff", "no plane is sharper"),
    ],
)
def test_real_stacks_run_to_a_result(
    test_data: Path, tmp_path: Path, stack: str, words: str, capsys: Any
) -> None:
    assert main(["zstack", str(test_data / stack), "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert words in printed.out
    assert "no network: " in printed.out
    assert len(written(tmp_path)) == len(ENDS)
