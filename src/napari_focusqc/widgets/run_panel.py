"""One piece of long work at a time: its progress bar, its Cancel button, its words.

Room: widgets. Whoever starts work here gets its updates and its result in the Qt thread.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_focusqc.errors import FocusQCError
from napari_focusqc.progress import Progress
from napari_focusqc.widgets.run import ClosingWorker, Job, Refusal

U = TypeVar("U")
R = TypeVar("R")

WARNING_STYLE = "QLabel { border-left: 4px solid #e69f00; padding-left: 6px; }"

SHOW_EVERY_MS = 60
"""Updates are shown together at this pace, so that fast work cannot flood the event loop."""
PAINT_MS = 10
"""Before the outcome is dealt with, which may add layers: what came last is painted first."""


class RunPanel(QWidget):
    """Progress bar, Cancel button and status line of the work in hand."""

    running_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job[Any, Any] | None = None
        self._worker: ClosingWorker | None = None
        self._steps: list[Progress[Any]] = []
        self._outcome: Callable[[Job[Any, Any]], None] = self._cancelled
        self._timer = QTimer(self)
        self._timer.setInterval(SHOW_EVERY_MS)
        self._timer.timeout.connect(self._show_steps)
        self._pause = QTimer(self)
        self._pause.setInterval(PAINT_MS)
        self._pause.setSingleShot(True)
        self._pause.timeout.connect(self._conclude)
        self._build()

    def _build(self) -> None:
        self.bar, self.cancel_button, self.status = QProgressBar(), QPushButton("Cancel"), QLabel()
        self.cancel_button.setToolTip("Stop; tiles that are scored already are kept")
        self.cancel_button.clicked.connect(self.cancel)
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._busy = QWidget()
        row = QHBoxLayout(self._busy)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, stretch=1)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._busy)
        layout.addWidget(self.status)
        self._busy.hide()
        self.say("")

    @property
    def running(self) -> bool:
        """Whether work is in hand; it stays so after Cancel until its thread has ended."""
        return self._job is not None

    def start(self, job: Job[U, R]) -> bool:
        """Start work in a thread of its own, unless other work is in hand.

        Returns
        -------
        Whether it was started.
        """
        if self.running:
            return False
        self._job, self._steps, self._outcome = job, [], self._cancelled
        self._worker = create_worker(job, _worker_class=ClosingWorker)
        self._worker.yielded.connect(self._on_step)
        self._worker.returned.connect(self._on_returned)
        self._worker.errored.connect(self._on_errored)
        self._worker.finished.connect(self._on_finished)
        self.destroyed.connect(self._worker.quit)
        self._busy.show()
        self.bar.setRange(0, 0)
        self.cancel_button.setEnabled(True)
        self.say("Starting …")
        self._timer.start()
        self.running_changed.emit(True)
        self._worker.start()
        return True

    def cancel(self) -> None:
        """Ask the work to stop; it ends after the step it is at, and shows nothing more."""
        if self._worker is not None:
            self._worker.quit()
            self.cancel_button.setEnabled(False)
            self.say("Cancelling …")

    @property
    def _stopping(self) -> bool:
        """Whether somebody asked the work to stop: Cancel, or napari when its window closes."""
        return self._worker is not None and self._worker.abort_requested

    def abandon(self) -> None:
        """Stop for good, without waiting: the widget, the viewer or the layer is going away.

        The thread ends after the step it is at; nothing it still sends is listened to.
        """
        job, worker = self._job, self._worker
        if job is None or worker is None:
            return
        worker.quit()
        worker.yielded.disconnect(self._on_step)
        worker.returned.disconnect(self._on_returned)
        worker.errored.disconnect(self._on_errored)
        worker.finished.disconnect(self._on_finished)
        self._rest()
        job.stopped()

    def say(self, text: str) -> None:
        """Show a plain sentence in the status line; an empty one leaves no gap."""
        self.status.setStyleSheet("")
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def refuse(self, error: FocusQCError) -> None:
        """Show a refusal in the status line and as napari's own notification."""
        sentence = str(error)
        self._warn(sentence[:1].upper() + sentence[1:])
        show_error(sentence)

    def _on_step(self, step: Progress[Any]) -> None:
        self._steps.append(step)

    def _on_returned(self, value: Any) -> None:
        if isinstance(value, Refusal):
            self._outcome = partial(self._refused, value.error)
        else:
            self._outcome = partial(self._succeeded, value)

    def _on_errored(self, error: Exception) -> None:
        self._outcome = partial(self._failed, error)

    def _on_finished(self) -> None:
        """Show what is left, once the generator is closed."""
        self._show_steps()
        self._pause.start()

    def _conclude(self) -> None:
        """Tell the outcome."""
        job, outcome = self._job, self._cancelled if self._stopping else self._outcome
        self._rest()
        if job is not None:
            outcome(job)

    def _show_steps(self) -> None:
        """Hand over all updates since the last time; the bar shows the newest step."""
        if not self._steps or self._job is None or self._stopping:
            return
        steps, self._steps = self._steps, []
        last = steps[-1]
        self.bar.setRange(0, last.total)
        self.bar.setValue(last.done)
        self.say(f"{last.stage[:1].upper()}{last.stage[1:]} …")
        updates = [step.update for step in steps if step.update is not None]
        if updates:
            self._job.shown(updates)

    def _rest(self) -> None:
        """Be ready for the next job, and keep nothing of this one: its result may be a file."""
        if self._worker is not None:
            self.destroyed.disconnect(self._worker.quit)
        self._job = self._worker = None
        self._steps, self._outcome = [], self._cancelled
        self._timer.stop()
        self._pause.stop()
        self._busy.hide()
        self.running_changed.emit(False)

    def _succeeded(self, value: Any, job: Job[Any, Any]) -> None:
        self.say("")
        job.done(value)

    def _cancelled(self, job: Job[Any, Any]) -> None:
        self.say(f"Cancelled; {job.leave() or 'nothing of this run was kept'}.")

    def _refused(self, error: FocusQCError, job: Job[Any, Any]) -> None:
        job.leave()
        self.refuse(error)

    def _failed(self, error: Exception, job: Job[Any, Any]) -> None:
        """Show an error nobody foresaw; napari shows its traceback by itself."""
        job.leave()
        self._warn(f"Stopped by an unexpected {type(error).__name__}: {error}")

    def _warn(self, text: str) -> None:
        """Show a sentence that stands out in a dark and in a light theme."""
        self.say(text)
        self.status.setStyleSheet(WARNING_STYLE)
