"""The errors of an evaluation to click through: one row each, the worst first.

Room: widgets. Which errors there are and in which order is decided in `evaluation`.
"""

from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_focusqc.evaluation.nucleus_errors import NucleusErrors

COLUMNS = ("what", "peak", "next, µm", "y, µm", "x, µm")
_LIST_PX, _COLUMNS_PX = 220, (96, 48, 68, 58, 58)


class ErrorModel(QAbstractTableModel):
    """Errors as Qt asks for them: a cell when it is seen, whatever their number."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: NucleusErrors | None = None

    def show_errors(self, errors: NucleusErrors | None) -> None:
        """Take other errors, µm."""
        self.beginResetModel()
        self.errors = errors
        self.endResetModel()

    def rowCount(self, _parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Return how many errors there are."""
        return 0 if self.errors is None else len(self.errors)

    def columnCount(self, _parent: QModelIndex | None = None) -> int:  # noqa: N802
        """Return how much is said of each."""
        return len(COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell."""
        if self.errors is None or role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.errors.words(index.row())[index.column()]

    def headerData(  # noqa: N802
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's name, or a row's number from 1."""
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return COLUMNS[section] if orientation == Qt.Orientation.Horizontal else section + 1


class ErrorList(QWidget):
    """A table of errors, a box that chooses their kind, and buttons to go on and back.

    The arrow keys walk through the table; Alt+N and Alt+P are the buttons.
    """

    looked_at = Signal(float, float)
    """(y, x) of the error that is chosen now, µm."""

    def __init__(self) -> None:
        super().__init__()
        self._all: NucleusErrors | None = None
        self.model, self.table = ErrorModel(), QTableView()
        self.kind_box, self.place = QComboBox(), QLabel()
        self.back_button, self.next_button = QPushButton("&Previous"), QPushButton("&Next")
        self._set_up()
        layout, row = QVBoxLayout(self), QHBoxLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.back_button, self.next_button, self.place):
            row.addWidget(widget)
        layout.addWidget(self.kind_box)
        layout.addLayout(row)
        layout.addWidget(self.table)

    def _set_up(self) -> None:
        for words, found in (("All errors", None), ("False positives", True), ("Missed", False)):
            self.kind_box.addItem(words, found)
        self.kind_box.setToolTip("Which errors are listed; the worst stand first")
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setToolTip("Click a row to look at the error; the arrow keys go on and back")
        self.table.setMinimumSize(1, _LIST_PX)
        self.table.verticalHeader().setDefaultSectionSize(22)
        header = self.table.horizontalHeader()
        for column, width in enumerate(_COLUMNS_PX):
            header.resizeSection(column, width)
        header.setStretchLastSection(True)
        for button in (self.back_button, self.next_button):
            button.setMinimumWidth(1)
        self.next_button.setToolTip("The next error (Alt+N)")
        self.back_button.setToolTip("The error before (Alt+P)")
        self.kind_box.currentIndexChanged.connect(lambda _: self._refresh())
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        self.next_button.clicked.connect(lambda: self.go(1))
        self.back_button.clicked.connect(lambda: self.go(-1))

    def show_errors(self, errors: NucleusErrors | None) -> None:
        """List errors, µm, or none."""
        self._all = errors
        self._refresh()

    def go(self, steps: int) -> None:
        """Choose the error so many rows on; the first or the last where there are no more."""
        last = self.model.rowCount() - 1
        row = self.table.currentIndex().row() + steps
        if last >= 0:
            self.table.selectRow(min(max(row, 0), last))

    def _refresh(self) -> None:
        found = self.kind_box.currentData()
        every = self._all
        self.model.show_errors(every if every is None or found is None else every.only(found=found))
        self.place.setText(f"{self.model.rowCount():,} listed")
        for button in (self.back_button, self.next_button):
            button.setEnabled(self.model.rowCount() > 0)

    def _on_row(self, now: QModelIndex, _before: QModelIndex) -> None:
        errors = self.model.errors
        if errors is None or not now.isValid():
            return
        self.place.setText(f"{now.row() + 1:,} of {len(errors):,}")
        y, x = errors.centres[now.row()]
        self.looked_at.emit(float(y), float(x))
