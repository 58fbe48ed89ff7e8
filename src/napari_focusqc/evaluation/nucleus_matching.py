"""Which found nucleus is which true one.

Room: evaluation. Points in, pairs out; knows no model and no image. All in one unit, px, (y, x).
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import KDTree

from napari_focusqc.errors import EvaluationError

_AT_ONCE = 512
"""Pairs given to the solver together, or as many more as hang together."""


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Pairs of a found and a true nucleus, each in one pair at most.

    Parameters
    ----------
    found, true
        int64 (K,), indices of each pair's two points; `found` rises.
    distance_px
        float64 (K,), from one to the other.
    fp, fn
        Found nuclei without a true one (false positives), and true without a found.
    """

    found: NDArray[np.int64]
    true: NDArray[np.int64]
    distance_px: NDArray[np.float64]
    fp: int
    fn: int

    @property
    def tp(self) -> int:
        """Number of pairs: true positives."""
        return len(self.found)


def match(
    found: NDArray[np.floating[Any]], true: NDArray[np.floating[Any]], radius_px: float
) -> Matching:
    """Pair as many as can be within the radius, and among such pairings choose the nearest.

    The paper assigns at least total distance what lies within the radius; that as many pairs as
    possible come first is our reading: without it, the least total is that of no pair.

    Parameters
    ----------
    found, true
        Any float (N, 2) and (M, 2), finite.
    radius_px
        A pair may be this far apart and no farther; above 0.

    Raises
    ------
    EvaluationError
        The points are not (·, 2) or not finite, or the radius is not above 0 and finite.

    References
    ----------
    .. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection in microscopy images",
       BMC Bioinformatics 20:472, 2019, "Evaluation metrics".
    .. [2] Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics
       Quarterly 2, 1955; solved here by `scipy.sparse.csgraph.min_weight_full_bipartite_matching`.
    """
    here, there = _points(found, "found"), _points(true, "true")
    one, other, away = _pairs_within(here, there, radius_px)
    chosen = [_assigned(one[p], other[p], away[p], radius_px) for p in _apart(one, other)]
    nothing = np.empty((2, 0), np.int64)
    found_paired, true_paired = np.concatenate([nothing, *chosen], axis=1)
    order = np.argsort(found_paired)
    paired, partners = found_paired[order], true_paired[order]
    away = _distance(here[paired], there[partners])
    return Matching(paired, partners, away, len(here) - len(paired), len(there) - len(paired))


def _apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> Iterator[NDArray[np.intp]]:
    """Yield numbers of pairs, some hundred at once, such that no point stands in two of the lots.

    The solver's time grows with the square of what it is given, and nuclei far apart have nothing
    to do with each other: 500,000 at once take hours.
    """
    if not len(one):
        return
    first = int(one.max()) + 1
    size = first + int(other.max()) + 1
    graph = csr_array((np.ones(len(one), bool), (one, first + other)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][one]
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    lots = np.unique(np.searchsorted(begins, np.arange(_AT_ONCE, len(one), _AT_ONCE)))
    yield from np.split(order, begins[lots[lots < len(begins)]])


def _assigned(
    one: NDArray[np.int64], other: NDArray[np.int64], away: NDArray[np.float64], radius_px: float
) -> NDArray[np.int64]:
    """Choose among pairs, (P,) each, P at least 1; return found and true of the chosen, (2, K)."""
    found, row = np.unique(one, return_inverse=True)
    true, column = np.unique(other, return_inverse=True)
    many, most = len(found), len(true)
    # each found nucleus may stay alone, at a price above the distances of any pairing
    alone = np.full(many, (min(many, most) + 1.0) * radius_px)
    columns = np.concatenate([column, most + np.arange(many)])
    # no price may be 0, and the same more in every row changes nothing
    price = np.concatenate([away, alone]) + radius_px
    rows = np.concatenate([row, np.arange(many)])
    prices = csr_array((price, (rows, columns)), shape=(many, most + many))
    chosen = min_weight_full_bipartite_matching(prices)[1].astype(np.int64)
    paired = np.flatnonzero(chosen < most)
    return np.stack([found[paired], true[chosen[paired]]])


def adds_match(
    found: NDArray[np.floating[Any]], true: NDArray[np.floating[Any]], radius_px: float
) -> NDArray[np.bool_]:
    """Say of each found nucleus, one after the other, whether it makes one more pair possible.

    The running sum is `match(found[:k], true, radius_px).tp` for every k at once: the greatest
    number of pairs grows by one where an augmenting path begins at the new point [1]_, and stays
    otherwise.

    Parameters
    ----------
    found, true, radius_px
        As for `match`; the most certain nucleus first.

    Returns
    -------
    bool (N,)

    References
    ----------
    .. [1] Berge, "Two theorems in graph theory", PNAS 43, 1957.
    """
    here, there = _points(found, "found"), _points(true, "true")
    near: list[list[int]] = [[] for _ in here]
    one, other, _ = _pairs_within(here, there, radius_px)
    for start, end in zip(one.tolist(), other.tolist(), strict=True):
        near[start].append(end)
    partner: dict[int, int] = {}
    spent: set[int] = set()
    return np.array([_augment(start, near, partner, spent) for start in range(len(near))], bool)


def _augment(start: int, near: list[list[int]], partner: dict[int, int], spent: set[int]) -> bool:
    """Pair one more found nucleus, others changing partners; say whether that could be done.

    Parameters
    ----------
    near
        The true nuclei within the radius of each found one.
    partner
        The found nucleus of each true one that has any; changed.
    spent
        True nuclei from which no free one can be reached, now or later; added to.
    """
    came_from: dict[int, int | None] = {}
    waiting: deque[tuple[int, int | None]] = deque([(start, None)])
    while waiting:
        one, before = waiting.popleft()
        for other in near[one]:
            if other in came_from or other in spent:
                continue
            came_from[other] = before
            if other not in partner:
                while (before := came_from[other]) is not None:
                    partner[other], other = partner[before], before
                partner[other] = start
                return True
            waiting.append((partner[other], other))
    spent.update(came_from)
    return False


def _points(points: NDArray[np.floating[Any]], which: str) -> NDArray[np.float64]:
    """Return points as float64 (N, 2), or refuse them."""
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise EvaluationError(
            f"the {which} nuclei are an array of shape {points.shape}, or one is not finite; there "
            "must be (y, x) of each"
        )
    return points.astype(np.float64)


def _pairs_within(
    found: NDArray[np.float64], true: NDArray[np.float64], radius_px: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return found, true and distance of every pair at most `radius_px` apart, each (P,)."""
    if not 0 < radius_px < math.inf:
        raise EvaluationError(f"the radius is {radius_px} px; it must be above 0 and finite")
    # the tree compares squares, which round otherwise
    near = KDTree(found).sparse_distance_matrix(
        KDTree(true), radius_px * (1 + 1e-9), output_type="ndarray"
    )
    one, other = near["i"].astype(np.int64), near["j"].astype(np.int64)
    away = _distance(found[one], true[other])
    within = away <= radius_px
    return one[within], other[within], away[within]


def _distance(some: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    away: NDArray[np.float64] = np.hypot(*(some - others).T)
    return away
