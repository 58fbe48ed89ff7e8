"""A napari window with a slide and its saved map, to look at or as a picture.

Room: widgets. The command line starts it in a process of its own.
"""

import time
from pathlib import Path

import imageio.v3 as iio
import napari
from qtpy.QtWidgets import QApplication

PLUGIN, WIDGET = "napari-focusqc", "Score focus"
WINDOW_PX = (1440, 900)
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
    viewer = open_window(Path(slide))
    viewer.open(saved_map, plugin=PLUGIN)
    if screenshot is None:
        napari.run()
        return
    settle(SETTLE_S)
    iio.imwrite(screenshot, viewer.screenshot(canvas_only=False, flash=False))
    viewer.close()


def open_window(slide: Path) -> napari.Viewer:
    """Return a viewer with a slide and the dock “Score focus”."""
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_PX)
    viewer.open(slide, plugin=PLUGIN)
    viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    viewer.canvas.overlays.scale_bar.visible = True
    viewer.reset_view()
    return viewer


def settle(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
