"""A run that was killed goes on where it stood, and gives the map that it would have given."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.geometry import Region
from napari_focusqc.pipeline import score_slide
from napari_focusqc.progress import finish
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason
from napari_focusqc.results.store import load_map
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import reading

SETTINGS = ScoreSettings(model="focuslitenn-1", tissue="none", device="cpu", threads=2)
BLOCK_PX = 256
KILLED = """
import os, signal, sys
from pathlib import Path
from napari_focusqc.pipeline import score_slide
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import reading
reading.BLOCK_PX = 256
settings = ScoreSettings(model=sys.argv[4], tissue="none", device="cpu", threads=2)
slide = open_slide(Path(sys.argv[1]))
for number, step in enumerate(score_slide(slide, settings, save_to=sys.argv[2])):
    if number == int(sys.argv[3]):
        print(step.done, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def small_blocks():
    with patch.object(reading, "BLOCK_PX", BLOCK_PX):
        yield


@pytest.fixture
def path(tmp_path, write_tiff, tissue_image) -> Path:
    return write_tiff(tmp_path / "slide.tif", tissue_image(1100, 1300))


def run(path: Path, model: str = SETTINGS.model, **more: object) -> tuple[FocusMap, list[int]]:
    """Score a slide; return the map, and how many tiles were done at each step."""
    slide, done = open_slide(path), []
    work = score_slide(slide, replace(SETTINGS, model=model), **more)
    while True:
        try:
            done.append(next(work).done)
        except StopIteration as end:
            slide.close()
            return end.value, done


def assert_equal(one: FocusMap, other: FocusMap) -> None:
    """Compare two maps to the last bit, but for the time they were begun."""
    for name in ("scores", "reasons", "tissue"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert replace(one.source, created="") == replace(other.source, created="")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("model", "steps"),
    [("focuslitenn-1", 3), ("focuslitenn-1", 6), ("focuslitenn-1", 12), ("convfocus", 6)],
)
def test_after_kill_9_the_same_run_goes_on(
    path: Path, tmp_path: Path, model: str, steps: int
) -> None:
    saved = tmp_path / "slide.focus.ome.zarr"
    command = [sys.executable, "-c", KILLED, str(path), str(saved), str(steps), model]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = int(killed.stdout)
    assert not saved.exists()
    left = load_map(tmp_path / "slide.focus.ome.zarr.unfinished")
    assert (left.reasons != Reason.NOT_RUN).sum() == before
    found, done = run(path, model, save_to=saved)
    assert next(count for count in done if count) == before
    expected, _ = run(path, model)
    assert_equal(found, expected)
    assert_equal(load_map(saved), expected)
    assert found.source.created == left.source.created
    assert [entry.name for entry in tmp_path.glob("*.zarr*")] == [saved.name]


def test_a_run_that_is_closed_keeps_what_is_done_and_a_damaged_chunk_is_scored_again(
    path: Path, tmp_path: Path
) -> None:
    saved, slide = tmp_path / "map.ome.zarr", open_slide(path)
    work = score_slide(slide, SETTINGS, save_to=saved)
    while next(work).done < 20:
        pass
    work.close()
    unfinished = tmp_path / "map.ome.zarr.unfinished"
    chunk = unfinished / "0/c/0/0"
    data = bytearray(chunk.read_bytes())
    data[7] ^= 255
    chunk.write_bytes(bytes(data))
    found, done = run(path, save_to=saved)
    assert done[:3] == [0, 0, 0]  # nothing of it is believed
    assert_equal(found, run(path)[0])


@pytest.mark.parametrize("change", ["slide", "model", "settings"])
def test_another_run_does_not_go_on_from_it(
    path: Path, tmp_path: Path, write_tiff, tissue_image, change: str
) -> None:
    saved, slide = tmp_path / "map.ome.zarr", open_slide(path)
    work = score_slide(slide, SETTINGS, save_to=saved)
    while next(work).done < 20:
        pass
    work.close()
    slide.close()
    settings = SETTINGS
    if change == "slide":
        write_tiff(path, tissue_image(1100, 1300, 7))
    else:
        values = {"model": "focuslitenn-2"} if change == "model" else {"min_structure": 3.0}
        settings = replace(SETTINGS, **values)
    found = finish(score_slide(open_slide(path), settings, save_to=saved))
    assert_equal(found, finish(score_slide(open_slide(path), settings)))


def test_an_earlier_map_is_scored_further_and_one_of_another_run_refused(path: Path) -> None:
    expected, _ = run(path)
    reasons, scores = expected.reasons.copy(), expected.scores.copy()
    reasons[2:], scores[2:] = Reason.NOT_RUN, np.nan
    half = replace(expected, reasons=reasons, scores=scores)
    found, done = run(path, earlier=half)
    assert next(count for count in done if count) == 2 * expected.grid.cols
    assert_equal(found, expected)
    other = replace(half, source=replace(half.source, threshold=1.0))
    with pytest.raises(MapFileError, match="another slide or other settings"):
        run(path, earlier=other)


def test_what_is_no_map_is_never_replaced(path: Path, tmp_path: Path) -> None:
    saved = tmp_path / "map.ome.zarr"
    saved.mkdir()
    (saved / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not only a focus map"):
        run(path, save_to=saved)
    assert (saved / "mine.txt").read_text() == "keep"


def test_the_unfinished_folder_says_whose_it_is(path: Path, tmp_path: Path) -> None:
    slide = open_slide(path)
    work = score_slide(slide, SETTINGS, save_to=tmp_path / "map.ome.zarr")
    while next(work).done < 1:
        pass
    work.close()
    told = json.loads((tmp_path / "map.ome.zarr.unfinished/zarr.json").read_text("utf-8"))
    assert told["attributes"]["fingerprint"]["bytes"] == path.stat().st_size


@pytest.mark.parametrize("extra", ["coarse", "view", "both"])
def test_the_order_changes_no_score_and_scores_nothing_twice(path: Path, extra: str) -> None:
    view = Region(600, 700, 200, 200)
    settings = replace(
        SETTINGS,
        coarse_first=extra != "view",
        view=None if extra == "coarse" else view,
    )
    expected, _ = run(path)
    slide, seen = open_slide(path), []
    work = score_slide(slide, settings)
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            found = end.value
            break
        if isinstance(step.update, BlockUpdate):
            seen.append((step.done, step.update))
    assert_equal(found, expected)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})  # each step adds tiles
    first = seen[0][1]
    if extra != "coarse":
        rows, cols = first.scores.shape
        near = expected.grid.within(view)
        assert first.row <= near.row0 < first.row + rows
        assert first.col <= near.col0 < first.col + cols
    if extra != "view":
        coarse = [update for _, update in seen if update.step == 4]
        assert sum(int(np.isfinite(update.scores).sum()) for update in coarse) == 2 * 3
        assert all(update.step == 1 for _, update in seen[len(coarse) :])


