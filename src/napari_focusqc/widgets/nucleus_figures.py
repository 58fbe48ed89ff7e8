"""Which focus map the nuclei are read with, and how many of them there are.

Room: widgets. The numbers are `results.nucleus_counts`'s, the colours `plugin.nucleus_layers`'s.
"""

from typing import Any

from napari.viewer import Viewer
from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_focusqc.plugin.nucleus_layers import NUCLEUS_COLORS, focus_map_layers
from napari_focusqc.plugin.placing import ours
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.nucleus_counts import NucleusCounts
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource
from napari_focusqc.widgets.form import form_layout, label_of, narrow
from napari_focusqc.widgets.nucleus_points import ALL, HIDE, MARK

SWATCH_PX = 12


class FocusChoice(QWidget):
    """Which of the slide's focus maps says what is in focus, and what becomes of the rest."""

    changed = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._source: NucleusSource | None = None
        self._layers: list[Any] = []
        self._told: tuple[FocusMap | None, str] = (None, ALL)
        self.maps, self.rules = QComboBox(), QComboBox()
        self.maps.setToolTip(
            "<qt>A focus map of this slide and plane, from “Score focus”: each nucleus takes the "
            "score of the tile it lies in.</qt>"
        )
        narrow(self.maps)
        self.rules.addItem("Show all nuclei alike", ALL)
        self.rules.addItem("Mark those out of focus", MARK)
        self.rules.addItem("Hide those out of focus", HIDE)
        self.rules.setToolTip(
            "<qt>Marked, nuclei out of focus are orange crosses and those in focus blue; hidden, "
            "they are still counted and exported, with what is known of their focus.</qt>"
        )
        rows = form_layout()
        rows.addRow(label_of("Focus map", self.maps), self.maps)
        rows.addRow(label_of("Out of focus", self.rules), self.rules)
        self.setLayout(rows)
        self.maps.currentIndexChanged.connect(self._tell)
        self.rules.currentIndexChanged.connect(self._tell)
        for signal in self._signals():
            signal.connect(self._refresh)

    @property
    def focus_map(self) -> FocusMap | None:
        """The chosen map, as it is now."""
        index = self.maps.currentIndex() - 1
        if not 0 <= index < len(self._layers):
            return None
        found: FocusMap = ours(self._layers[index])["map"]
        return found

    @property
    def rule(self) -> str:
        """`ALL`, `MARK` or `HIDE`."""
        return str(self.rules.currentData())

    def begin(self, source: NucleusSource) -> None:
        """Offer the maps of a slide; a map chosen before stays, if it is of this slide."""
        self._source = source
        self._refresh()

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        for signal in self._signals():
            signal.disconnect(self._refresh)

    def _signals(self) -> list[Any]:
        events = self._viewer.layers.events
        return [events.inserted, events.removed, events.renamed]

    def _refresh(self, _event: Any = None) -> None:
        """List the maps anew; the chosen one stays where it still stands."""
        if self._source is None:
            return
        index = self.maps.currentIndex() - 1
        chosen = self._layers[index] if 0 <= index < len(self._layers) else None
        self._layers = list(focus_map_layers(self._viewer.layers, self._source))
        with QSignalBlocker(self.maps):
            self.maps.clear()
            none = "none" if self._layers else "none yet: score the focus"
            self.maps.addItems([none, *(layer.name for layer in self._layers)])
            if chosen in self._layers:
                self.maps.setCurrentIndex(1 + self._layers.index(chosen))
        self._tell()

    def _tell(self, _index: int = 0) -> None:
        """Say so if another map, or another rule, holds now."""
        self.rules.setEnabled(self.focus_map is not None)
        now = (self.focus_map, self.rule)
        if now[0] is not self._told[0] or now[1] != self._told[1]:
            self._told = now
            self.changed.emit()


class NucleusFigures(QWidget):
    """Number of nuclei, their density, and how many are in focus."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = QLabel()
        self.headline.setWordWrap(True)
        self.headline.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table = QTableWidget(1 + len(FocusFlag), 3)
        self.table.setHorizontalHeaderLabels(["nuclei", "share", "per mm²"])
        self.table.setVerticalHeaderLabels(["all", *(flag.words for flag in _ORDER)])
        for row, flag in enumerate(_ORDER, start=1):
            self.table.verticalHeaderItem(row).setIcon(_swatch(NUCLEUS_COLORS[flag]))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.setToolTip(
            "<qt>Nuclei at the threshold above, with your corrections; per mm² of all tissue that "
            "was searched. Unknown: no focus map is chosen, or the tile has no verdict.</qt>"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.headline)
        layout.addWidget(self.table)
        self.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def show_counts(self, counts: NucleusCounts) -> None:
        """Show other numbers."""
        per_mm2 = counts.per_mm2(counts.total)
        dense = "" if per_mm2 is None else f", {per_mm2:,.0f} per mm²"
        area = f" in {counts.searched_mm2:.3g} mm² of tissue" if dense else ""
        self.headline.setText(f"<b>{counts.total:,} nuclei</b>{dense}{area}")
        numbers = [counts.total, *(counts.by_focus[flag.words] for flag in _ORDER)]
        for row, number in enumerate(numbers):
            share = f"{number / counts.total:.1%}" if counts.total else ""
            each = counts.per_mm2(number)
            for column, text in enumerate(
                (f"{number:,}", share, "" if each is None else f"{each:,.0f}")
            ):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        tall = self.table.horizontalHeader().sizeHint().height() + 2 * self.table.frameWidth()
        rows = sum(self.table.rowHeight(row) for row in range(self.table.rowCount()))
        self.table.setFixedHeight(tall + rows)


_ORDER = (FocusFlag.IN_FOCUS, FocusFlag.OUT_OF_FOCUS, FocusFlag.UNKNOWN)


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(SWATCH_PX, SWATCH_PX)
    picture.fill(QColor(colour))
    return QIcon(picture)
