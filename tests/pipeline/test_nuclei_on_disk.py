"""Nuclei written while they are found are those found in memory, kill or no kill."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_focusqc.errors import OutputError
from napari_focusqc.geometry import Region
from napari_focusqc.pipeline import find_nuclei, find_nuclei_to, nuclei
from napari_focusqc.progress import finish
from napari_focusqc.results.nucleus_files import load_nuclei
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import cores

KILLED = """
import os, signal, sys
from pathlib import Path
from napari_focusqc.pipeline import find_nuclei_to, nuclei
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import cores
cores.CORE_PX, nuclei.PART_CORES = 128, 3
settings = NucleusSettings(weights=Path(sys.argv[3]), tissue="none", device="cpu", threads=2)
for step in find_nuclei_to(open_slide(Path(sys.argv[1])), settings, sys.argv[2]):
    if step.done == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def small_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "CORE_PX", 128)
    monkeypatch.setattr(nuclei, "PART_CORES", 3)


@pytest.fixture
def path(tmp_path: Path, write_tiff: Any, dotted: Any) -> Path:
    rng = np.random.default_rng(0)
    image = dotted(500, 600, rng.uniform(5, 495, (300, 2)))
    return write_tiff(tmp_path / "slide.tif", image, compression="deflate")


def found(path: Path, weights: Path, saved: Path | None = None, **changes: Any) -> Any:
    """Search a slide; return the table, and how many cores were done at each update."""
    values = {"device": "cpu", "tissue": "none", "threads": 2, "weights": weights} | changes
    slide, done = open_slide(path), []
    options = NucleusSettings(**values)
    work = find_nuclei(slide, options) if saved is None else find_nuclei_to(slide, options, saved)
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            slide.close()
            return (end.value if saved is None else load_nuclei(end.value)), done
        done += [] if step.update is None else [step.done]


def assert_equal(one: NucleusTable, other: NucleusTable) -> None:
    """Compare two tables to the last bit, but for the time they were begun."""
    for name in ("centres", "peaks", "focus", "in_focus"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert replace(one.source, created="") == replace(other.source, created="")


def test_the_file_has_the_nuclei_found_in_memory(
    path: Path, tmp_path: Path, dot_weights: Path
) -> None:
    table, _ = found(path, dot_weights)
    assert len(table) > 100
    saved, done = found(path, dot_weights, tmp_path / "n.parquet")
    assert_equal(saved, table)
    assert done == list(range(21))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["n.parquet", "slide.tif"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_kill_9_the_same_run_goes_on(path: Path, tmp_path: Path, dot_weights: Path) -> None:
    saved = tmp_path / "n.parquet"
    command = [sys.executable, "-c", KILLED, str(path), str(saved), str(dot_weights), "10"]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not saved.exists()
    begun = json.loads((tmp_path / "n.parquet.unfinished/run.json").read_text())["created"]
    table, done = found(path, dot_weights, saved)
    assert done == [0, 3, 6, *range(9, 21)]  # three parts of three cores were finished
    assert_equal(table, found(path, dot_weights)[0])
    assert table.source.created == begun
    assert not (tmp_path / "n.parquet.unfinished").exists()


def unfinished(path: Path, weights: Path, saved: Path, cores_done: int = 9) -> Path:
    """Leave a run that was closed; return its folder."""
    options = NucleusSettings(device="cpu", tissue="none", threads=2, weights=weights)
    slide = open_slide(path)
    work = find_nuclei_to(slide, options, saved)
    while next(work).done < cores_done:
        pass
    work.close()
    slide.close()
    return saved.with_name(saved.name + ".unfinished")


def test_a_damaged_part_is_searched_again(path: Path, tmp_path: Path, dot_weights: Path) -> None:
    folder = unfinished(path, dot_weights, tmp_path / "n.parquet")
    part = folder / "000001.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    table, done = found(path, dot_weights, tmp_path / "n.parquet")
    assert done == [0, 3, *range(6, 21)]
    assert_equal(table, found(path, dot_weights)[0])


@pytest.mark.parametrize(
    "changes", [{"least": 0.5}, {"region": Region(0, 0, 400, 600)}, {"tissue": "otsu"}, "slide"]
)
def test_another_run_does_not_go_on_from_it(
    path: Path, tmp_path: Path, dot_weights: Path, write_tiff: Any, dotted: Any, changes: Any
) -> None:
    unfinished(path, dot_weights, tmp_path / "n.parquet")
    if changes == "slide":
        write_tiff(path, dotted(500, 600, [(40, 50), (333, 444)]), compression="deflate")
        changes = {}
    table, _ = found(path, dot_weights, tmp_path / "n.parquet", **changes)
    assert_equal(table, found(path, dot_weights, **changes)[0])


def test_a_slide_of_glass_has_a_table_without_nuclei(
    tmp_path: Path, dot_weights: Path, write_tiff: Any
) -> None:
    noise = np.random.default_rng(0).integers(242, 246, (300, 400, 3), dtype=np.uint8)
    path = write_tiff(tmp_path / "glass.tif", noise, compression=None)
    table, done = found(path, dot_weights, tmp_path / "n.parquet", tissue="otsu")
    assert (len(table), done) == (0, [0])
    assert table.source.searched_px2 == 0


@pytest.mark.parametrize("place", ["n.parquet", "n.parquet.unfinished"])
def test_what_is_not_ours_is_never_replaced(
    path: Path, tmp_path: Path, dot_weights: Path, place: str
) -> None:
    mine = tmp_path / place / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("keep")
    with pytest.raises(OutputError, match="choose another name"):
        found(path, dot_weights, tmp_path / "n.parquet")
    assert mine.read_text() == "keep"


def test_a_missing_folder_is_refused_before_anything_is_searched(
    path: Path, tmp_path: Path, dot_weights: Path
) -> None:
    slide = open_slide(path)
    options = NucleusSettings(device="cpu", tissue="none", weights=dot_weights)
    with pytest.raises(OutputError, match="there is no folder"):
        finish(find_nuclei_to(slide, options, tmp_path / "none" / "n.parquet"))
    slide.close()