def test_a_quick_run_stops_when_the_share_is_known(path: Path) -> None:
    settings = replace(SETTINGS, model="convfocus", quick=0.3, seed=3)
    found = finish(score_slide(open_slide(path), settings))
    known = estimate(found)
    assert known.half_width <= 0.3
    assert known.scored_tiles == 64 < known.tiles
    again = finish(score_slide(open_slide(path), settings))
    assert_equal(found, again)
    whole = finish(score_slide(open_slide(path), replace(settings, quick=None)))
    done = found.reasons != Reason.NOT_RUN
    np.testing.assert_allclose(found.scores[done], whole.scores[done], rtol=0, atol=1e-4)


def test_a_quick_run_that_was_closed_draws_the_same_sample(path: Path, tmp_path: Path) -> None:
    """Tiles of a round that was cut short lie together, so they alone say nothing of the slide."""
    settings = replace(SETTINGS, quick=0.3, seed=3)
    work = score_slide(open_slide(path), settings, save_to=tmp_path / "map.ome.zarr")
    while next(work).done < 8:
        pass
    work.close()
    again = score_slide(open_slide(path), settings, save_to=tmp_path / "map.ome.zarr")
    assert_equal(finish(again), finish(score_slide(open_slide(path), settings)))


def test_what_stands_where_the_map_would_grow_is_never_removed(path: Path, tmp_path: Path) -> None:
    mine = tmp_path / "map.ome.zarr.unfinished"
    mine.mkdir()
    (mine / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not only a focus map"):
        run(path, save_to=tmp_path / "map.ome.zarr")
    assert (mine / "mine.txt").read_text() == "keep"


def test_a_run_on_another_device_does_not_go_on(path: Path) -> None:
    expected, _ = run(path)
    other = replace(expected, source=replace(expected.source, device="cuda"))
    with pytest.raises(MapFileError, match="another slide or other settings"):
        run(path, earlier=other)
