"""Waiting for something that a menu asked for, with the window alive and a way to stop.

Room: widgets. For work whose result napari wants back from a plain call, such as sample data.
"""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from napari.qt.threading import create_worker
from qtpy.QtCore import QEventLoop, Qt
from qtpy.QtWidgets import QApplication, QProgressDialog

from napari_focusqc.errors import StoppedError
from napari_focusqc.progress import Progress
from napari_focusqc.widgets.run import ClosingWorker, Job, Refusal

R = TypeVar("R")

QUICK_MS = 400
"""Work done sooner shows no dialog."""


def wait_for(name: str, work: Callable[[], Generator[Progress[Any], None, R]]) -> R:
    """Run work in a thread behind a progress dialog, and return its result.

    Parameters
    ----------
    name
        What is being done, for the dialog.
    work
        Starts the work; called in the worker's thread.

    Raises
    ------
    FocusQCError
        What the work raises; `StoppedError` where the user pressed Cancel.
    """
    found: list[Any] = []
    dialog = _dialog(name)
    job: Job[Any, R] = Job(name, work)
    worker = create_worker(job, _worker_class=ClosingWorker)
    loop = QEventLoop()
    worker.yielded.connect(lambda step: _show(dialog, step))
    worker.returned.connect(found.append)
    worker.errored.connect(found.append)
    worker.finished.connect(loop.quit)
    dialog.canceled.connect(worker.quit)
    worker.start()
    loop.exec()
    dialog.canceled.disconnect(worker.quit)
    dialog.close()
    dialog.deleteLater()
    if not found:
        raise StoppedError(f"{name} was cancelled; ask again to start anew")
    if isinstance(found[0], Refusal):
        raise found[0].error
    if isinstance(found[0], Exception):
        raise found[0]
    result: R = found[0]
    return result


def _dialog(name: str) -> QProgressDialog:
    dialog = QProgressDialog(f"{name} …", "Cancel", 0, 0, QApplication.activeWindow())
    dialog.setWindowTitle("Focus QC")
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.setMinimumDuration(QUICK_MS)
    dialog.setMinimumWidth(360)
    dialog.setAutoReset(False)
    dialog.setValue(0)  # starts the clock of the minimum duration
    return dialog


def _show(dialog: QProgressDialog, step: Progress[Any]) -> None:
    if not dialog.wasCanceled():
        dialog.setLabelText(f"{step.stage[:1].upper()}{step.stage[1:]} …")
        dialog.setMaximum(step.total)
        dialog.setValue(step.done)
