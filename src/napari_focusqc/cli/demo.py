"""`focusqc demo`: the focus models side by side on the built-in sample slide, shown in napari.

Room: cli.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.cli.score import overview, score_into
from napari_focusqc.errors import OutputError
from napari_focusqc.results.focus_map import Reason
from napari_focusqc.results.summary import summarise
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide

if TYPE_CHECKING:
    from napari_focusqc.evaluation.focus_protocols import ComparedMap, KnownDefocus
    from napari_focusqc.slides.sample.slide import SampleSlide

DEMO_MODELS = ("deepfocus", "focuslitenn", "convfocus")

_COLUMNS = ("model", "one blur", "all tiles", "out of focus", "scored", "abstained", "seconds")


@dataclass(frozen=True, slots=True, eq=False)
class ModelRun:
    """What one model made of the sample slide.

    Parameters
    ----------
    compared
        Its map beside the known defocus.
    saved
        Where the map is.
    seconds
        How long the model took.
    """

    compared: "ComparedMap"
    saved: Path
    seconds: float


def demo(arguments: argparse.Namespace) -> None:
    """Score the built-in sample slide with every focus model, and show them side by side."""
    from napari_focusqc.evaluation.focus_protocols import KnownDefocus
    from napari_focusqc.slides.sample.slide import sample_slide, true_defocus

    sample = run_with_bar(sample_slide(), "sample slide")
    known = KnownDefocus(*true_defocus(sample.defocus))
    runs = [_run(model, sample.slide, known, arguments.out / model) for model in DEMO_MODELS]
    print("Spearman of tile scores against the known defocus (tiles of one blur, all tiles):")
    for line in table_lines(runs):
        print(line)
    print(f"wrote {_write_picture(runs, known, sample.slide, arguments.out)}")
    _show(sample, [run.saved for run in runs], arguments.out / "screenshot.png")


def _run(model: str, slide: Path, known: "KnownDefocus", out: Path) -> ModelRun:
    """Score the slide with one model, and compare the map with what is known."""
    from napari_focusqc.evaluation.focus_protocols import compare

    print(f"{model}:")
    start = time.monotonic()
    focus_map, saved = score_into(out, slide, ScoreSettings(model=model))
    return ModelRun(compare(focus_map, known), saved, time.monotonic() - start)


def table_lines(runs: Sequence[ModelRun]) -> list[str]:
    """Return a table of the models, a line each, below its heading."""
    rows = [_COLUMNS, *(_cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
        for row in rows
    ]


def _cells(run: ModelRun) -> tuple[str, ...]:
    """Return a model's line of the table, in the order of `_COLUMNS`."""
    focus_map = run.compared.focus_map
    share = summarise(focus_map).out_of_focus_share
    return (
        focus_map.source.model,
        f"{run.compared.uniform.spearman:.3f}",
        f"{run.compared.every.spearman:.3f}",
        "–" if share is None else f"{share:.1%}",
        *(f"{(focus_map.reasons == r).sum():,}" for r in (Reason.SCORED, Reason.ABSTAINED)),
        f"{run.seconds:.1f}",
    )


def _write_picture(runs: Sequence[ModelRun], known: "KnownDefocus", path: Path, out: Path) -> Path:
    """Write the overlays side by side."""
    from napari_focusqc.evaluation.side_by_side import write_side_by_side

    slide = open_slide(path)
    try:
        thumbnail = overview(slide)
    finally:
        slide.close()
    compared = [run.compared for run in runs]
    return write_side_by_side(compared, known, thumbnail, out / "models.png")


def _show(sample: "SampleSlide", saved_maps: Sequence[Path], screenshot: Path) -> None:
    """Open napari with the slide under each map, or without a display write a screenshot."""
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    virtual = shutil.which("xvfb-run")
    if has_display:
        show_window(_window(sample, saved_maps))
    elif virtual is not None:
        screen = [virtual, "-a", "-s", "-screen 0 1600x1200x24"]
        show_window([*screen, *_window(sample, saved_maps, screenshot)])
        print(f"wrote {screenshot}")
    else:
        print("no screenshot: there is no display; xvfb-run (Debian's xvfb) would stand in for one")


def _window(
    sample: "SampleSlide", saved_maps: Sequence[Path], screenshot: Path | None = None
) -> list[str]:
    """Return the command that shows the maps, or takes a picture of them."""
    files = [str(path) for path in (sample.slide, sample.defocus, *saved_maps)]
    picture = None if screenshot is None else str(screenshot)
    code = (
        "import sys; from napari_focusqc.widgets.window import show; "
        f"show(*sys.argv[1:], screenshot={picture!r})"
    )
    return [sys.executable, "-c", code, *files]


def show_window(command: list[str]) -> None:
    """Run napari in a process of its own until it ends.

    Raises
    ------
    OutputError
        It ended with an error, whose own words are on the terminal.
    """
    if subprocess.run(command, check=False).returncode:
        raise OutputError(
            "the results are written, but napari could not show them; install a Qt window with "
            "“pip install napari[all]”"
        )
