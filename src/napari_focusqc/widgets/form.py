"""A form made from the fields of a settings dataclass, so that each default is written once.

Room: widgets. Labels, help, ranges and choices come from `settings`; nothing is decided here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from math import ceil, log10
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_focusqc.errors import SettingsError

S = TypeVar("S")
LABEL_PX = 130
"""Width of every label, so that the folded rows stand in line with the others."""

Choices = Sequence[tuple[str, str]]
"""What the user reads and what the setting becomes."""


@dataclass(frozen=True)
class Editor:
    """One field's widget and how to read and write it."""

    widget: QWidget
    get: Callable[[], Any]
    put: Callable[[Any], None]


class SettingsForm(QWidget, Generic[S]):
    """The fields of a settings dataclass, the advanced ones folded away.

    Parameters
    ----------
    settings
        The dataclass; its defaults are shown first.
    choices
        Choices that only the program knows, such as the models, by field name.
    without
        Fields that somebody else fills in: they have no row.
    """

    changed = Signal()

    def __init__(
        self,
        settings: type[S],
        choices: Mapping[str, Choices] | None = None,
        without: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._settings = settings
        self._editors: dict[str, Editor] = {}
        self._rows = form_layout()
        self._folded = form_layout()
        for option in fields(settings):  # type: ignore[arg-type]
            if not option.metadata.get("hidden") and option.name not in without:
                self._add(option, (choices or {}).get(option.name))
        self._lay_out()

    def _add(self, option: "Field[Any]", choices: Choices | None) -> None:
        """Build one row."""
        hint = get_type_hints(self._settings)[option.name]
        editor = _editor(option, hint, choices, self.changed.emit)
        editor.put(option.default)
        editor.widget.setObjectName(option.name)
        editor.widget.setToolTip(f"<qt>{option.metadata['help']}</qt>")
        rows = self._folded if option.metadata.get("advanced") else self._rows
        rows.addRow(label_of(option.metadata["label"], editor.widget), editor.widget)
        self._editors[option.name] = editor

    def _lay_out(self) -> None:
        """Put the plain rows above the folded ones."""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        if self._folded.rowCount():
            inner = QWidget()
            inner.setLayout(self._folded)
            self.advanced = QCollapsible("Advanced", expandedIcon="▾", collapsedIcon="▸")
            self.advanced.setContent(inner)
            self.advanced.collapse(animate=False)
            self.advanced.layout().setContentsMargins(0, 0, 0, 0)
            layout.addWidget(self.advanced)

    def insert(self, row: int, text: str, widget: QWidget) -> None:
        """Put a row that is no setting among the plain ones.

        Parameters
        ----------
        row
            Where, counted from 0 at the top.
        text
            The label.
        widget
            What stands beside it; its tool tip is the label's too.
        """
        self._rows.insertRow(row, label_of(text, widget), widget)

    def settings(self, **more: Any) -> S:
        """Return what the form says.

        Parameters
        ----------
        more
            Values of the fields without a row.

        Raises
        ------
        SettingsError
            A value is no number, or outside its range or choices.
        """
        values = {name: editor.get() for name, editor in self._editors.items()}
        return self._settings(**values | more)

    def put(self, name: str, value: Any) -> None:
        """Show a value in a field, without telling anyone that it changed."""
        editor = self._editors[name]
        with QSignalBlocker(editor.widget):
            editor.put(value)

    def widget(self, name: str) -> QWidget:
        """Return the widget of a field."""
        return self._editors[name].widget


def label_of(text: str, widget: QWidget) -> QLabel:
    """Return a widget's label, as wide as every other and with the same tool tip."""
    label = QLabel(text)
    label.setMinimumWidth(LABEL_PX)
    label.setToolTip(widget.toolTip())
    label.setBuddy(widget)
    return label


def narrow(box: QComboBox) -> None:
    """Let a box be narrower than its longest entry, as a dock may be."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)


def form_layout() -> QFormLayout:
    """Return rows whose fields are as wide as the dock lets them be."""
    layout = QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    return layout


def _editor(
    option: "Field[Any]", hint: Any, choices: Choices | None, changed: Callable[[], None]
) -> Editor:
    """Choose the widget by the field's type."""
    named = choices or [(choice, choice) for choice in option.metadata.get("choices", ())]
    kinds = set(get_args(hint)) if isinstance(hint, UnionType) else {hint}
    if named:
        return _choice(named, changed)
    if Path in kinds:
        return _file(option.metadata["label"], changed)
    if type(None) in kinds:
        return _optional_number(option.name, changed)
    if str in kinds:
        return _text(changed)
    if int in kinds:
        return _whole_number(option, changed)
    return _number(option, changed)


def _choice(choices: Choices, changed: Callable[[], None]) -> Editor:
    box = QComboBox()
    narrow(box)
    for text, value in choices:
        box.addItem(text, value)
    box.currentIndexChanged.connect(lambda _: changed())
    return Editor(box, box.currentData, lambda value: box.setCurrentIndex(box.findData(value)))


def _text(changed: Callable[[], None]) -> Editor:
    line = QLineEdit()
    line.textChanged.connect(lambda _: changed())
    return Editor(line, lambda: line.text().strip(), line.setText)


def _whole_number(option: "Field[Any]", changed: Callable[[], None]) -> Editor:
    box = QSpinBox()
    box.setRange(option.metadata["minimum"], option.metadata["maximum"])
    box.valueChanged.connect(lambda _: changed())
    return Editor(box, box.value, box.setValue)


def _number(option: "Field[Any]", changed: Callable[[], None]) -> Editor:
    low, high = option.metadata["minimum"], option.metadata["maximum"]
    box = QDoubleSpinBox()
    if 0 < low < 0.01:
        box.setDecimals(ceil(-log10(low)))
        box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    box.setRange(low, high)
    box.setSingleStep((high - low) / 20)
    box.valueChanged.connect(lambda _: changed())
    return Editor(box, box.value, box.setValue)


def _optional_number(name: str, changed: Callable[[], None]) -> Editor:
    line = QLineEdit()
    line.setClearButtonEnabled(True)
    line.textChanged.connect(lambda _: changed())

    def get() -> float | None:
        return parse_number(name, line.text())

    def put(value: float | None) -> None:
        line.setText("" if value is None else f"{value:g}")

    return Editor(line, get, put)


def parse_number(name: str, text: str) -> float | None:
    """Read a number as people write it, with a point or a comma; nothing is None.

    Parameters
    ----------
    name
        What the number is, for the refusal.
    text
        What was typed.

    Raises
    ------
    SettingsError
        It is no number.
    """
    plain = text.strip().replace(",", ".")
    if not plain:
        return None
    try:
        return float(plain)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}; it must be a number such as 0.25") from None


def _file(label: str, changed: Callable[[], None]) -> Editor:
    line, button, row = QLineEdit(), QPushButton("…"), QWidget()
    button.setToolTip(f"Choose the {label.lower()}")
    button.setFixedWidth(32)
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(line)
    layout.addWidget(button)
    line.textChanged.connect(lambda _: changed())

    def choose() -> None:
        path, _ = QFileDialog.getOpenFileName(row, label, line.text())
        if path:
            line.setText(path)

    def get() -> Path | None:
        text = line.text().strip()
        return Path(text).expanduser() if text else None

    button.clicked.connect(choose)
    return Editor(row, get, lambda value: line.setText("" if value is None else str(value)))
