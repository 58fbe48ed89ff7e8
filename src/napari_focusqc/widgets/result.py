"""What a finished map says in words and colours, below the button that made it.

Room: widgets. The words and numbers are `results.summary`'s, the colours `plugin.layers`'s.
"""

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_focusqc.plugin.layers import VERDICT_COLORS
from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.results.summary import MapSummary, summarise


class ResultPanel(QWidget):
    """The share out of focus, and a legend of the verdicts with their counts."""

    verdicts_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = QLabel()
        self.headline.setWordWrap(True)
        self.headline.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.verdict_box = QCheckBox("Show verdicts instead of scores")
        self.verdict_box.toggled.connect(self.verdicts_wanted)
        self._legend = QGridLayout()
        self._legend.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.headline)
        layout.addLayout(self._legend)
        layout.addWidget(self.verdict_box)
        self.hide()

    def show_map(self, focus_map: FocusMap, *, verdicts: bool) -> None:
        """Show a finished map's summary.

        Parameters
        ----------
        focus_map
            The map.
        verdicts
            Whether its verdicts are what the viewer shows now.
        """
        with QSignalBlocker(self.verdict_box):
            self.verdict_box.setChecked(verdicts)
        summary = summarise(focus_map)
        lines = summary.lines()[: 1 if summary.median_score is None else 2]
        self.headline.setText("\n".join(line[:1].upper() + line[1:] for line in lines))
        self._show_legend(summary)
        self.show()

    def _show_legend(self, summary: MapSummary) -> None:
        """Draw one row per verdict that occurs: colour, words, count."""
        while (item := self._legend.takeAt(0)) is not None:
            item.widget().deleteLater()
        found = [verdict for verdict in Verdict if summary.tiles[verdict.words]]
        for row, verdict in enumerate(found):
            count = QLabel(f"{summary.tiles[verdict.words]:,}")
            count.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._legend.addWidget(_swatch(VERDICT_COLORS[verdict]), row, 0)
            self._legend.addWidget(QLabel(verdict.words), row, 1)
            self._legend.addWidget(count, row, 2)


def _swatch(color: str) -> QFrame:
    swatch = QFrame()
    swatch.setFixedSize(14, 14)
    shown = "transparent" if len(color) > len("#rrggbb") else color
    swatch.setStyleSheet(f"background-color: {shown}; border: 1px solid #808080;")
    return swatch
