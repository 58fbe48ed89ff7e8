"""A finished map of focus scores, with a reason for every tile that has none.

Room: results.
"""

from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import CalibrationError
from napari_focusqc.models.calibration import Calibration
from napari_focusqc.tiles.grid import TileGrid


class Reason(IntEnum):
    """Why a tile has a score, or why it has none."""

    SCORED = 0
    GLASS = 1
    UNREADABLE = 2
    ABSTAINED = 3
    NOT_RUN = 4


class Verdict(IntEnum):
    """What the label layer shows of a tile; 0 is napari's “nothing here”."""

    NOT_RUN = 0
    IN_FOCUS = 1
    OUT_OF_FOCUS = 2
    GLASS = 3
    UNREADABLE = 4
    ABSTAINED = 5
    SCORED = 6

    @property
    def words(self) -> str:
        """The verdict as people read it, such as ``"out of focus"``."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class MapSource:
    """Where a map comes from, enough to make it again.

    Parameters
    ----------
    slide
        Name of the slide.
    mpp
        Micrometres per pixel of its level 0.
    mpp_source
        ``"file"`` or ``"given"``.
    plane
        Index of the plane of the slide's z-stack; 0 for a flat slide.
    model
        Name of the model.
    weights
        The weights' card as plain values.
    threshold
        Tiles scoring above it are out of focus; None where there is none.
    tissue
        How tissue was found, in words with the threshold used.
    device
        Where the network ran.
    version
        Version of this package.
    created
        ISO date and time, UTC.
    min_structure
        Tiles with less structure were abstained, %; None where every tile was judged.
    """

    slide: str
    mpp: float
    mpp_source: str
    plane: int
    model: str
    weights: dict[str, Any]
    threshold: float | None
    tissue: str
    device: str
    version: str
    created: str
    min_structure: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class FocusMap:
    """Focus scores on the slide's grid. Higher is always more out of focus.

    Parameters
    ----------
    scores
        float32 (rows, cols); NaN where a tile was not scored.
    reasons
        uint8 (rows, cols), values of `Reason`.
    tissue
        float32 (rows, cols), fraction of each tile that is tissue, 0 to 1.
    grid
        Where the tiles lie.
    source
        Where the map comes from.
    """

    scores: NDArray[np.float32]
    reasons: NDArray[np.uint8]
    tissue: NDArray[np.float32]
    grid: TileGrid
    source: MapSource

    @classmethod
    def empty(
        cls, tissue: NDArray[np.float32], min_tissue: float, grid: TileGrid, source: MapSource
    ) -> "FocusMap":
        """Return a map that knows its glass, tiles with less tissue, and no score yet."""
        reasons = np.where(tissue >= min_tissue, Reason.NOT_RUN, Reason.GLASS).astype(np.uint8)
        return cls(np.full(tissue.shape, np.nan, np.float32), reasons, tissue, grid, source)

    def copy(self) -> "FocusMap":
        """Return a map with arrays of its own, for a viewer to hold while the run goes on."""
        arrays = {name: getattr(self, name).copy() for name in ("scores", "reasons", "tissue")}
        return replace(self, **arrays)

    def only(self, tiles: NDArray[np.intp]) -> "FocusMap":
        """Return the map as if only these tiles, (row, col), and the glass had been looked at."""
        chosen = self.reasons == Reason.GLASS
        chosen[tiles[:, 0], tiles[:, 1]] = True
        reasons = np.where(chosen, self.reasons, np.uint8(Reason.NOT_RUN))
        return replace(self, reasons=reasons)

    def put(self, update: "BlockUpdate") -> None:
        """Write a finished block into the map's arrays."""
        rows, cols = update.scores.shape
        part = np.s_[update.row : update.row + rows, update.col : update.col + cols]
        self.scores[part], self.reasons[part] = update.scores, update.reasons

    @property
    def done(self) -> tuple[int, int]:
        """How many of the tiles with tissue have been run, and how many there are."""
        counts = np.bincount(self.reasons.ravel(), minlength=len(Reason))
        total = self.reasons.size - int(counts[Reason.GLASS])
        return total - int(counts[Reason.NOT_RUN]), total

    @property
    def partial(self) -> NDArray[np.bool_]:
        """Which tiles reach beyond the slide and were completed by reflection, (rows, cols)."""
        return self.grid.partial()

    @property
    def stride_um(self) -> float:
        """Distance between tile centres, µm."""
        return self.grid.stride_level0 * self.source.mpp

    @property
    def first_centre_um(self) -> tuple[float, float]:
        """(y, x) of the first tile's centre, µm from the outer corner of the slide."""
        y, x = self.grid.first_centre_level0
        return y * self.source.mpp, x * self.source.mpp

    @property
    def calibration(self) -> Calibration | None:
        """What turns scores into µm, from the weights' card; None where it has none.

        Raises
        ------
        WeightsError
            The card holds a calibration that is damaged.
        """
        values = self.source.weights.get("calibration")
        return None if values is None else Calibration.from_dict(values)

    def blur_radius_um(self) -> NDArray[np.float32]:
        """Return each tile's equivalent blur radius, the one scale that all models share.

        Returns
        -------
        float32 (rows, cols), radius of the blur disk that gives sharp tissue such a score, µm in
        the plane of the specimen; NaN where a tile was not scored.

        Raises
        ------
        CalibrationError
            The weights have no calibration.
        WeightsError
            Their calibration is damaged.
        """
        calibration = self.calibration
        if calibration is None:
            name = self.source.weights.get("name", "of this map")
            raise CalibrationError(
                f"the weights {name} have no calibration, so scores cannot be turned into "
                "micrometres; score with weights whose card has one"
            )
        scored = np.where(self.reasons == Reason.SCORED, self.scores, np.float32(np.nan))
        return calibration.radius_um_of(scored)

    def verdicts(self, threshold: float | None = None) -> NDArray[np.uint8]:
        """Sort every tile into a `Verdict`.

        Parameters
        ----------
        threshold
            Scores above it are out of focus; None takes the map's own. A map without any has
            tiles that are `Verdict.SCORED` and neither in nor out of focus; so is a tile whose
            score is NaN.

        Returns
        -------
        uint8 (rows, cols), values of `Verdict`.
        """
        limit = self.source.threshold if threshold is None else threshold
        of_reason = np.zeros(len(Reason), np.uint8)
        of_reason[Reason.GLASS] = Verdict.GLASS
        of_reason[Reason.UNREADABLE] = Verdict.UNREADABLE
        of_reason[Reason.ABSTAINED] = Verdict.ABSTAINED
        of_reason[Reason.SCORED] = Verdict.SCORED
        verdicts = of_reason[self.reasons]
        if limit is not None:
            scored = (self.reasons == Reason.SCORED) & ~np.isnan(self.scores)
            out = np.where(self.scores > limit, Verdict.OUT_OF_FOCUS, Verdict.IN_FOCUS)
            verdicts = np.where(scored, out, verdicts).astype(np.uint8)
        return verdicts

    def save(self, path: str | Path) -> Path:
        """Write an OME-Zarr 0.5 group beside `path` and rename it; see `results.store.save_map`."""
        from napari_focusqc.results.store import save_map

        return save_map(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> "FocusMap":
        """Read a map that `save` wrote; see `results.store.load_map`."""
        from napari_focusqc.results.store import load_map

        return load_map(Path(path))


@dataclass(frozen=True, slots=True, eq=False)
class BlockUpdate:
    """A finished block of a map that is still being made.

    Parameters
    ----------
    row, col
        Where the block starts in the map's arrays.
    scores
        float32 (rows, cols) of the block.
    reasons
        uint8 (rows, cols) of the block.
    step
        Only tiles in one of so many rows and columns were run so far.
    """

    row: int
    col: int
    scores: NDArray[np.float32]
    reasons: NDArray[np.uint8]
    step: int = 1
