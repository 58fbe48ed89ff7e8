"""Long work runs to its end."""

from collections.abc import Generator

from napari_focusqc import finish
from napari_focusqc.progress import Progress, named


def test_finish_runs_every_step_and_returns_the_result() -> None:
    steps: list[int] = []

    def work() -> Generator[Progress[None], None, str]:
        for done in range(3):
            steps.append(done)
            yield Progress(done, 3, "counting")
        return "done"

    assert finish(work()) == "done"
    assert steps == [0, 1, 2]


def test_finish_returns_what_work_without_steps_returns() -> None:
    def work() -> Generator[Progress[None], None, int]:
        return 7
        yield Progress(0, 0, "never")

    assert finish(work()) == 7


def test_named_work_says_what_it_is_of_and_is_closed_with_what_drives_it() -> None:
    closed: list[bool] = []

    def work() -> Generator[Progress[None], None, str]:
        try:
            yield Progress(1, 2, "counting")
            yield Progress(2, 2, "counting")
            return "done"
        finally:
            closed.append(True)

    steps = named(work(), "row 1")
    assert next(steps) == Progress(1, 2, "row 1: counting")
    steps.close()
    assert closed == [True]
    assert finish(named(work(), "row 2")) == "done"
