"""Buttons that let the user add and delete nuclei, and take the last correction back.

Room: widgets. The corrections themselves are `NucleusPoints`'s.
"""

from collections.abc import Generator
from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_focusqc.widgets.nucleus_points import NucleusPoints

ADD, SELECT, MOVE = "add", "select", "pan_zoom"


class CorrectionButtons(QWidget):
    """Add, Delete and Undo.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    parent
        Qt's owner.
    """

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._points: NucleusPoints | None = None
        self._switching = False
        self.add_button, self.delete_button = QPushButton("Add"), QPushButton("Delete")
        self.undo_button, self.counted = QPushButton("Undo"), QLabel()
        self.add_button.setToolTip(
            "<qt>Click nuclei that were missed. They are white diamonds, have the peak 1, and stay "
            "whatever the threshold is. Press again to look around.</qt>"
        )
        self.delete_button.setToolTip(
            "<qt>Click a point that is no nucleus, or drag a box around several. Deleted ones stay "
            "deleted whatever the threshold is.</qt>"
        )
        self.undo_button.setToolTip("Take the last correction back")
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for column, button in enumerate((self.add_button, self.delete_button, self.undo_button)):
            layout.addWidget(button, 0, column)
        layout.addWidget(self.counted, 1, 0, 1, 3)
        for button, mode in ((self.add_button, ADD), (self.delete_button, SELECT)):
            button.setCheckable(True)
            button.toggled.connect(lambda on, mode=mode: self._on_toggled(mode, on))
        self.undo_button.clicked.connect(self._on_undo)

    def begin(self, points: NucleusPoints) -> None:
        """Correct other points from now on."""
        self.let_go()
        self._points = points
        points.changed.connect(self._count)
        points.layer.events.mode.connect(self._on_mode)
        points.layer.mouse_drag_callbacks.append(self._on_drag)
        self._count()

    def let_go(self) -> None:
        """Hear no more of the points."""
        if self._points is None:
            return
        points, self._points = self._points, None
        points.changed.disconnect(self._count)
        points.layer.events.mode.disconnect(self._on_mode)
        points.layer.mouse_drag_callbacks.remove(self._on_drag)

    def _on_toggled(self, mode: str, on: bool) -> None:
        if self._points is None:
            return
        layer = self._points.layer
        if on:
            self._viewer.layers.selection.active = layer
            layer.selected_data = set()
            self._switching = True
            layer.visible = True  # which sets a mode of its own
            layer.mode = mode
            self._switching = False
            self._check(mode)
        elif str(layer.mode) == mode:
            layer.mode = MOVE

    def _on_mode(self, _event: Any = None) -> None:
        """Follow napari's own buttons: another mode is none of ours."""
        if self._points is not None and not self._switching:
            self._check(str(self._points.layer.mode))

    def _check(self, mode: str) -> None:
        """Let a button be down only in its mode."""
        for button, own in ((self.add_button, ADD), (self.delete_button, SELECT)):
            if own != mode:
                with QSignalBlocker(button):
                    button.setChecked(False)

    def _on_drag(self, _layer: Any, event: Any) -> Generator[None, None, None]:
        """Delete what was clicked or boxed, once the mouse is let go and napari selected it."""
        yield
        while event.type == "mouse_move":
            yield
        if self.delete_button.isChecked():
            QTimer.singleShot(0, self._delete_selected)

    def _delete_selected(self) -> None:
        if self._points is not None and self.delete_button.isChecked():
            self._points.layer.remove_selected()

    def _on_undo(self) -> None:
        if self._points is not None:
            self._points.undo()

    def _count(self) -> None:
        """Say how many corrections there are."""
        if self._points is None:
            return
        done = self._points.corrections
        self.undo_button.setEnabled(self._points.can_undo)
        self.counted.setText(f"{len(done.added):,} added, {len(done.deleted):,} deleted")
