"""Buttons that write the nuclei to a file of the user's choice.

Room: widgets. The formats are those of `results`.
"""

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from napari_focusqc.progress import Progress
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.widgets.file_choice import last_folder

FORMATS = {
    "CSV …": ".nuclei.csv",
    "Parquet …": ".nuclei.parquet",
    "QuPath GeoJSON …": ".nuclei.geojson.gz",
}
"""What the menu says, and the ending of the file."""
ENDINGS = (".csv", ".parquet", ".geojson", ".gz")


class ExportButton(QPushButton):
    """“Export …” with a menu of formats."""

    wanted = Signal(str)
    """A path was chosen; its ending says the format."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Export …", parent)
        self.stem = "slide"
        """How the file is called before its ending."""
        self.setToolTip(
            "<qt>Write the nuclei at the threshold above, with your corrections, to a file; those "
            "hidden for their focus are in it, with what is known of their focus. QuPath opens "
            "GeoJSON as detections. napari's File &gt; Save writes the points as they are.</qt>"
        )
        self.formats = QMenu(self)
        for words, ending in FORMATS.items():
            self.formats.addAction(words, partial(self._ask, ending))
        self.setMenu(self.formats)

    def _ask(self, ending: str) -> None:
        proposed = str(Path(last_folder()) / (self.stem + ending))
        path, _ = QFileDialog.getSaveFileName(
            self, "Export nuclei", proposed, f"{ending[1:]} (*{ending})"
        )
        if path:
            known = Path(path).suffix.lower() in ENDINGS
            self.wanted.emit(path if known else path + ending)


def exported(nuclei: NucleusTable, path: Path) -> Generator[Progress[None], None, Path]:
    """Write nuclei in the format that the path's ending says.

    Parameters
    ----------
    nuclei
        What to write.
    path
        Ending in ``.csv``, ``.parquet``, ``.geojson`` or ``.gz``.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    yield Progress(0, 0, f"writing {path.name}")
    return _writer(path)(nuclei, path)


def _writer(path: Path) -> Callable[[NucleusTable, Path], Path]:
    # imported late: pyarrow takes a fifth of a second
    from napari_focusqc.results.nucleus_files import save_nuclei, write_nucleus_csv
    from napari_focusqc.results.qupath_nuclei import write_qupath_nuclei

    known = {".csv": write_nucleus_csv, ".parquet": save_nuclei}
    return known.get(path.suffix.lower(), write_qupath_nuclei)
