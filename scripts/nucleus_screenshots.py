"""Make the pictures of the nucleus guide: the real window, the real buttons, real slides.

Usage: python scripts/nucleus_screenshots.py DATA [NAME ...] [--weights FILE] [--out DIR]

DATA is the folder that FOCUSQC_TEST_DATA names. It needs a display, such as xvfb-run brings.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
from PIL import Image
from qtpy.QtWidgets import QLineEdit
from screenshots import IMAGES, taken, wait_until, write_picture

from napari_focusqc.widgets.window import OPEN_S, PLUGIN, settle

WINDOW_PX = (1500, 1100)
CMU1 = "wsi/openslide-cmu/CMU-1-Small-Region.svs"
OS1 = "wsi/ome-tiff/images_OS-1-detail.ome.tif"
FIELDS, FIELD = "histology/dsb2018-brightfield", "045"
"""Public domain (CC0), so that a picture of it may be published."""
FIELD_MPP = "0.25"
STRICT = 2.0
"""Nothing of CMU-1-Small-Region is out of focus by the measured threshold of 8.2."""
ERRORS = 3
"""Which of the errors is looked at, from the worst."""
Picture = Callable[[Path, Path | None], Image.Image]


def main() -> None:
    """Read the arguments, work in a window, write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder that FOCUSQC_TEST_DATA names")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--weights", type=Path, help="a .safetensors file, not the shipped weights")
    parser.add_argument("--out", type=Path, default=IMAGES, help="where the pictures go")
    options = parser.parse_args()
    unknown = set(options.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture {', '.join(unknown)}; there are: {', '.join(PICTURES)}")
    for name in options.names or PICTURES:
        path = options.out / f"{name}.png"
        write_picture(PICTURES[name](options.data, options.weights), path)
        print(f"wrote {path} ({path.stat().st_size:,} bytes)")


def marked_by_focus(data: Path, weights: Path | None) -> Image.Image:
    """Score the focus strictly, find the nuclei, mark those out of focus, look at some of both."""
    viewer = opened(data / CMU1)
    dock, scoring = docked(viewer, "Score focus")
    scoring.form.put("threshold", STRICT)
    scoring.score_button.click()
    wait_until(lambda: not scoring.run.running)
    viewer.window.remove_dock_widget(dock)
    finding = found(viewer, weights)
    focus = finding.result.focus
    focus.maps.setCurrentIndex(1)
    focus.rules.setCurrentIndex(1)
    return looked_at(viewer, (390.0, 640.0), 3.2)


def all_nuclei(data: Path, weights: Path | None) -> Image.Image:
    """Find the nuclei, and look at a place near by."""
    viewer = opened(data / OS1)
    found(viewer, weights)
    return looked_at(viewer, (125.0, 125.0), 8.0)


def evaluated(data: Path, weights: Path | None) -> Image.Image:
    """Find the nuclei of an annotated field, compare them with the true ones, look at an error."""
    viewer = opened(data / FIELDS / "images" / f"{FIELD}.png", "napari")
    finding = found(viewer, weights, mpp=FIELD_MPP)
    viewer.window.remove_dock_widget(finding.parent())
    _, widget = docked(viewer, "Evaluate nuclei")
    widget.truth.setCurrentIndex(widget.truth.count() - 1)
    line = widget.form.widget("truth").findChild(QLineEdit)
    line.setText(str(data / FIELDS / "labels" / f"{FIELD}.png"))
    widget.evaluate_button.click()
    wait_until(lambda: not widget.run.running)
    if widget.errors.model.rowCount() < ERRORS:
        raise SystemExit(f"nothing to look at: {widget.run.status.text()}")
    for _ in range(ERRORS):
        widget.errors.next_button.click()
    viewer.reset_view()
    settle(1.5)
    return taken(viewer)


def opened(path: Path, plugin: str = PLUGIN) -> napari.Viewer:
    """Return a dark window that shows a slide, or an image that another plugin opens."""
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_PX)
    viewer.theme = "dark"
    viewer.open(path, plugin=plugin)
    viewer.canvas.overlays.scale_bar.visible = True
    settle(OPEN_S)
    return viewer


def docked(viewer: napari.Viewer, name: str) -> tuple[Any, Any]:
    """Return a widget of ours and its dock, once the canvas has its size."""
    dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    settle(OPEN_S)
    viewer.reset_view()
    return dock, widget


def found(viewer: napari.Viewer, weights: Path | None, mpp: str = "") -> Any:
    """Click “Find nuclei” and wait for the points; return the widget."""
    _, widget = docked(viewer, "Find nuclei")
    widget.form.put("weights", weights)
    widget.form.widget("mpp").setText(mpp)
    widget.find_button.click()
    wait_until(lambda: not widget.run.running)
    if widget.result.points is None:
        raise SystemExit(f"no result: {widget.run.status.text()}")
    return widget


def looked_at(viewer: napari.Viewer, centre_um: tuple[float, float], zoom: float) -> Image.Image:
    """Take the window with a place (y, x) in its middle, at so many canvas px per µm."""
    viewer.scene.camera.center = (0, *centre_um)
    viewer.scene.camera.zoom = zoom
    settle(1.5)
    return taken(viewer)


PICTURES: dict[str, Picture] = {
    "find-nuclei-cmu1": marked_by_focus,
    "find-nuclei-os1": all_nuclei,
    "evaluate-nuclei": evaluated,
}


if __name__ == "__main__":
    main()
