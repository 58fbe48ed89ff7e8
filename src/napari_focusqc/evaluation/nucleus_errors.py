"""Which found nuclei are none, and which nuclei were missed: the worst first, to be looked at.

Room: evaluation. Points and their pairs in, a list out; knows no image. Lengths are in the unit of
the points.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_focusqc.evaluation.nucleus_matching import Matching
from napari_focusqc.evaluation.nucleus_metrics import Points
from napari_focusqc.results.beside import file_beside

FALSE_POSITIVE, FALSE_NEGATIVE = "false positive", "false negative"


@dataclass(frozen=True, slots=True, eq=False)
class NucleusErrors:
    """Points that have no partner: first what was found by mistake, then what was missed.

    Parameters
    ----------
    found
        bool (E,): a found nucleus without a true one (false positive), else a true one without a
        found (false negative).
    index
        int64 (E,), which of the found, or of the true nuclei it is.
    centres
        float64 (E, 2), where it lies.
    peaks
        float64 (E,), the map's value there; NaN for what was missed, and where nobody knows it.
    nearest
        float64 (E,), from a found nucleus to the nearest true one, paired or not, and from a missed
        one to the nearest found; ∞ where there is none.
    """

    found: NDArray[np.bool_]
    index: NDArray[np.int64]
    centres: NDArray[np.float64]
    peaks: NDArray[np.float64]
    nearest: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)

    def kind(self, number: int) -> str:
        """Return what an error is, in words."""
        return FALSE_POSITIVE if self.found[number] else FALSE_NEGATIVE

    def words(self, number: int) -> tuple[str, ...]:
        """Return what is known of an error: kind, peak, nearest, y and x; nothing is “–”."""
        y, x = self.centres[number]
        peak, nearest = self.peaks[number], self.nearest[number]
        return (
            self.kind(number),
            f"{peak:.2f}" if np.isfinite(peak) else "–",
            f"{nearest:.1f}" if np.isfinite(nearest) else "–",
            f"{y:.1f}",
            f"{x:.1f}",
        )

    def only(self, *, found: bool) -> "NucleusErrors":
        """Return the false positives, or the false negatives."""
        some = self.found == found
        return NucleusErrors(
            self.found[some],
            self.index[some],
            self.centres[some],
            self.peaks[some],
            self.nearest[some],
        )


def find_errors(
    matching: Matching, found: Points, true: Points, peaks: NDArray[np.floating] | None = None
) -> NucleusErrors:
    """List what a matching left over.

    False positives stand by their peak, the highest first, where that is known, else by their
    distance, the farthest first; so do the missed ones.

    Parameters
    ----------
    matching
        Of these points.
    found, true
        Any float (N, 2) and (M, 2).
    peaks
        Float (N,), the map's value at each found nucleus; None where nobody knows.
    """
    here, there = np.asarray(found, np.float64), np.asarray(true, np.float64)
    heights = np.full(len(here), np.nan) if peaks is None else np.asarray(peaks, np.float64)
    extra = np.setdiff1d(np.arange(len(here)), matching.found)
    missed = np.setdiff1d(np.arange(len(there)), matching.true)
    away, apart = _nearest(here[extra], there), _nearest(there[missed], here)
    first = np.lexsort((-away, -np.nan_to_num(heights[extra])))
    then = np.argsort(-apart, kind="stable")
    extra, missed = extra[first], missed[then]
    return NucleusErrors(
        np.arange(len(extra) + len(missed)) < len(extra),
        np.concatenate([extra, missed]).astype(np.int64),
        np.concatenate([here[extra], there[missed]]),
        np.concatenate([heights[extra], np.full(len(missed), np.nan)]),
        np.concatenate([away[first], apart[then]]),
    )


def write_error_csv(
    path: Path, names: Sequence[tuple[str, str]], errors: Sequence[NucleusErrors]
) -> Path:
    """List the errors of several images, one row each.

    Parameters
    ----------
    path
        CSV file to make or replace: UTF-8, a header, commas, decimal points; nothing where a peak
        or a nearest nucleus is not known.
    names
        Data set and name of each image.
    errors
        Of each image, px of that image.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with file_beside(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("data_set", "image", "y_px", "x_px", "kind", "peak", "nearest_px"))
        for (data_set, image), each in zip(names, errors, strict=True):
            for number, (y, x) in enumerate(each.centres):
                known = [_text(values[number]) for values in (each.peaks, each.nearest)]
                writer.writerow((data_set, image, _text(y), _text(x), each.kind(number), *known))
    return path


def _text(value: float) -> str:
    return f"{value:.7g}" if np.isfinite(value) else ""


def _nearest(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each point to the nearest of others, ∞ where there is none."""
    if not len(some) or not len(others):
        return np.full(len(some), np.inf)
    return np.asarray(KDTree(others).query(some)[0], np.float64)
