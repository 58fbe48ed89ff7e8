"""The least peak: a slider below a histogram of all peaks, and the way back to where it began.

Room: widgets. Says a number; who listens decides what to do with it.
"""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QPushButton, QSlider, QWidget

BINS = 90
STEPS = 1000
"""Of the slider, from the lowest peak to 1."""
STRIP_PX = 44
KEPT, LEFT_OUT, LINE = "#f0e442", "#8a8f98", "#d55e00"
HELP = (
    "<qt>Peaks of the proximity map from this value on are nuclei (ξ, here not relative to the "
    "maximum). Nothing is run again. The bars are the peaks found, on a square-root scale; a "
    "double click, or the button, goes back to the threshold measured with the weights.</qt>"
)


class PeakStrip(QWidget):
    """A histogram of peaks that is a slider too."""

    moved = Signal(float)
    """From 0 at the left to 1 at the right."""
    reset = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: list[float] = []
        self._at = 0.0
        self.setFixedHeight(STRIP_PX)
        self.setToolTip(HELP)

    def show_bars(self, numbers: Sequence[int]) -> None:
        """Draw a bar per number, the highest as high as the strip."""
        heights = [number**0.5 for number in numbers]
        most = max(heights, default=0.0) or 1.0
        self._bars = [height / most for height in heights]
        self.update()

    def put(self, at: float) -> None:
        """Draw the line at a share of the width; bars right of it are bright."""
        self._at = at
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Draw the bars and the line."""
        painter = QPainter(self)
        width, height = self.width(), self.height()
        for number, bar in enumerate(self._bars):
            left, right = (round(width * (number + end) / len(self._bars)) for end in (0, 1))
            tall = round(bar * (height - 1))
            kept = (number + 0.5) / len(self._bars) >= self._at
            colour = QColor(KEPT if kept else LEFT_OUT)
            painter.fillRect(left, height - tall, max(right - left - 1, 1), tall, colour)
        painter.fillRect(round(self._at * (width - 2)), 0, 2, height, QColor(LINE))
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go where the mouse is."""
        self._follow(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the mouse."""
        self._follow(event)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        """Go back to the beginning."""
        self.reset.emit()

    def _follow(self, event: QMouseEvent) -> None:
        self.moved.emit(min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0))


class PeakThreshold(QWidget):
    """Histogram, slider, number and “Reset”."""

    changed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._low, self._start, self.value = 0.0, 0.0, 0.0
        self.strip, self.slider = PeakStrip(), QSlider(Qt.Orientation.Horizontal)
        self.number, self.reset_button = QDoubleSpinBox(), QPushButton("Reset")
        self.slider.setRange(0, STEPS)
        self.slider.setToolTip(HELP)
        self.number.setDecimals(3)
        self.number.setSingleStep(0.01)
        self.number.setToolTip(HELP)
        self.reset_button.setToolTip("Back to the threshold measured with the weights")
        self._lay_out()
        self.strip.moved.connect(self._on_share)
        self.strip.reset.connect(self.reset)
        self.slider.valueChanged.connect(lambda step: self._on_share(step / STEPS))
        self.number.valueChanged.connect(self.put)
        self.reset_button.clicked.connect(self.reset)

    def _lay_out(self) -> None:
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(2)
        label = QLabel("Least peak (ξ)")
        label.setToolTip(HELP)
        layout.addWidget(label, 0, 0)
        layout.addWidget(self.number, 0, 1)
        layout.addWidget(self.reset_button, 0, 2)
        layout.addWidget(self.strip, 1, 0, 1, 3)
        layout.addWidget(self.slider, 2, 0, 1, 3)
        layout.setColumnStretch(0, 1)

    def begin(self, numbers: Sequence[int], low: float, start: float) -> None:
        """Show the peaks of a run, without telling anyone.

        Parameters
        ----------
        numbers
            A histogram of the peaks from `low` to 1.
        low
            The lowest peak that the run kept.
        start
            Where the slider begins, and goes back to.
        """
        self._low, self._start = low, start
        self.strip.show_bars(numbers)
        with QSignalBlocker(self.number):
            self.number.setRange(low, 1.0)
        self.value = start
        self._show()

    def put(self, value: float) -> None:
        """Take another value, and tell."""
        if value != self.value:
            self.value = value
            self._show()
            self.changed.emit(value)

    def reset(self) -> None:
        """Go back to where the slider began, exactly."""
        self.put(self._start)

    def _on_share(self, share: float) -> None:
        self.put(self._low + share * (1.0 - self._low))

    def _show(self) -> None:
        share = (self.value - self._low) / ((1.0 - self._low) or 1.0)
        self.strip.put(share)
        with QSignalBlocker(self.slider), QSignalBlocker(self.number):
            self.slider.setValue(round(share * STEPS))
            self.number.setValue(self.value)
