"""Decoded tiles that a region used in part, kept for the regions beside it.

Room: slides. A tile that lies wholly inside a region is not wanted again by its neighbours, so it
never comes here: a pan over whole tiles keeps nothing.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 32 << 20
"""How much is kept; the tiles unused for longest go first."""


class TileCache:
    """A bounded store of decoded tiles, for several threads at once.

    Parameters
    ----------
    most_bytes
        How much it may hold, bytes.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._held = 0
        self._tiles: OrderedDict[Hashable, NDArray[np.uint8]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> NDArray[np.uint8] | None:
        """Return a tile, which must not be changed; None where it is not here."""
        with self._lock:
            pixels = self._tiles.get(key)
            if pixels is not None:
                self._tiles.move_to_end(key)
            return pixels

    def keep(self, key: Hashable, pixels: NDArray[np.uint8]) -> None:
        """Store a copy of a tile and let old ones go for it; a very large one is not kept."""
        if pixels.nbytes > self._most // 8:
            return
        copy = pixels.copy()
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = copy
                self._held += copy.nbytes
            while self._held > self._most:
                self._held -= self._tiles.popitem(last=False)[1].nbytes
