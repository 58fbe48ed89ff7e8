"""A box that lists the viewer's points layers, and perhaps a file instead.

Room: widgets.
"""

from typing import Any

from napari.layers import Points
from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox

from napari_focusqc.plugin.nucleus_comparison import is_ours
from napari_focusqc.widgets.form import narrow


class PointsChoice(QComboBox):
    """One entry per points layer that is not a result; it follows the layer list.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    other
        What may be chosen below the layers, in words; `layer` is None then.
    """

    changed = Signal()
    """Another layer is chosen, or none."""

    def __init__(self, viewer: Viewer, other: str | None = None) -> None:
        super().__init__()
        self._viewer = viewer
        self._others = [] if other is None else [other]
        self._layers: list[Any] = []
        narrow(self)
        for signal in self._signals():
            signal.connect(self._refresh)
        self.currentIndexChanged.connect(lambda _: self.changed.emit())
        self._refresh()

    @property
    def layer(self) -> Any:
        """The chosen layer, or None where there is none."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose a layer; one that is not listed leaves things as they are."""
        if layer in self._layers:
            self.setCurrentIndex(self._layers.index(layer))

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        for signal in self._signals():
            signal.disconnect(self._refresh)

    def _signals(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed, events.reordered]

    def _refresh(self, _event: Any = None) -> None:
        """List the layers anew and keep the chosen one where it still stands."""
        chosen, other = self.layer, self.currentIndex() >= len(self._layers) > 0
        self._layers = [
            each for each in self._viewer.layers if isinstance(each, Points) and not is_ours(each)
        ]
        with QSignalBlocker(self):
            self.clear()
            self.addItems([each.name for each in self._layers] + self._others)
            if chosen in self._layers:
                self.setCurrentIndex(self._layers.index(chosen))
            elif other:
                self.setCurrentIndex(len(self._layers))
        if self.layer != chosen:
            self.changed.emit()
