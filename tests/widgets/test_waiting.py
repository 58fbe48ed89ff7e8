"""Work that a menu waits for: result, refusal, failure and Cancel all come back to the caller."""

import threading
import time
from collections.abc import Generator
from typing import Any

import pytest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QProgressDialog, QPushButton

from napari_focusqc.errors import DownloadError, StoppedError
from napari_focusqc.progress import Progress
from napari_focusqc.widgets.waiting import wait_for

Steps = Generator[Progress[None], None, Any]


def test_the_result_comes_back_from_another_thread(qtbot: Any) -> None:
    def work() -> Steps:
        yield Progress(0, 2, "counting")
        return threading.current_thread()

    assert wait_for("Counting", work) is not threading.main_thread()


def test_a_refusal_is_raised_to_the_caller(qtbot: Any) -> None:
    def work() -> Steps:
        yield Progress(0, 0, "fetching")
        raise DownloadError("there is no network")

    with pytest.raises(DownloadError, match="there is no network"):
        wait_for("Fetching", work)


def test_the_window_lives_while_waiting(qtbot: Any) -> None:
    beats: list[int] = []
    enough = threading.Event()

    def beat() -> None:
        beats.append(1)
        if len(beats) == 10:
            enough.set()

    def work() -> Steps:
        yield Progress(0, 0, "waiting")
        return enough.wait(10)

    timer = QTimer()
    timer.timeout.connect(beat)
    timer.start(10)
    assert wait_for("Waiting", work)
    timer.stop()


def test_cancel_closes_the_work_and_says_so(qtbot: Any) -> None:
    closed = threading.Event()

    def work() -> Steps:
        try:
            while True:
                time.sleep(0.005)
                yield Progress(1, 10, "building")
        finally:
            closed.set()

    def press_cancel() -> None:
        dialogs = [w for w in QApplication.topLevelWidgets() if isinstance(w, QProgressDialog)]
        shown = [dialog for dialog in dialogs if dialog.isVisible()]
        if shown:
            poll.stop()
            shown[0].findChild(QPushButton).click()

    poll = QTimer()
    poll.timeout.connect(press_cancel)
    poll.start(50)
    with pytest.raises(StoppedError, match="Building was cancelled; ask again"):
        wait_for("Building", work)
    assert closed.is_set()
    QApplication.processEvents()
