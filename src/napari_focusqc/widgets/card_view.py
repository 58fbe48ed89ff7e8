"""A slide's card in the dock: facts, the two lengths to be corrected, the picture of the glass.

Room: widgets. What stands on a card is decided in `plugin.slide_card`.
"""

from qtpy.QtCore import QRect, QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QCheckBox, QLabel, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from napari_focusqc.plugin.slide_card import Picture, SlideCard
from napari_focusqc.widgets.form import form_layout, label_of, parse_number
from napari_focusqc.widgets.run_panel import WARNING_STYLE

TALLEST_PX = 320
"""No picture is taller, so that the button below it stays in sight."""


class CardView(QWidget):
    """The card of one slide; hidden while there is none."""

    label_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.card: SlideCard | None = None
        self.mpp_line, self.step_line = _length_line(), _length_line()
        self.notes, self.picture_note = QLabel(), QLabel()
        self.picture, self.label_picture = PictureView(), PictureView()
        self.label_box = QCheckBox()
        self.srgb_box = QCheckBox("Show colours as sRGB (ICC profile)")
        self._rows, self._lengths = form_layout(), form_layout()
        self._set_up()
        self.clear()

    def _set_up(self) -> None:
        self.mpp_line.setToolTip(
            "<qt>Micrometres per pixel of the finest level; leave it empty to take the value "
            "shown in grey.</qt>"
        )
        self.step_line.setToolTip("<qt>Distance of neighbouring planes, µm; empty as above.</qt>")
        self.srgb_box.setToolTip(
            "<qt>Turn the scanner's colours into sRGB by the slide's own profile, for looking "
            "only: scores never depend on it.</qt>"
        )
        self.notes.setStyleSheet(WARNING_STYLE)
        for box in (self.label_box, self.srgb_box):
            box.setMinimumWidth(1)
        for label in (self.notes, self.picture_note):
            label.setWordWrap(True)
        self._step_label = label_of("Planes apart, µm", self.step_line)
        self._lengths.addRow(label_of("µm per pixel", self.mpp_line), self.mpp_line)
        self._lengths.addRow(self._step_label, self.step_line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addLayout(self._lengths)
        below = (self.notes, self.picture, self.picture_note, self.label_box, self.label_picture)
        for widget in (*below, self.srgb_box):
            layout.addWidget(widget)
        self.label_box.toggled.connect(self.label_wanted)

    def show_card(self, card: SlideCard, *, opens: bool) -> None:
        """Show a slide's card; the fields are empty, and the label is not shown.

        Parameters
        ----------
        card
            The card.
        opens
            Whether the slide is still to be opened, so that its colours can be chosen.
        """
        self.clear()
        self.card = card
        for label, value in card.rows:
            self._rows.addRow(label_of(label, self), _value(value))
        self.mpp_line.setPlaceholderText(card.mpp_hint)
        self.step_line.setPlaceholderText(card.step_hint or "")
        for widget in (self._step_label, self.step_line):
            widget.setVisible(card.step_hint is not None)
        self.notes.setText("\n".join(card.notes))
        self.notes.setVisible(bool(card.notes))
        self.picture.show_picture(card.picture)
        self.picture_note.setText(card.picture_note)
        self.label_box.setText(f"Show the {card.private} too (it can carry a patient's name)")
        self.label_box.setVisible(card.private is not None)
        self.srgb_box.setVisible(opens)
        self.srgb_box.setEnabled(card.has_profile)
        self.show()

    def show_label(self, picture: Picture | None) -> None:
        """Show the label, or take it away."""
        self.label_picture.show_picture(picture)
        if picture is None:
            with QSignalBlocker(self.label_box):
                self.label_box.setChecked(False)

    def clear(self) -> None:
        """Forget the slide."""
        self.card = None
        self.hide()
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self.mpp_line.clear()
        self.step_line.clear()
        self.srgb_box.setChecked(False)
        self.picture.show_picture(None)
        self.show_label(None)

    @property
    def mpp(self) -> float | None:
        """The µm/px typed, or None.

        Raises
        ------
        SettingsError
            It is no number.
        """
        return parse_number("the µm per pixel", str(self.mpp_line.text()))

    @property
    def z_step_um(self) -> float | None:
        """The distance of planes typed, µm, or None.

        Raises
        ------
        SettingsError
            It is no number.
        """
        return parse_number("the distance of planes", str(self.step_line.text()))


class PictureView(QWidget):
    """A picture as wide as the dock; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    @property
    def empty(self) -> bool:
        """Whether there is no picture."""
        return bool(self._pixmap.isNull())

    def show_picture(self, picture: Picture | None) -> None:
        """Show a picture, or nothing."""
        self._pixmap = QPixmap()
        if picture is not None:
            height, width, _ = picture.pixels.shape
            rgb = QImage.Format.Format_RGB888
            self._pixmap = QPixmap.fromImage(
                QImage(picture.pixels.tobytes(), width, height, 3 * width, rgb).copy()
            )
            self.setToolTip(picture.name)
        self.setVisible(picture is not None)
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """Return the height, px, at which the picture fills a width."""
        if self.empty:
            return 0
        height = width * self._pixmap.height() // self._pixmap.width()
        return int(min(height, TALLEST_PX))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the picture's own size, no taller than it may be shown."""
        return QSize(self._pixmap.width(), min(self._pixmap.height(), TALLEST_PX))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw the picture as large as fits, its proportions kept."""
        if self.empty:
            return
        size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(QRect(0, 0, size.width(), size.height()), self._pixmap)
        painter.end()


def _length_line() -> QLineEdit:
    line = QLineEdit()
    line.setClearButtonEnabled(True)
    line.setAcceptDrops(False)  # a file dropped on it is for the dock
    return line


def _value(text: str) -> QLabel:
    """Return a fact that can be copied, and read whole in its tool tip where it is cut."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setToolTip(text)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumWidth(1)
    return label
