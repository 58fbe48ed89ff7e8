"""What a measured stack says of its field as a whole.

Room: results. The layout of the JSON is that of the two dataclasses here and of `Tilt`.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_focusqc.results.distance_map import DistanceMap
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.results.focus_surface import Tilt, tilt_of
from napari_focusqc.results.json_file import write_json
from napari_focusqc.results.summary import tile_count

FORMAT = 1
"""Version of the summary's JSON."""


@dataclass(frozen=True, slots=True)
class PlaneSummary:
    """How a field lies in one plane.

    Parameters
    ----------
    plane
        Its number in the slide, from 0.
    z
        Its height, in the summary's unit.
    median_distance
        From it to focus, median of the tiles, in that unit; None where no tile has a focus.
    beyond_share
        Share of the tiles with a focus that lie beyond half the depth of field; None also where
        that is unknown.
    """

    plane: int
    z: float
    median_distance: float | None
    beyond_share: float | None


@dataclass(frozen=True, slots=True)
class StackSummary:
    """The field in numbers.

    Parameters
    ----------
    unit
        Of all heights and distances: ``"µm"``, or ``"steps"`` of unknown length.
    tiles
        Number of tiles by `StackReason`, in words, as the figure of merit found them.
    focused
        Tiles whose height of focus is known.
    median_focus
        Median of these heights; None without any.
    best_plane
        Number in the slide of the plane nearest to it.
    by
        What found the heights: the network's model, or the figure of merit.
    field_peak, field_reason
        Where all tiles together are sharpest by the figure of merit, and the reason in words.
    depth_of_field_um
        The whole of it.
    planes
        One of each.
    tilt
        Of the surface of focus; None where it cannot be fitted.
    no_network
        Why no network was run; empty where one was.
    """

    unit: str
    tiles: dict[str, int]
    focused: int
    median_focus: float | None
    best_plane: int | None
    by: str
    field_peak: float | None
    field_reason: str
    depth_of_field_um: float | None
    planes: tuple[PlaneSummary, ...]
    tilt: Tilt | None
    no_network: str

    def lines(self) -> list[str]:
        """Return the summary as sentences for people, one per line."""
        lines = [self._focus_line()]
        if self.field_peak is not None:
            lines.append(f"the whole field is sharpest at {self.field_peak:.3g} {self.unit}")
        else:
            lines.append(f"the whole field by figure of merit: {self.field_reason}")
        if self.tilt is not None:
            lines.append(
                f"tilt: {self.tilt.slope:.3g} µm per mm towards {self.tilt.direction_deg:.0f}° "
                f"(from right towards down), {self.tilt.rms_um:.2g} µm left over "
                f"{tile_count(self.tilt.used)}, {self.tilt.left_out} left out"
            )
        if self.no_network:
            lines.append(f"no network: {self.no_network}")
        return lines + [f"{words}: {tile_count(count)}" for words, count in self.tiles.items()]

    def _focus_line(self) -> str:
        if self.median_focus is None:
            return f"focus: nothing to say, as no tile has a height of focus by {self.by}"
        near = next(each for each in self.planes if each.plane == self.best_plane)
        beyond = ""
        if near.beyond_share is not None:
            beyond = f", where {near.beyond_share:.1%} of tiles lie beyond the depth of field"
        return (
            f"focus: {self.median_focus:.3g} {self.unit}, median of {tile_count(self.focused)} by "
            f"{self.by}; nearest is plane {near.plane} at {near.z:g} {self.unit}{beyond}"
        )


def summarise_stack(distance_map: DistanceMap) -> StackSummary:
    """Count, measure and condense a measured stack."""
    source, focus = distance_map.source, distance_map.focus_um
    known = focus[np.isfinite(focus)].astype(np.float64)
    median = float(np.median(known)) if known.size else None
    counts = np.bincount(distance_map.reasons.ravel(), minlength=len(StackReason))
    peak, reason = distance_map.field_peak(source.merit)
    nearest = None if median is None else int(np.abs(source.heights - median).argmin())
    return StackSummary(
        unit=source.z_unit,
        tiles={each.words: int(counts[each]) for each in StackReason if counts[each]},
        focused=len(known),
        median_focus=median,
        best_plane=None if nearest is None else source.planes[nearest],
        by=source.model if distance_map.has_network and source.model else source.merit,
        field_peak=float(peak) if np.isfinite(peak) else None,
        field_reason=reason.words,
        depth_of_field_um=source.depth_of_field_um,
        planes=tuple(_plane(distance_map, index) for index in range(len(source.planes))),
        tilt=tilt_of(distance_map),
        no_network=source.no_network,
    )


def _plane(distance_map: DistanceMap, index: int) -> PlaneSummary:
    """Say how the field lies in one plane."""
    source, distance = distance_map.source, distance_map.distance_um(index)
    known = distance[np.isfinite(distance)].astype(np.float64)
    depth, beyond = source.depth_of_field_um, None
    if known.size and depth is not None and source.z_source is not None:
        beyond = float((np.abs(known) > depth / 2).mean())
    median = float(np.median(known)) if known.size else None
    return PlaneSummary(source.planes[index], source.z_um[index], median, beyond)


def write_stack_summary(distance_map: DistanceMap, path: str | Path) -> Path:
    """Write the summary as JSON, with the map's grid and source inside.

    Parameters
    ----------
    distance_map
        A measured stack.
    path
        JSON file to make or replace.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, `path` is a folder, or the source holds a value
        that JSON cannot hold.
    """
    values: dict[str, Any] = {
        "format": FORMAT,
        "summary": asdict(summarise_stack(distance_map)),
        "grid": asdict(distance_map.grid),
        "source": distance_map.source.to_dict(),
    }
    return write_json(values, path)
