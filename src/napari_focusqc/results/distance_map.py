"""A measured z-stack: how far every tile is from focus, which way, and where its best plane is.

Room: results. Distances have the sign that `models.focus_distance` states.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.results.focus_height import (
    StackReason,
    merit_heights,
    network_heights,
    peak_of,
)
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.sharpness import FIGURES


@dataclass(frozen=True, slots=True)
class StackSource:
    """Where a measured stack comes from, enough to measure it again.

    Parameters
    ----------
    slide
        Name of the slide.
    mpp, mpp_source
        Micrometres per pixel of its level 0, and ``"file"`` or ``"given"``; None where nobody
        knows.
    planes
        Which planes were measured, rising; all that follows counts within them.
    z_um
        Their heights, µm; steps of unknown length where `z_source` is None.
    z_source
        ``"file"`` or ``"given"``.
    merit
        The figure of merit that chose the sharpest plane.
    pairs
        First and second of the planes that the network compared.
    model, weights
        Name of the model and the weights' card as plain values; None and empty without a network.
    no_network
        Why no network was run, one sentence; empty where it was.
    depth_of_field_um
        The whole of it; None where the µm/px is unknown.
    min_structure
        Tiles with less structure in every plane were abstained, %.
    tissue, device, version, created
        As in `MapSource`.
    """

    slide: str
    mpp: float | None
    mpp_source: str | None
    planes: tuple[int, ...]
    z_um: tuple[float, ...]
    z_source: str | None
    merit: str
    pairs: tuple[tuple[int, int], ...]
    model: str | None
    weights: dict[str, Any]
    no_network: str
    depth_of_field_um: float | None
    min_structure: float
    tissue: str
    device: str
    version: str
    created: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @property
    def z_unit(self) -> str:
        """The unit of the heights, ``"µm"`` or ``"steps"``."""
        return "steps" if self.z_source is None else "µm"

    @property
    def heights(self) -> NDArray[np.float64]:
        """Heights of the planes, float64 (Z,), in `z_unit`."""
        return np.array(self.z_um, np.float64)

    @property
    def second_heights(self) -> NDArray[np.float64]:
        """Heights of the second planes of the pairs, float64 (P,), µm."""
        return np.array([self.z_um[second] for _, second in self.pairs], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class DistanceMap:
    """What was measured of every tile, and the heights of focus that follow; made by `of`.

    Parameters
    ----------
    distances_um
        The network's, from the second plane of each pair to focus, float32 (P, rows, cols), µm,
        signed; NaN where a tile was not measured.
    merits
        Figures of merit in the order of `FIGURES`, float32 (F, Z, rows, cols); NaN likewise.
    found
        uint8 (rows, cols), `StackReason`: `MEASURED`, or why there are no numbers.
    grid
        Where the tiles lie.
    source
        Where the map comes from.
    network_um
        Height of focus by the network, float32 (rows, cols), µm; NaN without.
    merit_um
        Height of focus by the source's figure of merit, float32 (rows, cols), in the unit of the
        heights; NaN without a single peak inside the stack.
    reasons
        uint8 (rows, cols), `StackReason` of `merit_um`.
    """

    distances_um: NDArray[np.float32]
    merits: NDArray[np.float32]
    found: NDArray[np.uint8]
    grid: TileGrid
    source: StackSource
    network_um: NDArray[np.float32]
    merit_um: NDArray[np.float32]
    reasons: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        distances_um: NDArray[np.float32],
        merits: NDArray[np.float32],
        found: NDArray[np.uint8],
        grid: TileGrid,
        source: StackSource,
    ) -> "DistanceMap":
        """Work the heights of focus out; parameters as in `DistanceMap`."""
        curves = merits[list(FIGURES).index(source.merit)]
        heights = merit_heights(curves, source.heights, found)
        network = network_heights(distances_um, source.second_heights)
        return cls(distances_um, merits, found, grid, source, network, *heights)

    @property
    def has_network(self) -> bool:
        """Whether a network was run on at least one pair of planes."""
        return bool(self.source.pairs)

    @property
    def focus_um(self) -> NDArray[np.float32]:
        """Height of focus, float32 (rows, cols): by the network where one was run, else by merit.

        Never of both mixed, so that a map has one kind of error.
        """
        return self.network_um if self.has_network else self.merit_um

    def distance_um(self, plane: int) -> NDArray[np.float32]:
        """Return how far and which way the stage must move from a plane to focus.

        Parameters
        ----------
        plane
            Counted within the measured ones.

        Returns
        -------
        float32 (rows, cols), in the unit of the heights; NaN where no focus was found.
        """
        return np.asarray(self.focus_um - np.float32(self.source.z_um[plane]), np.float32)

    def best_plane(self, heights: NDArray[np.float32] | None = None) -> NDArray[np.int16]:
        """Return the plane nearest to focus.

        Parameters
        ----------
        heights
            `network_um` or `merit_um`; None takes `focus_um`.

        Returns
        -------
        int16 (rows, cols), counted within the measured planes, the lower of two equally near; −1
        where no focus was found.
        """
        focus = self.focus_um if heights is None else heights
        apart = np.abs(focus[None] - self.source.heights[:, None, None])
        nearest = np.where(np.isnan(focus), np.inf, apart).argmin(axis=0)
        return np.where(np.isnan(focus), -1, nearest).astype(np.int16)

    def sharpest_plane(self) -> NDArray[np.int16]:
        """Return which measured plane looks sharpest, whatever the shape of the curve.

        Returns
        -------
        int16 (rows, cols): the highest figure of merit also at an end of the stack; with two peaks
        or none the network's best plane; −1 where there is neither.
        """
        highest = np.nan_to_num(self.merits_by(self.source.merit), nan=0.0).argmax(axis=0)
        clear = np.isin(self.reasons, (StackReason.MEASURED, StackReason.END))
        return np.where(clear, highest, self.best_plane(self.network_um)).astype(np.int16)

    def merits_by(self, figure: str) -> NDArray[np.float32]:
        """Return one figure of merit by its name in `FIGURES`, float32 (Z, rows, cols)."""
        curves: NDArray[np.float32] = self.merits[list(FIGURES).index(figure)]
        return curves

    def field_curve(self, figure: str) -> NDArray[np.float32]:
        """Return a figure of merit of all measured tiles together, float32 (Z,), NaN without any.

        Tiles with two peaks are in it: `reasons` says which they are.
        """
        curves = self.merits_by(figure)[:, self.found == StackReason.MEASURED]
        if not curves.size:
            return np.full(len(self.source.z_um), np.nan, np.float32)
        return np.asarray(curves.mean(axis=1, dtype=np.float64), np.float32)

    def field_peak(self, figure: str) -> tuple[float, StackReason]:
        """Return the height at which the whole field is sharpest, and the reason as for a tile."""
        curve = self.field_curve(figure)
        if np.isnan(curve).any():
            return np.nan, StackReason.ABSTAINED
        return peak_of(curve, self.source.heights)

    @property
    def centres_px(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres of the tiles' rows and columns, (rows,) and (cols,), level-0 px from the corner.

        Counted from the outer edge of the slide's first pixel.
        """
        y, x = self.grid.first_centre_level0
        step = self.grid.stride_level0
        down, across = np.arange(self.grid.rows), np.arange(self.grid.cols)
        return np.asarray(y + down * step, np.float64), np.asarray(x + across * step, np.float64)
