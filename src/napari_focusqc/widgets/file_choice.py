"""A line for a path, buttons that look for one, and the folder they looked in last.

Room: widgets. Opens nothing: it says which path was picked.
"""

from pathlib import Path

from qtpy.QtCore import QMimeData, QSettings, Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

APPLICATION = "napari-focusqc"
FOLDER_KEY = "open/folder"


class FileChoice(QWidget):
    """Where the slide lies: typed, browsed for, or put there by a drop."""

    picked = Signal(str)
    """A path to be looked at; the same one may come twice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.browse_button = QPushButton("Browse…")
        self.folder_button = QPushButton("Folder…")
        self._last = ""
        self.line.setPlaceholderText("a slide's file, or drop one here")
        self.line.setAcceptDrops(False)  # the dock takes them; a line would write their text
        self.setToolTip("The slide: SVS, TIFF, OME-TIFF, NDPI, MRXS, DICOM, an OME-Zarr folder …")
        self.browse_button.setToolTip("Look for a slide's file")
        self.folder_button.setToolTip("Look for a slide that is a folder, such as OME-Zarr")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line, stretch=1)
        layout.addWidget(self.browse_button)
        layout.addWidget(self.folder_button)
        self.line.returnPressed.connect(lambda: self.pick(self.line.text()))
        self.line.editingFinished.connect(self._on_typed)
        self.browse_button.clicked.connect(self._on_browse)
        self.folder_button.clicked.connect(self._on_folder)

    @property
    def path(self) -> Path | None:
        """The path in the line, or None where it is empty; quotes around it are left out."""
        text = self.line.text().strip().strip('"')
        if not text:
            return None
        try:
            return Path(text).expanduser()
        except RuntimeError:  # “~somebody” who is not on this machine
            return Path(text)

    def pick(self, path: str) -> None:
        """Show a path, remember its folder, and say that it was picked.

        Parameters
        ----------
        path
            Of a file or a folder; nothing asks whether it is there.
        """
        self._last = path
        self.line.setText(path)
        self.line.setToolTip(path)
        if self.path is not None:
            _settings().setValue(FOLDER_KEY, str(self.path.absolute().parent))
        self.picked.emit(path)

    def _on_typed(self) -> None:
        """Pick what was typed, though without Enter, when the line loses the focus."""
        if self.line.text() != self._last:
            self.pick(self.line.text())

    def _on_browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a slide", last_folder())
        if path:
            self.pick(path)

    def _on_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Choose a slide's folder", last_folder())
        if path:
            self.pick(path)


def last_folder() -> str:
    """Return the folder of the slide picked last, or nothing where there was none."""
    return str(_settings().value(FOLDER_KEY, ""))


def dropped_path(dropped: QMimeData) -> str | None:
    """Return the path of the one file or folder that is being dropped, or None.

    Parameters
    ----------
    dropped
        What the drop carries; several files are no slide.
    """
    urls = dropped.urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    return str(urls[0].toLocalFile())


def _settings() -> QSettings:
    """Return what is remembered between sessions, in a plain text file of the user's."""
    return QSettings(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, APPLICATION, APPLICATION
    )
