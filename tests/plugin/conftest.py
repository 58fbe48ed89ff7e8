"""Maps and slides made by hand, for what napari is to show of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles.grid import TileGrid


def focus_map(
    scores: Any = ((3.0, 25.0, np.nan), (np.nan, np.nan, 12.0)),
    reasons: Any = ((0, 0, 1), (2, 3, 0)),
    grid: TileGrid | None = None,
    **source: Any,
) -> FocusMap:
    """Make a map; by default 2 × 3 tiles of 235 px, 128 px apart, from the grid's (1, 2) on."""
    scores = np.asarray(scores, np.float32)
    reasons = np.asarray(reasons, np.uint8)
    grid = grid or TileGrid((700, 900), 1.0, 235, 128, 1, 2, *scores.shape)
    facts: dict[str, Any] = {
        "slide": "slide.svs",
        "mpp": 0.5,
        "mpp_source": "file",
        "plane": 0,
        "model": "focuslitenn",
        "weights": {"name": "w", "threshold": 10.0, "command": "focusqc train"},
        "threshold": 10.0,
        "tissue": "otsu",
        "device": "cpu",
        "version": "0",
        "created": "2026-01-01T00:00:00+00:00",
    }
    tissue = (reasons != Reason.GLASS).astype(np.float32)
    return FocusMap(scores, reasons, tissue, grid, MapSource(**facts | source))


@pytest.fixture
def make_map() -> Callable[..., FocusMap]:
    return focus_map


@pytest.fixture
def make_slide() -> Callable[..., ArraySlide]:
    """Return `make(height, width, mpp=None, planes=None, z_um=None)`, a slide of noise."""

    def make(
        height: int = 700,
        width: int = 900,
        mpp: float | None = 0.5,
        z_um: tuple[float, ...] | None = None,
    ) -> ArraySlide:
        shape = (height, width, 3) if z_um is None else (len(z_um), height, width, 3)
        pixels = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
        return ArraySlide([pixels], mpp, "slide.svs", z_um)

    return make
