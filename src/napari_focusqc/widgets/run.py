"""Long work in a thread of its own: what is run, and napari's worker made safe.

Room: widgets. The only widget code that catches `FocusQCError`: it becomes a value, so that it
can travel to the Qt thread.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from napari.qt.threading import GeneratorWorker

from napari_focusqc.errors import FocusQCError
from napari_focusqc.progress import Progress

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")


def _nothing(*_: Any) -> None:
    """Hear nothing."""


@dataclass(frozen=True)
class Job(Generic[U, R]):
    """Long work and who wants to hear of it, if anyone; all but `work` is called in the Qt thread.

    Parameters
    ----------
    name
        What is being done, for napari's “still running” question.
    work
        Starts the work; called in the worker's thread.
    shown
        Gets the updates since the last call, in order, never an empty list.
    done
        Gets the result.
    stopped
        Called when there will be no result: cancelled, refused or failed.
    kept
        Called instead of `stopped` unless the widget goes away: keeps what it can of the work, and
        returns a sentence of what that is, or None where it is nothing.
    """

    name: str
    work: Callable[[], Generator[Progress[U], None, R]]
    shown: Callable[[list[U]], None] = _nothing
    done: Callable[[R], None] = _nothing
    stopped: Callable[[], None] = _nothing
    kept: Callable[[], str | None] | None = None

    def __str__(self) -> str:
        return self.name

    def __call__(self) -> Generator[Progress[U], None, R]:
        """Start the work."""
        return self.work()

    def leave(self) -> str | None:
        """End without a result; return what was kept."""
        if self.kept is None:
            self.stopped()
            return None
        return self.kept()


@dataclass(frozen=True)
class Refusal:
    """A `FocusQCError` on its way to the Qt thread."""

    error: FocusQCError


class ClosingWorker(GeneratorWorker):
    """A worker that closes its generator in its own thread, and loses no exception.

    napari's own leaves an aborted generator to the garbage collector, and its `work` returns a
    RuntimeError, which then vanishes; here `work` raises it, so that `errored` is emitted.
    """

    def __init__(self, job: Job[Any, Any]) -> None:
        super().__init__(_no_steps)
        self._job = job

    def work(self) -> Any:
        """Run until the end, a refusal or a request to stop; the generator is always closed."""
        with closing(self._job()) as steps:
            while not self.abort_requested:
                try:
                    step = next(steps)
                except StopIteration as end:
                    return end.value
                except FocusQCError as error:
                    # Its traceback would keep what the work had open.
                    return Refusal(error.with_traceback(None))
                self.yielded.emit(step)
        self.aborted.emit()
        return None


def _no_steps() -> Generator[None, None, None]:
    """Stand where `GeneratorWorker` wants a generator function; never run."""
    yield


def attempt(call: Callable[[], T]) -> T | FocusQCError:
    """Return what a call returns, or the refusal it raises."""
    try:
        return call()
    except FocusQCError as error:
        return error
