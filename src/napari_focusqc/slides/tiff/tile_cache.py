"""Decoded tiles that a region used in part, kept for the regions beside it.

Room: slides. A tile that lies wholly inside a region is not wanted again by its neighbours, so it
never comes here: a pan over whole tiles keeps nothing.
"""

from collections import deque
from collections.abc import Hashable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4 << 20
"""Memory is taken in blocks of so much: the system hands it out in large pages, which is much
quicker than a little for every tile. No larger tile is kept."""

MOST_BLOCKS = 8
"""How many blocks are kept; with the oldest go the tiles in it."""


class TileCache:
    """A bounded store of decoded tiles, for several threads at once."""

    def __init__(self) -> None:
        self._tiles: dict[Hashable, NDArray[np.uint8]] = {}
        self._keys: deque[list[Hashable]] = deque()
        self._room = np.empty(0, np.uint8)
        self._lock = Lock()

    def get(self, key: Hashable) -> NDArray[np.uint8] | None:
        """Return a tile, which must not be changed; None where it is not here."""
        return self._tiles.get(key)

    def keep(self, key: Hashable, pixels: NDArray[np.uint8]) -> None:
        """Store a copy of a tile."""
        if pixels.size > BLOCK_BYTES:
            return
        with self._lock:
            if key in self._tiles:
                return
            if pixels.size > self._room.size:
                self._next_block()
            copy = self._room[: pixels.size].reshape(pixels.shape)
            self._room = self._room[pixels.size :]
            copy[...] = pixels
            self._keys[-1].append(key)
            self._tiles[key] = copy

    def _next_block(self) -> None:
        """Begin a block; whoever still reads a tile of the oldest one keeps its memory alive."""
        if len(self._keys) == MOST_BLOCKS:
            for key in self._keys.popleft():
                del self._tiles[key]
        self._keys.append([])
        self._room = np.empty(BLOCK_BYTES, np.uint8)
