"""What long work yields while it runs.

Room: progress. Every long call is a generator of `Progress`; its return value is its result.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

U = TypeVar("U")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Progress(Generic[U]):
    """One step of long work.

    Parameters
    ----------
    done, total
        Units finished and units in all; ``total`` is 0 while it is not known yet.
    stage
        What is being done, in words for a progress bar.
    update
        A partial result to show now, or None.
    """

    done: int
    total: int
    stage: str
    update: U | None = None


def finish(work: Generator[Progress[U], None, R]) -> R:
    """Run long work to its end and return its result.

    Parameters
    ----------
    work
        What a long call such as `score_slide` returned.
    """
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: R = end.value
            return result


def named(work: Generator[Progress[U], None, R], words: str) -> Generator[Progress[U], None, R]:
    """Go through long work, `words` before each of its stages; closing it closes the work."""
    try:
        while True:
            step = next(work)
            yield replace(step, stage=f"{words}: {step.stage}")
    except StopIteration as end:
        result: R = end.value
        return result
    finally:
        work.close()
