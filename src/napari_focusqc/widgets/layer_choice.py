"""A box that lists the viewer's slide layers, whatever happens to the layer list.

Room: widgets.
"""

from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_focusqc.plugin.slide_of_layer import is_slide_layer
from napari_focusqc.widgets.form import narrow

SOON_MS = 50
"""Scale and units change one after the other, and many times while a layer is dragged."""


class SlideLayerChoice(QComboBox):
    """One entry per layer that may be scored; it follows the layer the user selects.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    parent
        Qt's owner.
    other
        What may be chosen above the layers, in words; `layer` is None then. A layer that the user
        selects does not take its place.
    """

    changed = Signal()
    """Another layer is chosen, or none."""
    lengths_changed = Signal()
    """The chosen layer has another scale or other units."""

    def __init__(
        self, viewer: Viewer, parent: QWidget | None = None, other: str | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._others = [] if other is None else [other]
        self._layers: list[Any] = []
        self._watched: Any = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.lengths_changed)
        self.setToolTip("The slide: any 8-bit colour image in the layer list")
        narrow(self)
        self.currentIndexChanged.connect(self._on_chosen)
        for signal in self._signals():
            signal.connect(self._refresh)
        viewer.layers.selection.events.active.connect(self._follow)
        self._refresh()

    @property
    def layer(self) -> Any:
        """The chosen layer, or None where there is no slide."""
        index = self.currentIndex() - len(self._others)
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose_other(self) -> None:
        """Choose what stands above the layers."""
        self.setCurrentIndex(0)

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        self._watch(None)
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
            self.addItems(self._others + [layer.name for layer in self._layers])
            self._point_at(chosen)
        if self.layer != chosen:
            self._on_chosen()

    def _point_at(self, layer: Any) -> None:
        """Choose a layer, or the first entry where it is not listed."""
        listed = layer in self._layers
        self.setCurrentIndex(len(self._others) + self._layers.index(layer) if listed else 0)

    def _follow(self, _event: Any = None) -> None:
        """Choose the layer that the user selected, if it is a slide."""
        active = self._viewer.layers.selection.active
        if active in self._layers and (self.layer is not None or not self._others):
            self._point_at(active)

    def _on_chosen(self, _index: int = 0) -> None:
        self._watch(self.layer)
        self.changed.emit()

    def _watch(self, layer: Any) -> None:
        """Hear of new lengths of the chosen layer, and no longer of the one before."""
        for watched, connected in ((self._watched, False), (layer, True)):
            if watched is None:
                continue
            for signal in (watched.events.scale, watched.events.units):
                (signal.connect if connected else signal.disconnect)(self._on_lengths)
        self._watched = layer
        self._soon.stop()

    def _on_lengths(self, _event: Any = None) -> None:
        self._soon.start()
