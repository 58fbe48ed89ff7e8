"""`focusqc nuclei` as a user meets it: files, words, exit codes."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.cli import main
from napari_focusqc.results.nucleus_files import load_nuclei
from napari_focusqc.results.nucleus_table import FocusFlag

CENTRES = [(y, x) for y in range(30, 700, 50) for x in range(30, 900, 50)]


@pytest.fixture
def slide_file(tmp_path: Path, write_tiff: Any, dotted: Any) -> Path:
    return write_tiff(tmp_path / "a slide ü.tif", dotted(700, 900, CENTRES), compression="deflate")


def options(out: Path, weights: Path) -> list[str]:
    return ["--out", str(out), "--weights", str(weights), "--device", "cpu"]


def refused(arguments: list[str], capsys: Any) -> str:
    """Run a command that must be refused and return its one sentence."""
    assert main(arguments) == 2
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    return sentence


def test_nuclei_are_written_in_every_format(
    slide_file: Path, tmp_path: Path, dot_weights: Path, capsys: Any
) -> None:
    out = tmp_path / "out"
    assert main(["nuclei", str(slide_file), *options(out, dot_weights)]) == 0
    stem, count = "a slide ü.nuclei", len(CENTRES)
    names = [f"{stem}.{end}" for end in ("csv", "geojson.gz", "json", "parquet")]
    assert sorted(path.name for path in out.iterdir()) == names
    table = load_nuclei(out / names[3])
    assert len(table) == count
    assert sorted(np.rint(table.centres).tolist()) == sorted([y, x] for y, x in CENTRES)
    assert len((out / names[0]).read_text().splitlines()) == count + 1
    assert len(json.loads(gzip.decompress((out / names[1]).read_bytes()))["features"]) == count
    told = json.loads((out / names[2]).read_text())["summary"]
    assert told["nuclei"] == count
    assert told["searched_mm2"] == pytest.approx(700 * 900 * 0.25**2 / 1e6)
    printed = capsys.readouterr().out
    assert f"nuclei: {count}, {told['per_mm2']:,.0f} per mm²" in printed
    assert "in focus" not in printed
    assert all(name in printed for name in names)


def test_nuclei_are_told_apart_by_a_focus_map(
    slide_file: Path, tmp_path: Path, dot_weights: Path, capsys: Any
) -> None:
    out = tmp_path / "out"
    assert main(["score", str(slide_file), "--out", str(out), "--device", "cpu"]) == 0
    focus = ["--focus", str(out / "a slide ü.focus.ome.zarr")]
    capsys.readouterr()
    assert main(["nuclei", str(slide_file), *options(out, dot_weights), *focus]) == 0
    table = load_nuclei(out / "a slide ü.nuclei.parquet")
    known = table.in_focus != FocusFlag.UNKNOWN
    assert known.any()
    assert np.isfinite(table.focus[known]).all()
    assert "out of focus: " in capsys.readouterr().out
    told = json.loads((out / "a slide ü.nuclei.json").read_text())["summary"]["focus"]
    assert sum(told.values()) == len(CENTRES)


def test_what_cannot_be_searched_is_refused_in_one_sentence(
    slide_file: Path, tmp_path: Path, dot_weights: Path, write_tiff: Any, dotted: Any, capsys: Any
) -> None:
    out = tmp_path / "out"
    with_options = options(out, dot_weights)
    image = dotted(300, 300, [(50, 50)])
    silent = write_tiff(tmp_path / "silent.tif", image, mpp=None)
    coarse = write_tiff(tmp_path / "coarse.tif", image, mpp=1.0)
    assert "--mpp" in refused(["nuclei", str(silent), *with_options], capsys)
    assert "coarser" in refused(["nuclei", str(coarse), *with_options], capsys)
    assert main(["nuclei", str(silent), *with_options, "--mpp", "0.25"]) == 0
    assert main(["score", str(slide_file), "--out", str(out), "--device", "cpu"]) == 0
    capsys.readouterr()
    other = ["--mpp", "0.25", "--focus", str(out / "a slide ü.focus.ome.zarr")]
    sentence = refused(["nuclei", str(silent), *with_options, *other], capsys)
    assert "the focus map is of a slide ü.tif" in sentence
    assert "least" in refused(["nuclei", str(slide_file), *with_options, "--least", "7"], capsys)


def test_real_slides_are_searched_or_refused_as_documented(
    test_data: Path, tmp_path: Path, dot_weights: Path, capsys: Any
) -> None:
    detail = test_data / "wsi/ome-tiff/images_OS-1-detail.ome.tif"
    assert main(["nuclei", str(detail), *options(tmp_path, dot_weights)]) == 0
    (tcga,) = (test_data / "wsi/tcga").glob("*.svs")
    capsys.readouterr()
    assert "--mpp" in refused(["nuclei", str(tcga), *options(tmp_path, dot_weights)], capsys)
