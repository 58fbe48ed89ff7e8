"""A map in a few numbers: how many tiles of each verdict, how much of the tissue is blurred.

Room: results. The JSON is documented in docs/scoring.md, “The summary”.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.results.focus_map import FocusMap, Verdict
from napari_focusqc.results.json_file import write_json

FORMAT = 1
"""Version of the summary's JSON."""


@dataclass(frozen=True, slots=True)
class MapSummary:
    """What a map says of its slide as a whole.

    Parameters
    ----------
    tiles
        Number of tiles of each verdict, by the verdict's words; every verdict is there.
    area_mm2
        The same as areas, mm²: a tile stands for the square of one stride.
    partial_tiles
        Scored tiles that reach beyond the slide and were completed by reflection.
    judged_tiles
        Tiles that are in or out of focus: the denominator of `out_of_focus_share`.
    out_of_focus_share
        Out-of-focus tiles over judged tiles, 0 to 1; None where no tile was judged, as on a
        slide of glass or with a model that has no threshold.
    threshold
        Tiles scoring above it are out of focus; None where there is none.
    median_score, p90_score
        Median and 90th percentile of the finite scores; None where there is none.
    median_blur_radius_um, p90_blur_radius_um
        The same of their equivalent blur radii, µm; None also where the weights have no
        calibration.
    """

    tiles: dict[str, int]
    area_mm2: dict[str, float]
    partial_tiles: int
    judged_tiles: int
    out_of_focus_share: float | None
    threshold: float | None
    median_score: float | None
    p90_score: float | None
    median_blur_radius_um: float | None
    p90_blur_radius_um: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the summary as sentences for people, one per line."""
        lines = [self._share_line()]
        if self.median_score is not None and self.p90_score is not None:
            lines.append(
                f"score: median {self.median_score:.4g}, 90 % of tiles at or below "
                f"{self.p90_score:.4g} (higher = more out of focus)"
            )
        if self.median_blur_radius_um is not None and self.p90_blur_radius_um is not None:
            lines.append(
                f"equivalent blur radius: median {self.median_blur_radius_um:.2g} µm, 90 % of "
                f"tiles at or below {self.p90_blur_radius_um:.2g} µm"
            )
        lines += [
            f"{words}: {tile_count(count)}, {self.area_mm2[words]:.3g} mm²"
            for words, count in self.tiles.items()
            if count
        ]
        if self.partial_tiles:
            lines.append(
                f"{self.partial_tiles:,} of the scored tiles reach beyond the slide's edge and "
                "were completed by reflection"
            )
        return lines

    def _share_line(self) -> str:
        if self.out_of_focus_share is None and self.median_score is None:
            return "out of focus: nothing to say, as no tile was scored"
        if self.out_of_focus_share is None:
            return "out of focus: nothing to say, as there is no threshold for these scores"
        return (
            f"out of focus: {self.out_of_focus_share:.1%} of "
            f"{tile_count(self.judged_tiles, 'scored')} (score above {self.threshold:.4g})"
        )


def summarise(focus_map: FocusMap, threshold: float | None = None) -> MapSummary:
    """Count, measure and condense a map.

    Parameters
    ----------
    focus_map
        The map.
    threshold
        Scores above it are out of focus; None takes the map's own.

    Raises
    ------
    WeightsError
        The calibration on the weights' card is damaged.
    """
    limit = focus_map.source.threshold if threshold is None else threshold
    verdicts = focus_map.verdicts(limit)
    counts = np.bincount(verdicts.ravel(), minlength=len(Verdict))
    tiles = {verdict.words: int(counts[verdict]) for verdict in Verdict}
    tile_mm2 = (focus_map.stride_um / 1000) ** 2
    out_of_focus = tiles[Verdict.OUT_OF_FOCUS.words]
    judged = out_of_focus + tiles[Verdict.IN_FOCUS.words]
    scored = np.isin(verdicts, [Verdict.IN_FOCUS, Verdict.OUT_OF_FOCUS, Verdict.SCORED])
    finite = focus_map.scores[scored & np.isfinite(focus_map.scores)].astype(np.float64)
    calibration = focus_map.calibration
    radii = np.empty(0) if calibration is None else calibration.radius_um_of(finite)
    return MapSummary(
        tiles=tiles,
        area_mm2={words: count * tile_mm2 for words, count in tiles.items()},
        partial_tiles=int((focus_map.partial & scored).sum()),
        judged_tiles=judged,
        out_of_focus_share=out_of_focus / judged if judged else None,
        threshold=limit,
        median_score=_quantile(finite, 0.5),
        p90_score=_quantile(finite, 0.9),
        median_blur_radius_um=_quantile(radii, 0.5),
        p90_blur_radius_um=_quantile(radii, 0.9),
    )


def _quantile(values: NDArray[np.floating[Any]], share: float) -> float | None:
    """Return a quantile, or None where there is nothing to take it of."""
    return float(np.quantile(values.astype(np.float64), share)) if values.size else None


def write_summary(summary: MapSummary, focus_map: FocusMap, path: str | Path) -> Path:
    """Write a summary as JSON, with the map's grid and source inside.

    Parameters
    ----------
    summary
        From `summarise`.
    focus_map
        The map it was made from.
    path
        JSON file to make or replace.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, `path` is a folder, or the map's source holds a
        value that JSON cannot hold.
    """
    values = {
        "format": FORMAT,
        "summary": summary.to_dict(),
        "grid": asdict(focus_map.grid),
        "source": focus_map.source.to_dict(),
    }
    return write_json(values, path)


def tile_count(count: int, kind: str = "") -> str:
    """Return a number of tiles of a kind in words, such as ``"1,234 scored tiles"``."""
    noun = "tile" if count == 1 else "tiles"
    return " ".join(filter(None, (f"{count:,}", kind, noun)))
