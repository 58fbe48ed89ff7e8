"""`focusqc demo`: the main job on the built-in sample slide, shown in napari.

Room: cli.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.cli.score import score_into
from napari_focusqc.errors import OutputError
from napari_focusqc.settings.scoring import ScoreSettings


def demo(arguments: argparse.Namespace) -> None:
    """Score the built-in sample slide, compare with its known defocus, and show it in napari."""
    from napari_focusqc.evaluation.focus_protocols import tile_truth, truth_correlation
    from napari_focusqc.slides.sample.slide import sample_slide, true_defocus

    sample = run_with_bar(sample_slide(), "sample slide")
    focus_map, saved = score_into(arguments.out, sample.slide, ScoreSettings())
    truth = tile_truth(*true_defocus(sample.defocus), focus_map)
    print("Spearman of tile scores against the known defocus:")
    print(f"  {truth_correlation(focus_map, truth)} that have one blur")
    print(f"  {truth_correlation(focus_map, truth, uniform_only=False)} in all")
    _show(sample.slide, saved, arguments.out / "screenshot.png")


def _show(slide: Path, saved_map: Path, screenshot: Path) -> None:
    """Open napari with the slide and its map, or without a display write a screenshot."""
    code = "import sys; from napari_focusqc.widgets.window import show; show(*sys.argv[1:])"
    window = [sys.executable, "-c", code, str(slide), str(saved_map)]
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    virtual = shutil.which("xvfb-run")
    if has_display:
        show_window(window)
    elif virtual is not None:
        screen = [virtual, "-a", "-s", "-screen 0 1600x1200x24"]
        show_window([*screen, *window, str(screenshot)])
        print(f"wrote {screenshot}")
    else:
        print("no screenshot: there is no display; xvfb-run (Debian's xvfb) would stand in for one")


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
