"""Work done in threads whose results come in the order of what was asked.

Room: tiles.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], items: Iterable[T], threads: int
) -> Generator[R, None, None]:
    """Call a function with every item; closing the generator waits for the threads.

    Parameters
    ----------
    function
        May be called from several threads at once.
    items
        Taken as they are needed.
    threads
        Number of threads, at least 1.

    Yields
    ------
    What the function returned, in the order of the items; only a few results are computed ahead.
    """
    ahead: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="focusqc")
    try:
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
