"""Memory for a network's maps, used again and again.

Room: inference. Maps of large windows take tens of megabytes; new ones come from the kernel page by
page, cleared, and in threads the C library gives each back as soon as it is free. That would take a
quarter of the time.
"""

from sys import getrefcount
from threading import local

import numpy as np
from numpy.typing import NDArray


def _references(buffers: list[NDArray[np.float32]]) -> list[int]:
    """Count what refers to each buffer: the list, whoever uses it, and this count itself."""
    return [getrefcount(buffer) for buffer in buffers]


_UNUSED = _references([np.empty(0, np.float32)])[0]
"""References to a buffer that nobody uses; which of its own a count counts, differs by Python."""


class Buffers(local):
    """Memory of each thread; what nobody holds any more is given out again."""

    def __init__(self) -> None:
        self._all: list[NDArray[np.float32]] = []

    def take(self, *shape: int) -> NDArray[np.float32]:
        """Return an array with anything in it, float32.

        An array and all views of it, torch's included, keep its memory; the smallest that is free
        and large enough is taken.
        """
        size = int(np.prod(shape))
        for place, references in enumerate(_references(self._all)):
            if references == _UNUSED and len(self._all[place]) >= size:
                return self._all[place][:size].reshape(shape)
        buffer = np.empty(size, np.float32)
        self._all = sorted([*self._all, buffer], key=len)
        return buffer[:size].reshape(shape)


MAPS = Buffers()
