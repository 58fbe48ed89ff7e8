"""Decoded tiles that a region used in part, kept for the regions beside it.

Room: slides. A tile that lies wholly inside a region is not wanted again by its neighbours, so it
never comes here: a pan over whole tiles keeps nothing.
"""

from collections import deque
from collections.abc import Callable, Hashable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4 << 20
"""Memory is taken in blocks of so much: the system hands it out in large pages, which is much
quicker than a little for every tile. No larger tile is kept."""

LEAST_BYTES, MOST_BYTES = 32 << 20, 256 << 20
"""What is kept at least and at most; with the oldest block go the tiles in it."""

Tile = NDArray[np.uint8] | None
"""A decoded tile; None is one that the scanner left out."""


class TileCache:
    """A bounded store of decoded tiles, for several threads at once.

    Parameters
    ----------
    size
        How much should be kept, bytes; see `LEAST_BYTES` and `MOST_BYTES`.
    """

    def __init__(self, size: int = 0) -> None:
        self._most_blocks = min(max(size, LEAST_BYTES), MOST_BYTES) // BLOCK_BYTES
        self._turns: dict[Hashable, Lock] = {}
        self._tiles: dict[Hashable, NDArray[np.uint8]] = {}
        self._keys: deque[list[Hashable]] = deque()
        self._room = np.empty(0, np.uint8)
        self._lock = Lock()

    def get(self, key: Hashable) -> NDArray[np.uint8] | None:
        """Return a tile, which must not be changed; None where it is not here."""
        return self._tiles.get(key)

    def once(self, key: Hashable, decode: Callable[[], Tile]) -> Tile:
        """Return a tile, decoding and keeping it where it is not here.

        Of several threads that want the same tile at once, one decodes it and the others wait.
        """
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
        try:
            with turn:
                pixels = self.get(key)
                if pixels is None:
                    pixels = decode()
                    if pixels is not None:
                        self.keep(key, pixels)
                return pixels
        finally:
            with self._lock:
                self._turns.pop(key, None)

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
        if len(self._keys) == self._most_blocks:
            for key in self._keys.popleft():
                del self._tiles[key]
        self._keys.append([])
        self._room = np.empty(BLOCK_BYTES, np.uint8)
