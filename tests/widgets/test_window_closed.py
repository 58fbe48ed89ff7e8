"""The window closed by its cross in mid-run: in a process of its own, as a user's napari is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = """
import sys, threading, time
import napari, numpy as np
from napari.layers import Layer
from qtpy.QtCore import QThreadPool, QTimer
from napari_focusqc.plugin.layers import slide_layers
from napari_focusqc.progress import Progress
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.widgets import score_widget

closed = threading.Event()

def endless(slide, settings, earlier=None):
    try:
        while True:
            time.sleep(0.01)
            yield Progress(0, 0, "scoring")
    finally:
        closed.set()

score_widget.score_slide = endless
score_widget.prepare = lambda slide, settings: None
viewer = napari.Viewer()
slide = ArraySlide([np.zeros((300, 400, 3), np.uint8)], 0.5, "slide.svs")
viewer.add_layer(Layer.create(*slide_layers(slide)[0]))
_, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
other = napari.Viewer() if "two" in sys.argv else None

def step_1():
    widget.score_button.click()
    QTimer.singleShot(300, step_2)

def step_2():
    assert widget.run.running and not closed.is_set()
    viewer.window._qt_window.close()
    QTimer.singleShot(1500, step_3)

def step_3():
    print("closed" if closed.is_set() else "still at work")
    if other is not None:
        other.close()

QTimer.singleShot(500, step_1)
napari.run()
assert closed.wait(10)
assert QThreadPool.globalInstance().waitForDone(5000)
assert "torch" not in sys.modules, "torch was loaded by opening the widget"
print("ended")
"""


@pytest.mark.parametrize("windows", ["one", "two"])
def test_closing_the_window_stops_the_run(tmp_path: Path, windows: str) -> None:
    environment = os.environ | {"NAPARI_CONFIG": str(tmp_path / "settings.yaml")}
    done = subprocess.run(
        [sys.executable, "-c", SESSION, windows],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "ended"
    if windows == "two":
        assert "closed" in done.stdout
    assert "Traceback" not in done.stderr
