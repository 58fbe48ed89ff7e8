"""What every dock of ours shares: a column that scrolls, one big button, and letting go.

Room: widgets.
"""

from collections.abc import Iterable

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

MINIMUM_PX, SPACING_PX = 360, 8
BUTTON_STYLE = """
QPushButton { background-color: #2b6cb0; color: white; font-weight: bold; padding: 8px; }
QPushButton:hover { background-color: #3182ce; }
QPushButton:disabled { background-color: #5a626c; color: #b8bfc7; }
"""


class Docked(QWidget):
    """A dock's widget that stops its work when the dock is closed."""

    def let_go(self) -> None:
        """Stop all work and hear no more of the viewer."""
        raise NotImplementedError

    def event(self, event: QEvent) -> bool:
        """Let go when the dock is closed: napari then takes the widget out of it."""
        kind = event.type()
        orphaned = kind == QEvent.Type.ParentChange and self.parent() is None
        if orphaned or kind == QEvent.Type.Close:
            self.let_go()
        return bool(super().event(event))


def scrolled(parts: Iterable[QWidget], layout: QVBoxLayout) -> None:
    """Let a column scroll, so that it never makes the window taller than the screen.

    Parameters
    ----------
    parts
        What stands in it, from above.
    layout
        Of the dock's widget, still empty.
    """
    column = QWidget()
    rows = QVBoxLayout(column)
    rows.setSpacing(SPACING_PX)
    for part in parts:
        rows.addWidget(part)
    rows.addStretch(1)
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(column)
    scroll.setMinimumWidth(MINIMUM_PX)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(scroll)
