"""The Evaluate nuclei widget, used as a person uses it; once in a window, else without one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_focusqc.widgets.nucleus_evaluation_widget import NucleusEvaluationWidget

FOUND = np.array([(10.0, 20.0), (100.0, 40.0), (200.0, 200.0)])
TRUE = np.array([(10.0, 22.0), (400.0, 300.0)])


def add_points(viewer: Any) -> Any:
    """Add found and true points at 0.25 µm/px."""
    placed = {"scale": (0.25, 0.25), "units": ("µm", "µm")}
    peaks = {"peak": [0.9, 0.8, 0.3]}
    viewer.add_points(FOUND, name="found", features=peaks, **placed)
    viewer.add_points(TRUE, name="true", **placed)
    return viewer


@pytest.fixture
def docked(qtbot: Any) -> tuple[Any, NucleusEvaluationWidget]:
    """Return a viewer without a window that shows the points, and the widget."""
    viewer = add_points(ViewerModel())
    widget = NucleusEvaluationWidget(viewer)
    qtbot.addWidget(widget)
    return viewer, widget


def evaluate(qtbot: Any, widget: NucleusEvaluationWidget) -> None:
    qtbot.mouseClick(widget.evaluate_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.run.running, timeout=20_000)


def test_points_are_compared_shown_and_listed(make_napari_viewer: Any, qtbot: Any) -> None:
    viewer = add_points(make_napari_viewer())
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Evaluate nuclei")
    widget.truth.choose(viewer.layers["true"])
    evaluate(qtbot, widget)
    assert widget.view.sentence.text() == (
        "Within 4 µm 1 of 2 nuclei were found, and 2 points are none."
    )
    assert widget.view.table.rowCount() == 3
    assert widget.view.table.item(2, 2).text() == "0.333"
    assert [len(layer.data) for layer in list(viewer.layers)[2:]] == [1, 2, 1]
    assert widget.errors.model.rowCount() == 3
    assert not widget.view.canvas.isHidden()
    assert viewer.layers.selection.active == viewer.layers["true"]


def test_a_second_evaluation_fills_the_same_layers(docked: Any, qtbot: Any) -> None:
    viewer, widget = docked
    widget.truth.choose(viewer.layers["true"])
    evaluate(qtbot, widget)
    before = list(viewer.layers)
    viewer.layers["found"].data = TRUE
    evaluate(qtbot, widget)
    assert list(viewer.layers) == before
    assert widget.errors.isHidden()
    assert "2 of 2 nuclei" in widget.view.sentence.text()


def test_going_through_the_errors_moves_the_camera_and_the_ring(docked: Any, qtbot: Any) -> None:
    viewer, widget = docked
    widget.truth.choose(viewer.layers["true"])
    evaluate(qtbot, widget)
    seen = []
    for _ in range(4):
        qtbot.mouseClick(widget.errors.next_button, Qt.MouseButton.LeftButton)
        seen.append(tuple(viewer.scene.camera.center[-2:]))
        assert viewer.layers["error looked at"].data[0] == pytest.approx(seen[-1])
    np.testing.assert_allclose(seen, [(25, 10), (50, 50), (100, 75), (100, 75)])
    assert viewer.scene.camera.zoom >= 8
    qtbot.mouseClick(widget.errors.back_button, Qt.MouseButton.LeftButton)
    assert viewer.scene.camera.center[-2:] == pytest.approx((50, 50))
    assert widget.errors.place.text() == "2 of 3"
    widget.errors.kind_box.setCurrentIndex(2)
    qtbot.keyClick(widget.errors.table, Qt.Key.Key_Down)
    assert widget.errors.model.rowCount() == 1
    assert [layer.name for layer in viewer.layers].count("error looked at") == 1


def test_a_file_may_be_the_truth(docked: Any, qtbot: Any, tmp_path: Path) -> None:
    _, widget = docked
    (tmp_path / "t.csv").write_text("image,y_px,x_px\nx,10,20\n")
    widget.truth.setCurrentIndex(widget.truth.count() - 1)
    line = widget.form.widget("truth").findChild(QLineEdit)
    assert line.isEnabled()
    line.setText(str(tmp_path / "t.csv"))
    evaluate(qtbot, widget)
    assert "1 of 1 nuclei" in widget.view.sentence.text()


def test_what_cannot_be_compared_is_said(docked: Any, qtbot: Any, tmp_path: Path) -> None:
    viewer, widget = docked
    evaluate(qtbot, widget)
    assert "both found and true" in widget.run.status.text()
    widget.truth.setCurrentIndex(widget.truth.count() - 1)
    evaluate(qtbot, widget)
    assert "No true nuclei are chosen" in widget.run.status.text()
    widget.form.widget("truth").findChild(QLineEdit).setText(str(tmp_path / "t.xml"))
    evaluate(qtbot, widget)
    assert "cannot be read" in widget.run.status.text()
    assert len(viewer.layers) == 2


def test_the_radius_reads_in_um_and_px_at_once(docked: Any, qtbot: Any) -> None:
    _, widget = docked
    radius = widget.radius
    assert (radius.um_box.value(), radius.px_box.value(), radius.radius_px) == (4, 16, 16)
    radius.um_box.setValue(1.5)
    assert (radius.px_box.value(), radius.radius_px) == (6, 6)
    radius.px_box.setValue(12)
    assert (radius.um_box.value(), radius.radius_px) == (3, 12)


def test_layers_come_and_go(docked: Any, qtbot: Any) -> None:
    viewer, widget = docked
    widget.truth.choose(viewer.layers["true"])
    viewer.layers.remove("found")
    assert widget.found.layer == viewer.layers["true"]
    assert widget.truth.layer == viewer.layers["true"]
    viewer.layers.remove("true")
    assert widget.found.layer is None
    assert not widget.evaluate_button.isEnabled()
