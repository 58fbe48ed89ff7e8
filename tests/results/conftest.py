"""Small maps made by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

SOURCE: dict[str, Any] = {
    "slide": "slide.svs",
    "mpp": 0.25,
    "mpp_source": "file",
    "plane": 0,
    "model": "focuslitenn",
    "weights": {"name": "w", "mpp": 0.25, "figures": {"spearman": 0.5}, "data": [{"name": "d"}]},
    "threshold": 2.0,
    "tissue": "otsu, 200",
    "device": "cpu",
    "version": "0.1.0",
    "created": "2026-01-01T00:00:00+00:00",
}


CALIBRATION: dict[str, Any] = {
    "score": [0.0, 1.0, 3.0],
    "radius_um": [0.0, 0.5, 4.5],
    "low_um": [0.0, 0.25, 2.25],
    "high_um": [0.5, 1.0, 9.0],
    "note": "made by hand",
}


@pytest.fixture
def calibrated() -> dict[str, Any]:
    """Return a weights' card, as plain values, on which score 2 is a radius of 2.5 µm."""
    return {"name": "w", "mpp": 0.25, "calibration": CALIBRATION}


def focus_map(
    scores: Any = ((0.5, 1.5, np.nan), (2.5, np.nan, np.nan)),
    reasons: Any = ((0, 0, 1), (0, 2, 3)),
    grid: TileGrid | None = None,
    **source: Any,
) -> FocusMap:
    """Make a map; by default 2 × 3 tiles of 100 px, 64 px apart, on a slide of 160 × 200 px."""
    scores = np.asarray(scores, np.float32)
    rows, cols = scores.shape
    if grid is None:
        grid = TileGrid((160, 200), 1.0, 100, 64, 0, 0, rows, cols)
    reasons = np.asarray(reasons, np.uint8)
    tissue = np.where(reasons == Reason.GLASS, 0.125, 1.0).astype(np.float32)
    return FocusMap(scores, reasons, tissue, grid, MapSource(**{**SOURCE, **source}))


@pytest.fixture
def make_map() -> Callable[..., FocusMap]:
    """Return `focus_map(scores, reasons, grid, **source)`."""
    return focus_map
