"""Freed memory that is kept for the next batch.

Room: inference. glibc gives every large buffer back to the kernel, which clears its pages anew for
the next one. On a virtual machine that takes longer than a small network.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of glibc's malloc.h."""
_KEPT_BYTES = 2**30


def keep_freed_memory() -> bool:
    """Ask the C library to keep up to 1 GiB of freed memory for this process.

    Returns
    -------
    Whether it does; other C libraries than glibc have no such setting, and need none.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return all(mallopt(option, _KEPT_BYTES) == 1 for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
