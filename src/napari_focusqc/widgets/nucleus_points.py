"""The points of a finished run: threshold, focus, and what the user corrects, one layer for all.

Room: widgets. What is a nucleus, and what it looks like, is decided in `annotation` and `plugin`.
"""

from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_focusqc.annotation.corrections import Corrections, laid
from napari_focusqc.plugin.nucleus_layers import (
    ADDED_COLOR,
    ADDED_SYMBOL,
    DISC,
    NUCLEUS_COLORS,
    nucleus_features,
    nucleus_look,
    rows_after,
    shown_nuclei,
)
from napari_focusqc.plugin.placing import METADATA_KEY
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusTable
from napari_focusqc.slides.slide import Slide

SHOW_MS = 30
"""Points follow a slider that is dragged, or a point that is, at this pace."""
ALL, MARK, HIDE = "all", "mark", "hide"
_DONE = ("added", "removed", "changed")


class NucleusPoints(QObject):
    """Nuclei that can be thresholded, joined with a focus map and corrected.

    Parameters
    ----------
    slide
        The slide they are of.
    layer
        Their points; from now on it has those that are to be seen.
    found
        What the run found, down to its lowest peak.
    least
        The least peak that is shown.
    """

    changed = Signal()
    """The chosen nuclei, or what is known of them, are others."""

    def __init__(self, slide: Slide, layer: Any, found: NucleusTable, least: float) -> None:
        super().__init__()
        self.slide, self.layer, self.found, self.least = slide, layer, found, least
        self.corrections = Corrections.none()
        self._history: list[Corrections] = []
        self._rows = self.corrections.rows(0)
        self._nuclei: NucleusTable | None = None
        self._focus_map: FocusMap | None = None
        self._rule = ALL
        self._moving = self._laying = False
        self._alike = True
        self._soon, self._told = QTimer(self), QTimer(self)
        for timer, due in ((self._soon, self._lay), (self._told, self._tell)):
            timer.setSingleShot(True)
            timer.setInterval(SHOW_MS)
            timer.timeout.connect(due)
        layer.events.data.connect(self._on_data)
        self._lay()

    @property
    def nuclei(self) -> NucleusTable:
        """Every nucleus down to the lowest peak, corrected, with its focus."""
        if self._nuclei is None:
            self._nuclei = self._joined(self.corrections.applied(self.found))
        return self._nuclei

    @property
    def chosen(self) -> NucleusTable:
        """The nuclei at the threshold; also those hidden for their focus."""
        return self.nuclei.at_least(self.least)

    @property
    def can_undo(self) -> bool:
        """Whether there is a correction to take back."""
        return bool(self._history)

    @property
    def catching_up(self) -> bool:
        """Whether the points will be others in a moment."""
        return bool(self._soon.isActive() or self._told.isActive())

    def set_least(self, value: float) -> None:
        """Show the nuclei whose peak is at least so high, soon; count them at once."""
        self.least = value
        self._soon.start()
        self.changed.emit()

    def set_focus(self, focus_map: FocusMap | None, rule: str) -> None:
        """Join the nuclei with a focus map, or none; mark or hide those out of focus."""
        self._focus_map, self._rule, self._nuclei = focus_map, rule, None
        self._lay()
        self.changed.emit()

    def undo(self) -> None:
        """Take the last correction back."""
        if self._history:
            self.corrections, self._nuclei = self._history.pop(), None
            self._lay()
            self._tell()

    def let_go(self) -> None:
        """Hear no more of the layer."""
        self._soon.stop()
        self._told.stop()
        self.layer.events.data.disconnect(self._on_data)

    def _on_data(self, event: Any) -> None:
        """Remember what the user did to the points; a drag is one correction."""
        action = str(event.action.value)
        if self._laying or action not in _DONE:
            return
        if not (self._moving and action == "changed"):
            self._history.append(self.corrections)
        self._moving = action == "changed"
        points, before = self.layer.data, self._rows
        self._rows = rows_after(before, action, event.data_indices, len(points))
        self.corrections, self._nuclei = self.corrections.after(before, self._rows, points), None
        self._told.start()

    def _tell(self) -> None:
        """Say in the features, and to others, what the user did; the points stay as they are."""
        self._told.stop()
        self._moving = False
        shown = self._joined(laid(self.found, self._rows, self.layer.data))
        self.layer.features = nucleus_features(shown, self._rows)
        self.layer.metadata[METADATA_KEY]["corrected"] = len(self.corrections) > 0
        self.changed.emit()

    def _lay(self) -> None:
        """Give the layer the points that are to be seen, and no others.

        napari 0.9 draws the points of a flat layer whether they are `shown` or not.
        """
        self._soon.stop()
        every = self.corrections.rows(len(self.found))
        seen = shown_nuclei(self.nuclei, every, self.least, self._rule == HIDE)
        nuclei, self._rows = self.nuclei.only(seen), every[seen]
        alike = self._rule != MARK and not len(self.corrections.added)
        self._laying = True
        self._look_of_next(NUCLEUS_COLORS[FocusFlag.UNKNOWN], DISC)
        self.layer.data = nuclei.centres
        self._laying = False
        self.layer.features = nucleus_features(nuclei, self._rows)
        if len(nuclei) and not (alike and self._alike):
            colours, self.layer.symbol = nucleus_look(nuclei, self._rows, self._rule == MARK)
            self.layer.face_color = colours
        self._alike = alike
        self._look_of_next(ADDED_COLOR, ADDED_SYMBOL)

    def _joined(self, nuclei: NucleusTable) -> NucleusTable:
        return nuclei if self._focus_map is None else nuclei.joined(self._focus_map)

    def _look_of_next(self, colour: str, symbol: str) -> None:
        """Say what points that are new to the layer look like."""
        self.layer.selected_data = set()
        self.layer.current_face_color, self.layer.current_symbol = colour, symbol
