"""Bytes of a file, from many threads at once.

Room: slides. Knows no format.
"""

import os
from pathlib import Path
from threading import Lock
from weakref import finalize


class ByteSource:
    """A file open for reading at any offset, without a shared position.

    The file closes when the last reference goes, so a read in flight never loses its file.

    Parameters
    ----------
    path
        An existing file.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        finalize(self, self._file.close)
        self._lock = Lock()
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`; fewer only where the file ends."""
        parts = []
        while count > 0:
            part = self._read_once(offset, count)
            if not part:
                break
            parts.append(part)
            offset, count = offset + len(part), count - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_once(self, offset: int, count: int) -> bytes:
        """Return what one system call gives."""
        if hasattr(os, "pread"):
            return os.pread(self._file.fileno(), count, offset)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(count) or b""
