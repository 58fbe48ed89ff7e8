"""Long work behind a progress bar.

Room: cli.
"""

from collections.abc import Generator
from typing import Any, TypeVar

from tqdm import tqdm

from napari_focusqc.progress import Progress

R = TypeVar("R")


def run_with_bar(work: Generator[Progress[Any], None, R], name: str) -> R:
    """Drive long work with a progress bar and return its result."""
    with tqdm(desc=name, unit="", dynamic_ncols=True, disable=None) as bar:
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: R = end.value
                return result
            bar.total = step.total or None
            bar.n = step.done
            bar.set_description(f"{name}: {step.stage}", refresh=False)
            bar.refresh()
