"""Long work runs to its end."""

from collections.abc import Generator

from napari_focusqc import finish
from napari_focusqc.progress import Progress


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
