"""What a person changed of the nuclei that a model found.

Room: annotation. Kept apart from what was found, so that it outlives every other threshold and can
be taken back.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.results.nucleus_table import NucleusTable

ADDED = -1
"""Stands where a found nucleus has its row."""
ADDED_PEAK = 1.0
"""A nucleus that a person added is as sure as a peak can be: no threshold hides it."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """Nuclei deleted and added by hand; a nucleus that was moved is both.

    Parameters
    ----------
    deleted
        int64 (D,), rows of the found table, rising.
    added
        float32 (A, 2), (y, x) in level-0 px.
    """

    deleted: NDArray[np.int64]
    added: NDArray[np.float32]

    @classmethod
    def none(cls) -> "Corrections":
        """Return what nobody has corrected yet."""
        return cls(np.empty(0, np.int64), np.empty((0, 2), np.float32))

    def after(
        self, before: NDArray[np.int64], rows: NDArray[np.int64], centres: NDArray[np.floating]
    ) -> "Corrections":
        """Return these corrections and what was done to nuclei that could be seen.

        Parameters
        ----------
        before
            int64, found rows, or `ADDED`, of all added nuclei and some of the others.
        rows
            int64 (N,), the same afterwards.
        centres
            (N, 2), where they lie afterwards, (y, x) in level-0 px.
        """
        gone = np.setdiff1d(before[before != ADDED], rows, assume_unique=True)
        added = np.asarray(centres[rows == ADDED], np.float32)
        return Corrections(np.union1d(self.deleted, gone), added)

    def __len__(self) -> int:
        return len(self.deleted) + len(self.added)

    def rows(self, found: int) -> NDArray[np.int64]:
        """Return the found row of each nucleus that there is now: those left, then the added ones.

        Parameters
        ----------
        found
            How many were found.
        """
        left = np.delete(np.arange(found, dtype=np.int64), self.deleted)
        return np.append(left, np.full(len(self.added), ADDED))

    def applied(self, found: NucleusTable) -> NucleusTable:
        """Return the nuclei in the order of `rows`; their source says how many were corrected."""
        left = np.delete(found.centres, self.deleted, axis=0)
        table = laid(found, self.rows(len(found)), np.concatenate([left, self.added]))
        source = replace(found.source, deleted=len(self.deleted), added=len(self.added))
        return replace(table, source=source)


def laid(
    found: NucleusTable, rows: NDArray[np.int64], centres: NDArray[np.floating]
) -> NucleusTable:
    """Return nuclei of which some were found and some added; no focus is known of them.

    Parameters
    ----------
    found
        What the model found.
    rows
        int64 (N,), rows of `found`, or `ADDED`.
    centres
        (N, 2), where they lie now, (y, x) in level-0 px; made float32.
    """
    peaks = np.append(found.peaks, np.float32(ADDED_PEAK))[rows]  # `ADDED` is the last one
    return NucleusTable.found(centres, peaks, found.source)
