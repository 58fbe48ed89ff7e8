"""Threads finish as they like; results come as asked."""

import threading
import time
from contextlib import closing

import pytest

from napari_focusqc.tiles.in_order import in_order


def alive() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("focusqc")]


def slow_first(number: int) -> int:
    time.sleep(0.02 if number % 3 == 0 else 0)
    return number * number


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    assert list(in_order(slow_first, range(12), threads)) == [n * n for n in range(12)]
    assert alive() == []


def test_only_a_few_items_are_taken_ahead() -> None:
    taken: list[int] = []
    with closing(in_order(slow_first, (taken.append(n) or n for n in range(99)), 2)) as work:
        next(work)
        assert len(taken) == 3
    assert alive() == []


def test_an_error_comes_where_its_result_would() -> None:
    def fail(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    work = in_order(fail, range(5), 2)
    assert [next(work), next(work)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(work)
    assert alive() == []
