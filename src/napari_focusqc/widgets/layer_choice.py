"""A box that lists the viewer's slide layers, whatever happens to the layer list.

Room: widgets.
"""

from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_focusqc.plugin.slide_of_layer import is_slide_layer


class SlideLayerChoice(QComboBox):
    """One entry per layer that may be scored; it follows the layer the user selects.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    parent
        Qt's owner.
    """

    changed = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Any] = []
        self.setToolTip("The slide to score: any 8-bit colour image in the layer list")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.currentIndexChanged.connect(lambda _: self.changed.emit())
        for signal in self._signals():
            signal.connect(self._refresh)
        viewer.layers.selection.events.active.connect(self._follow)
        self._refresh()

    @property
    def layer(self) -> Any:
        """The chosen layer, or None where there is no slide."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        for signal in self._signals():
            signal.disconnect(self._refresh)
        self._viewer.layers.selection.events.active.disconnect(self._follow)

    def _signals(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed, events.reordered]

    def _refresh(self, _event: Any = None) -> None:
        """List the layers anew and keep the chosen one where it still stands."""
        chosen = self.layer
        self._layers = [layer for layer in self._viewer.layers if is_slide_layer(layer)]
        with QSignalBlocker(self):
            self.clear()
            self.addItems([layer.name for layer in self._layers])
            self.setCurrentIndex(self._layers.index(chosen) if chosen in self._layers else 0)
        if self.layer != chosen:
            self.changed.emit()

    def _follow(self, _event: Any = None) -> None:
        """Choose the layer that the user selected, if it is a slide."""
        active = self._viewer.layers.selection.active
        if active in self._layers:
            self.setCurrentIndex(self._layers.index(active))
