"""A napari window with a slide, or with one slide's maps by several models beside each other.

Room: widgets. The command line starts it in a process of its own.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import napari
from napari.layers import Layer
from qtpy.QtWidgets import QApplication

from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.plugin.side_by_side import LAYERS_PER_CELL, side_by_side_layers
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.widgets.score_widget import ScoreWidget

PLUGIN, WIDGET = "napari-focusqc", "Score focus"
WINDOW_PX = (1440, 900)
GAP_PX = 8
OPEN_S = 0.5
"""How long a new window is let live until its canvas has its size."""
SETTLE_S = 2.0
"""How long a window is let live before its picture is taken: tiles arrive by and by."""


def show(slide: str, defocus: str, *saved_maps: str, screenshot: str | None = None) -> None:
    """Open a slide in a grid: under each of its maps, and under its known defocus.

    Parameters
    ----------
    slide
        The slide's file.
    defocus
        Its truth, see `slides.sample.slide.true_defocus`.
    saved_maps
        The focus maps' folders.
    screenshot
        PNG of the whole window to write; None leaves the window open until it is closed.
    """
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_PX)
    maps = [FocusMap.load(saved_map) for saved_map in saved_maps]
    fill_grid(viewer, side_by_side_layers(open_slide(slide), maps, Path(defocus)))
    settle(OPEN_S)
    viewer.reset_view()
    if screenshot is None:
        napari.run()
        return
    settle(SETTLE_S)
    viewer.screenshot(screenshot, canvas_only=False, flash=False)
    viewer.close()


def fill_grid(viewer: napari.Viewer, cells: Sequence[Sequence[LayerData]]) -> None:
    """Give each cell of napari's grid its layers, its name and its colour bar.

    Parameters
    ----------
    viewer
        Empty.
    cells
        From `side_by_side_layers`.
    """
    viewer.canvas.grid.stride = LAYERS_PER_CELL
    viewer.canvas.grid.spacing = GAP_PX
    viewer.canvas.grid.enabled = True
    viewer.canvas.overlays.scale_bar.visible = True
    for cell in cells:
        layers = [viewer.add_layer(Layer.create(*layer)) for layer in cell]
        about = layers[1]
        about.name_overlay.visible = True
        about.colorbar.visible = True


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
