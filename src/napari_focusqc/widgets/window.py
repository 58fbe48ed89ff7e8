"""A napari window with a slide and its saved map, to look at or as a picture.

Room: widgets. The command line starts it in a process of its own.
"""

import time
from pathlib import Path

import napari
from qtpy.QtWidgets import QApplication

from napari_focusqc.widgets.score_widget import ScoreWidget

PLUGIN, WIDGET = "napari-focusqc", "Score focus"
WINDOW_PX = (1440, 900)
OPEN_S = 0.5
"""How long a new window is let live until its canvas has its size."""
SETTLE_S = 2.0
"""How long a window is let live before its picture is taken: tiles arrive by and by."""


def show(slide: str, saved_map: str, screenshot: str | None = None) -> None:
    """Open a slide with its map over it and the dock beside it.

    Parameters
    ----------
    slide
        The slide's file.
    saved_map
        The focus map's folder.
    screenshot
        PNG of the whole window to write; None leaves the window open until it is closed.
    """
    viewer, _ = open_window(Path(slide))
    viewer.open(saved_map, plugin=PLUGIN)
    if screenshot is None:
        napari.run()
        return
    settle(SETTLE_S)
    viewer.screenshot(screenshot, canvas_only=False, flash=False)
    viewer.close()


def open_window(slide: Path) -> tuple[napari.Viewer, ScoreWidget]:
    """Return a viewer that shows a slide, and its dock “Score focus”."""
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_PX)
    viewer.open(slide, plugin=PLUGIN)
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    viewer.canvas.overlays.scale_bar.visible = True
    settle(OPEN_S)
    viewer.reset_view()
    return viewer, widget


def settle(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
