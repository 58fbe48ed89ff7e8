"""The command line as a user meets it: files, words, exit codes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from napari_focusqc import FocusMap
from napari_focusqc.cli import main
from napari_focusqc.results.focus_map import Reason

IHC = data.immunohistochemistry()


@pytest.fixture
def slide_file(tmp_path: Path, write_tiff) -> Path:
    """Write a small 40x slide of real tissue."""
    path = tmp_path / "a slide ü.tif"
    write_tiff(path, np.tile(IHC, (2, 2, 1)), mpp=0.25)
    return path


@pytest.fixture
def silent_file(tmp_path: Path, write_tiff) -> Path:
    """Write a slide that does not say its µm/px."""
    path = tmp_path / "silent.tif"
    write_tiff(path, np.tile(IHC, (2, 2, 1)), mpp=None)
    return path


def test_score_writes_map_tables_and_overlay(slide_file: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert main(["score", str(slide_file), "--out", str(out), "--model", "focuslitenn"]) == 0
    names = sorted(path.name for path in out.iterdir())
    stem = "a slide ü"
    assert names == [
        f"{stem}.focus.ome.zarr",
        f"{stem}.overlay.png",
        f"{stem}.summary.json",
        f"{stem}.tiles.csv",
    ]
    focus_map = FocusMap.load(out / names[0])
    assert np.isfinite(focus_map.scores).any()
    assert len((out / names[3]).read_text("utf-8").splitlines()) == focus_map.scores.size + 1
    json.loads((out / names[2]).read_text("utf-8"))
    assert (out / names[1]).read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_a_quick_estimate_says_what_it_took_and_leaves_the_whole_map_alone(
    slide_file: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "out"
    command = ["score", str(slide_file), "--out", str(out), "--model", "focuslitenn"]
    assert main(command) == 0
    whole = FocusMap.load(out / "a slide ü.focus.ome.zarr")
    assert main([*command, "--quick"]) == 0
    printed = capsys.readouterr().out
    total = (whole.reasons != Reason.GLASS).sum()
    assert f"of the judged tiles are out of focus (95 % confidence), from {total}" in printed
    again = FocusMap.load(out / "a slide ü.focus.ome.zarr")
    assert again.source == whole.source
    sample = FocusMap.load(out / "a slide ü.quick.focus.ome.zarr")
    done = sample.reasons != Reason.NOT_RUN
    np.testing.assert_array_equal(sample.scores[done], whole.scores[done])


def test_models_lists_every_shipped_set(capsys) -> None:
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    for kernels in (1, 2, 10):
        for mpp in ("0.25", "0.5"):
            assert f"focuslitenn-{kernels}-{mpp}" in printed


def refused(arguments: list[str], capsys) -> str:
    """Run a command that must be refused and return its one sentence."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    (sentence,) = printed.err.strip().splitlines()
    assert sentence.startswith("focusqc: ")
    return sentence


def test_a_slide_without_mpp_is_refused_until_it_is_given(
    silent_file: Path, tmp_path: Path, capsys
) -> None:
    command = ["score", str(silent_file), "--out", str(tmp_path / "out")]
    assert "--mpp" in refused(command, capsys)
    assert main([*command, "--mpp", "0.25"]) == 0


def test_bad_input_gets_one_sentence_and_exit_code_2(
    slide_file: Path, tmp_path: Path, capsys
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a slide")
    cut = tmp_path / "cut.tif"
    cut.write_bytes(slide_file.read_bytes()[: slide_file.stat().st_size // 2])
    weights = tmp_path / "bad.safetensors"
    weights.write_bytes(b"junk")
    out = ["--out", str(tmp_path / "out")]
    assert "no-such" in refused(["info", str(tmp_path / "no-such.svs")], capsys)
    assert "notes.txt" in refused(["info", str(text)], capsys)
    assert "cut.tif" in refused(["score", str(cut), *out], capsys)
    assert "magic" in refused(["score", str(slide_file), *out, "--model", "magic"], capsys)
    assert "bad.safetensors" in refused(
        ["score", str(slide_file), *out, "--weights", str(weights)], capsys
    )
    assert "mpp" in refused(["score", str(slide_file), *out, "--mpp", "0"], capsys)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root cannot write")
def test_a_read_only_output_folder_is_refused_before_scoring(slide_file: Path, capsys) -> None:
    assert "nothing can be written in /proc/self" in refused(
        ["score", str(slide_file), "--out", "/proc/self"], capsys
    )


def test_an_output_folder_that_is_a_file_is_refused_before_scoring(
    slide_file: Path, tmp_path: Path, capsys
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    assert "blocked" in refused(["score", str(slide_file), "--out", str(blocked)], capsys)


def test_options_are_the_settings(capsys) -> None:
    with pytest.raises(SystemExit) as end:
        main(["score", "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--model", "--mpp", "--device", "--tissue", "--min-tissue", "--threads"):
        assert option in printed
    assert "--region" not in printed


def test_real_slides_score_or_are_refused_as_documented(
    test_data: Path, tmp_path: Path, capsys
) -> None:
    wsi = test_data / "wsi"
    out = ["--out", str(tmp_path / "out")]
    for slide in ("openslide-cmu/CMU-1-Small-Region.svs", "ome-tiff/images_OS-1-detail.ome.tif"):
        assert main(["score", str(wsi / slide), *out]) == 0
    (tcga,) = (wsi / "tcga").glob("*.svs")
    capsys.readouterr()
    assert "--mpp" in refused(["score", str(tcga), *out], capsys)
    assert main(["score", str(tcga), *out, "--mpp", "0.25"]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    for stem in ("CMU-1-Small-Region", "images_OS-1-detail", tcga.name.split(".")[0]):
        for ending in ("focus.ome.zarr", "tiles.csv", "summary.json", "overlay.png"):
            assert f"{stem}.{ending}" in names
