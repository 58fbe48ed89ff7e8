"""How long a person waits for the first tiles, and whether the window ever stands still.

    xvfb-run -a python tests/benchmarks/bench_window.py     (or on a screen, without xvfb-run)

napari opens a slide of 20,000² px (slides_to_measure.py), real tissue as 4:2:0 JPEG; *Score focus*
is clicked as a person clicks it. A timer that should fire every 5 ms tells how long the window did
not answer; the same timer before the click says how much of that is not the run's.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from slides_to_measure import write_slide

SIDE_PX = 20_000
BEAT_MS = 5
VIEW_PX = (4_000, 4_000, 2_400)
"""Centre and height of what is visible, level-0 px."""


@dataclass
class Heart:
    """Beats every 5 ms, as far as the window lets it."""

    beats: list[float] = field(default_factory=list)

    def start(self) -> QTimer:
        timer = QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(lambda: self.beats.append(time.perf_counter()))
        timer.start(BEAT_MS)
        return timer

    def pauses_ms(self) -> list[float]:
        """Return the times between beats, longest first."""
        return sorted((1000 * np.diff(self.beats)).tolist(), reverse=True)


def wait(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def scored(viewer: Any, before: int) -> bool:
    return len(viewer.layers) > before and bool(np.isfinite(viewer.layers[-1].data).any())


def click(viewer: Any, widget: Any) -> tuple[float, float, Heart]:
    """Click *Score focus*; return seconds to the first tiles and to the end, and the heart."""
    heart = Heart()
    timer = heart.start()
    start, first, before = time.perf_counter(), 0.0, len(viewer.layers)
    QTest.mouseClick(widget.score_button, Qt.MouseButton.LeftButton)
    while widget.run.running:
        QApplication.processEvents()
        if not first and scored(viewer, before):
            first = time.perf_counter() - start
        time.sleep(0.0005)
    seconds = time.perf_counter() - start
    timer.stop()
    return first, seconds, heart


def measure(viewer: Any, widget: Any, model: str, where: str) -> None:
    """Score twice, the first time cold, and print a row for each."""
    choice = widget.form.widget("model")
    choice.setCurrentIndex(choice.findData(model))
    widget.form.where.setCurrentIndex(widget.form.where.findData(where))
    for again in ("", ", again"):
        first, seconds, heart = click(viewer, widget)
        pauses = heart.pauses_ms()
        over = sum(pause > 50 for pause in pauses)
        waits = f"{first:.2f} | {seconds:.2f} | {pauses[0]:.0f} | {over} of {len(pauses):,}"
        print(f"| `{model}` | {where}{again} | {waits} |", flush=True)
        wait(0.3)


def beaten(work: Callable[[], object]) -> float:
    """Do something and wait a second; return the longest pause, ms."""
    heart = Heart()
    timer = heart.start()
    wait(0.2)
    work()
    wait(1)
    timer.stop()
    return heart.pauses_ms()[0]


def napari_alone(viewer: Any) -> str:
    """Measure what napari itself takes to add layers as a run does."""
    empty = np.zeros((150, 150))

    def image() -> None:
        viewer.add_image(empty, visible=True).colorbar.visible = True

    first, again = (
        (beaten(image), beaten(lambda: viewer.add_labels(empty.astype(int), visible=False)))
        for _ in range(2)
    )
    return (
        f"napari alone, adding an image with its colour bar and then labels: {first[0]:.0f} and "
        f"{first[1]:.0f} ms, again {again[0]:.0f} and {again[1]:.0f} ms"
    )


def main(folder: Path) -> None:
    path = folder / "slide.tif"
    write_slide(path, (SIDE_PX, SIDE_PX))
    viewer = napari.Viewer(show=True)
    viewer.open(path, plugin="napari-focusqc")
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    wait(3)
    heart = Heart()
    timer = heart.start()
    wait(3)
    timer.stop()
    idle = heart.pauses_ms()
    print(f"idle: {idle[0]:.0f} ms at most, {statistics.median(idle):.1f} ms as a rule\n")
    print("| model | where | first tiles, s | whole run, s | longest pause, ms | over 50 ms |")
    print("| --- | --- | --- | --- | --- | --- |")
    y, x, height = VIEW_PX
    whole = viewer.scene.camera.center, viewer.scene.camera.zoom
    for model in sys.argv[1:] or ("focuslitenn-10", "convfocus"):
        scale = viewer.layers[0].scale[-1]
        viewer.scene.camera.center = (0, y * scale, x * scale)
        viewer.scene.camera.zoom = viewer.window.qt_viewer.canvas.size[0] / (height * scale)
        wait(2)
        measure(viewer, widget, model, "visible")
        viewer.scene.camera.center, viewer.scene.camera.zoom = whole
        wait(2)
        measure(viewer, widget, model, "whole")
    print(f"\n{napari_alone(viewer)}")
    viewer.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
