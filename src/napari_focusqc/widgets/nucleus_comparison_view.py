"""What an evaluation of nuclei says: a sentence, a table, a curve.

Room: widgets. Numbers and words are `evaluation`'s.
"""

from typing import Any

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_focusqc.evaluation.judged_nuclei import PX_UM
from napari_focusqc.evaluation.nucleus_comparison import Comparison
from napari_focusqc.evaluation.nucleus_figures import draw_precision_recall
from napari_focusqc.plugin.nucleus_comparison import KINDS, comparison_points

_CURVE_PX, _ROW_PX = 220, 24
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ComparisonView(QWidget):
    """The figures of one comparison; hidden while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.sentence, self.table = QLabel(), QTableWidget()
        self.canvas: Any = FigureCanvasQTAgg(Figure(layout="constrained"))  # type: ignore[no-untyped-call]
        self.counts = {kind: QLabel() for kind in KINDS}
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table.setToolTip("How well nuclei were found, by how near they must be to true ones")
        self.table.setMinimumWidth(1)
        self.canvas.setMinimumWidth(1)
        self.canvas.setFixedHeight(_CURVE_PX)
        self.canvas.setToolTip("Precision and recall from every threshold on; the dot: best F1")
        layout, legend = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        for kind, (colour, _) in KINDS.items():
            swatch = QFrame()
            swatch.setFixedSize(14, 14)
            swatch.setStyleSheet(f"background-color: {colour}; border: 1px solid #808080;")
            self.counts[kind].setWordWrap(True)
            self.counts[kind].setMinimumWidth(1)
            legend.addWidget(swatch)
            legend.addWidget(self.counts[kind], stretch=1)
        layout.addWidget(self.sentence)
        layout.addLayout(legend)
        layout.addWidget(self.table)
        layout.addWidget(self.canvas)
        self.hide()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show the figures of a comparison."""
        self.sentence.setText(comparison.sentence())
        for kind, points in comparison_points(comparison).items():
            self.counts[kind].setText(f"{len(points):,} {kind}")
        self._show_table(comparison)
        self._show_curve(comparison)
        self.show()

    def _show_table(self, comparison: Comparison) -> None:
        heads, rows = comparison.table().cells()
        self.table.setColumnCount(len(heads))
        self.table.setHorizontalHeaderLabels(heads)
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                item = QTableWidgetItem(text)
                item.setTextAlignment(_RIGHT)
                self.table.setItem(number, column, item)
            self.table.setRowHeight(number, _ROW_PX)
        self.table.setFixedHeight(self.table.horizontalHeader().height() + _ROW_PX * len(rows) + 4)

    def _show_curve(self, comparison: Comparison) -> None:
        """Draw the curve, or take it away where no peaks are known."""
        self.canvas.setVisible(comparison.curve is not None)
        if comparison.curve is None:
            return
        self.canvas.figure.clear()
        axes = self.canvas.figure.add_subplot()
        name = f"within {comparison.radius_px * PX_UM:.3g} µm"
        draw_precision_recall(axes, {name: comparison.curve})
        axes.legend(frameon=False, loc="lower left")
        self.canvas.draw_idle()
