"""The nuclei of a slide: where each lies, how sure the network is, and whether it is in focus.

Room: results. A finished table is never changed; every method returns another one.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_focusqc.errors import EvaluationError, SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.results.focus_map import FocusMap, Reason, Verdict
from napari_focusqc.tiles.grid import TileGrid


class FocusFlag(IntEnum):
    """Whether the tissue around a nucleus is in focus."""

    UNKNOWN = 0
    IN_FOCUS = 1
    OUT_OF_FOCUS = 2

    @property
    def words(self) -> str:
        """The flag as people read it, such as ``"out of focus"``."""
        return self.name.lower().replace("_", " ")


_FLAGS = np.full(len(Verdict), FocusFlag.UNKNOWN, np.int8)
_FLAGS[Verdict.IN_FOCUS] = FocusFlag.IN_FOCUS
_FLAGS[Verdict.OUT_OF_FOCUS] = FocusFlag.OUT_OF_FOCUS


@dataclass(frozen=True, slots=True)
class NucleusSource:
    """Where nuclei come from, enough to find them again.

    Parameters
    ----------
    slide
        Name of the slide.
    mpp
        Micrometres per pixel of its level 0.
    mpp_source
        ``"file"`` or ``"given"``.
    model
        Name of the model.
    weights
        The weights' card as plain values.
    least
        Every peak at least this high is in the table, and no lower one.
    device
        Where the network ran.
    version
        Version of this package.
    created
        ISO date and time, UTC.
    plane
        Index of the plane of the slide's z-stack; 0 for a flat slide.
    tissue
        How tissue was found, in words with the threshold used.
    searched_px2
        Area that was searched for them: tissue, a little way beside it, nothing else; level-0 px².
    unreadable_px2
        Area that would have been searched but could not be decoded, level-0 px². Nothing is known
        of it, and it is no part of `searched_px2`.
    deleted, added
        How many nuclei a person took away, and put there, since.
    """

    slide: str
    mpp: float
    mpp_source: str
    model: str
    weights: dict[str, Any]
    least: float
    device: str
    version: str
    created: str
    plane: int = 0
    tissue: str = ""
    searched_px2: float = 0.0
    unreadable_px2: float = 0.0
    deleted: int = 0
    added: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    def over(self, parts: Iterable["NucleusSource"]) -> "NucleusSource":
        """Return this source with the areas of all parts of the slide together."""
        areas = [(part.searched_px2, part.unreadable_px2) for part in parts]
        searched, unreadable = (fsum(column) for column in zip((0.0, 0.0), *areas, strict=True))
        return replace(self, searched_px2=searched, unreadable_px2=unreadable)


@dataclass(frozen=True, slots=True, eq=False)
class NucleusTable:
    """Nuclei, one per row.

    Parameters
    ----------
    centres
        float32 (N, 2), (y, x) in level-0 px; whole numbers are the centres of pixels.
    peaks
        float32 (N,), value of the proximity map at the nucleus, 0 to about 1.
    focus
        float32 (N,), score of the focus map's tile the nucleus lies in, higher = more out of
        focus; NaN where there is none.
    in_focus
        int8 (N,), values of `FocusFlag`.
    source
        Where the nuclei come from.
    """

    centres: NDArray[np.float32]
    peaks: NDArray[np.float32]
    focus: NDArray[np.float32]
    in_focus: NDArray[np.int8]
    source: NucleusSource

    @classmethod
    def found(cls, centres: ArrayLike, peaks: ArrayLike, source: NucleusSource) -> "NucleusTable":
        """Return a table of nuclei of which no focus is known.

        Parameters
        ----------
        centres, peaks, source
            As in `NucleusTable`; made float32.
        """
        values = np.asarray(peaks, np.float32)
        return cls(
            np.asarray(centres, np.float32).reshape(len(values), 2),
            values,
            np.full(len(values), np.nan, np.float32),
            np.full(len(values), FocusFlag.UNKNOWN, np.int8),
            source,
        )

    @classmethod
    def together(cls, tables: Iterable["NucleusTable"], source: NucleusSource) -> "NucleusTable":
        """Return the nuclei of all tables in one, in their order.

        Parameters
        ----------
        tables
            Any number of them, also none.
        source
            Where all of them come from.
        """
        parts = [cls.found([], [], source), *tables]
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("centres", "peaks", "focus", "in_focus")
        }
        return cls(**arrays, source=source)

    def __len__(self) -> int:
        return len(self.peaks)

    @property
    def centres_um(self) -> NDArray[np.float64]:
        """(y, x) of the nuclei, float64 (N, 2), µm from the outer corner of the slide.

        Half a pixel more than in napari's world, whose origin is the centre of the first pixel.
        """
        return (self.centres.astype(np.float64) + 0.5) * self.source.mpp

    def only(self, chosen: NDArray[np.bool_] | slice) -> "NucleusTable":
        """Return some of the nuclei; of a slice, without copying them."""
        return replace(
            self,
            centres=self.centres[chosen],
            peaks=self.peaks[chosen],
            focus=self.focus[chosen],
            in_focus=self.in_focus[chosen],
        )

    def at_least(self, value: float) -> "NucleusTable":
        """Return the nuclei that a run with a higher threshold would have found.

        Parameters
        ----------
        value
            The least value of a peak to stay, compared as float32.

        Raises
        ------
        SettingsError
            The run itself left out peaks above `value`, so they cannot be shown.
        """
        if not np.float32(value) >= np.float32(self.source.least):
            raise SettingsError(
                f"the run left out peaks below {self.source.least:g}, so those from {value:g} are "
                "not in the table; find the nuclei again with a lower threshold"
            )
        chosen = self.only(self.peaks >= np.float32(value))
        return replace(chosen, source=replace(self.source, least=float(value)))

    def in_region(self, region: Region) -> "NucleusTable":
        """Return the nuclei in a level-0 region; regions that touch share none and lose none."""
        y, x = self.centres.T.astype(np.float64) + 0.5
        rows = (y >= region.y) & (y < region.bottom)
        return self.only(rows & (x >= region.x) & (x < region.right))

    def per_mm2(self, area_px: float) -> float:
        """Return the number of nuclei per mm².

        Parameters
        ----------
        area_px
            The area they were looked for in, such as `NucleusSource.searched_px2`, level-0 px².

        Raises
        ------
        SettingsError
            There is no area.
        """
        if not area_px > 0:
            raise SettingsError(
                f"the area is {area_px:g} px²; nuclei per mm² need one above 0, such as the tissue"
            )
        return len(self) / (area_px * (self.source.mpp / 1000) ** 2)

    def joined(self, focus_map: FocusMap, threshold: float | None = None) -> "NucleusTable":
        """Return the nuclei with the focus of the tile that each lies in.

        A nucleus belongs to the tile whose centre is nearest on the slide's grid; the slide's
        outermost tiles stand for everything out to its border. Where that tile is not in the map,
        or has no score, the focus is unknown: such a nucleus is never in focus.

        Parameters
        ----------
        focus_map
            Of the same slide and plane.
        threshold
            Tiles scoring above it are out of focus; None takes the map's own. Without any, there
            are scores, and all flags are unknown.

        Raises
        ------
        EvaluationError
            The map is of another slide or plane.
        """
        check_same_slide(focus_map, self.source.slide, self.source.plane)
        rows, cols, known = _tiles_of(self.centres, focus_map.grid)
        scored = focus_map.reasons == Reason.SCORED
        scores = np.where(scored, focus_map.scores, np.float32(np.nan))
        flags = _FLAGS[focus_map.verdicts(threshold)]
        return replace(
            self,
            focus=np.where(known, scores[rows, cols], np.float32(np.nan)),
            in_focus=np.where(known, flags[rows, cols], np.int8(FocusFlag.UNKNOWN)),
        )


def check_same_slide(focus_map: FocusMap, slide: str, plane: int) -> None:
    """Refuse a focus map that nuclei cannot be joined with.

    Parameters
    ----------
    focus_map
        The map.
    slide, plane
        What the nuclei are of: name of the slide, and index of its plane.

    Raises
    ------
    EvaluationError
        The map is of another slide or plane.
    """
    theirs = focus_map.source
    if (theirs.slide, theirs.plane) != (slide, plane):
        raise EvaluationError(
            f"the focus map is of {theirs.slide}, plane {theirs.plane}, and the nuclei are of "
            f"{slide}, plane {plane}; score the slide that the nuclei are of"
        )


def _tiles_of(
    centres: NDArray[np.float32], grid: TileGrid
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Return row and column in the map's arrays of each nucleus's tile, and whether it is there.

    Where it is not, row and column are those of some other tile.
    """
    whole = TileGrid.covering(grid.shape, grid.scale, grid.tile_px, grid.stride_px, "cover")
    margin_px = (grid.tile_px - grid.stride_px) / 2
    steps = ((centres.astype(np.float64) + 0.5) / grid.scale - margin_px) / grid.stride_px
    lines = np.clip(np.floor(steps).astype(np.intp), 0, (whole.rows - 1, whole.cols - 1))
    places = lines - (grid.row0, grid.col0)
    inside = np.clip(places, 0, (grid.rows - 1, grid.cols - 1))
    return inside[:, 0], inside[:, 1], (inside == places).all(axis=1)
