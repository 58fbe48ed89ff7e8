"""Several models' maps in one picture, read back pixel by pixel."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.focus_protocols import ComparedMap, KnownDefocus, compare
from napari_focusqc.evaluation.overlay import mixed
from napari_focusqc.evaluation.side_by_side import side_by_side_figure, write_side_by_side
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

SHAPE = (2048, 4096)
CELL = 64
WHITE = np.full((256, 512, 3), 255, np.uint8)
CALIBRATION = {
    "score": [0.0, 10.0],
    "radius_um": [0.0, 5.0],
    "low_um": [0.0, 4.0],
    "high_um": [0.0, 6.0],
}


def known_defocus() -> KnownDefocus:
    """From 0 µm on the left to 4 µm on the right in four lanes; the uppermost cells are glass."""
    radius = np.repeat(np.float32([[0, 1, 2, 4]]), SHAPE[1] // CELL // 4, axis=1)
    radius_um = np.repeat(radius, SHAPE[0] // CELL, axis=0)
    radius_um[:4] = np.nan
    return KnownDefocus(radius_um, CELL)


def scored(model: str, tile_px: int, per_um: float, **source: Any) -> ComparedMap:
    """Score each tile with a multiple of its known defocus; glass as the defocus has it."""
    known, grid = known_defocus(), TileGrid.covering(SHAPE, 1.0, tile_px, tile_px, "cover")
    y, x = ((n * tile_px // CELL) for n in np.ogrid[: grid.rows, : grid.cols])
    radius = known.radius_um[y, x]
    reasons = np.where(np.isnan(radius), Reason.GLASS, Reason.SCORED).astype(np.uint8)
    facts = {
        "slide": "slide.svs",
        "mpp": 0.25,
        "mpp_source": "file",
        "plane": 0,
        "model": model,
        "weights": {"name": f"{model}-0.25", "threshold": 9.0, "calibration": CALIBRATION},
        "threshold": 5.0,
        "tissue": "otsu",
        "device": "cpu",
        "version": "0",
        "created": "now",
    }
    scores = (radius * np.float32(per_um)).astype(np.float32)
    tissue = np.ones_like(scores)
    return compare(FocusMap(scores, reasons, tissue, grid, MapSource(**{**facts, **source})), known)


def uncalibrated(model: str, tile_px: int, per_um: float) -> ComparedMap:
    weights = {"name": "w", "threshold": 9.0, "command": "focusqc train"}
    return scored(model, tile_px, per_um, weights=weights)


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def colour_at(picture: NDArray[np.uint8], figure: Figure, panel: int, y: int, x: int) -> list[int]:
    """Return the pixel of a panel that shows a level-0 pixel."""
    across, up = figure.axes[2 * panel].transData.transform((x, y))
    return picture[round(picture.shape[0] - up), round(across)].tolist()


def on_white(share: float) -> list[int]:
    """Return viridis at a share of its range, laid over a white slide."""
    heat = np.uint8([[mpl.colormaps["viridis"](share, bytes=True)[:3]]])
    return mixed(heat, np.uint8([[[255] * 3]]))[0, 0].tolist()


def test_calibrated_maps_take_the_colours_of_the_known_defocus(tmp_path: Path) -> None:
    """A score of 2 for each µm is the calibration's, so all panels look alike."""
    maps, known = [scored("a", 64, 2.0), scored("b", 128, 2.0)], known_defocus()
    figure = side_by_side_figure(maps, known, WHITE)
    picture = pixels(write_side_by_side(maps, known, WHITE, tmp_path / "m.png"))
    for panel in range(3):
        for x, radius_um in ((512, 0), (1536, 1), (2560, 2), (3584, 4)):
            assert colour_at(picture, figure, panel, 1120, x) == on_white(radius_um / 4)
            assert colour_at(picture, figure, panel, 100, x) == [255] * 3
    assert [axes.get_xlim() for axes in figure.axes[1::2]] == [(0.0, 4.0)] * 3
    words = words_of(figure)
    assert any("colours: equivalent blur radius, µm, one scale for all" in line for line in words)
    assert "equivalent blur radius, µm · ▼ out of focus above 2.5 µm" in words


def test_one_map_without_a_calibration_gives_each_model_its_own_scale(tmp_path: Path) -> None:
    maps = [scored("deepfocus", 64, 0.2), uncalibrated("focuslitenn", 128, 7.0)]
    known = known_defocus()
    figure = side_by_side_figure(maps, known, WHITE)
    picture = pixels(write_side_by_side(maps, known, WHITE, tmp_path / "m.png"))
    assert [axes.get_xlim() for axes in figure.axes[1::2]] == [(0.0, 1.0), (0.0, 29.0), (0.0, 4.0)]
    for panel, share in enumerate((0.4 / 1, 14 / 29, 2 / 4)):
        assert colour_at(picture, figure, panel, 1120, 2560) == on_white(share)
    words = words_of(figure)
    assert any(
        "each model's own score, as not all of the weights are calibrated" in w for w in words
    )
    assert "focuslitenn score, higher = more out of focus · ▼ out of focus above 5" in words


def test_every_panel_has_its_name_its_share_and_its_correlation() -> None:
    words = words_of(
        side_by_side_figure([scored("a", 64, 2.0), scored("b", 128, 2.0)], known_defocus(), WHITE)
    )
    assert [w for w in words if ", weights " in w] == ["a, weights a-0.25", "b, weights b-0.25"]
    assert "known defocus" in words
    assert "out of focus: 25.0% of 1,792 scored tiles (score above 5)" in words
    assert "Spearman against the known defocus: 1.000 (1792 tiles)" in words


def test_panels_are_of_one_size_whatever_the_tiles() -> None:
    figure = side_by_side_figure(
        [scored("a", 64, 2.0), scored("b", 256, 2.0)], known_defocus(), WHITE
    )
    boxes = [axes.get_position() for axes in figure.axes[::2]]
    assert len(boxes) == 3
    assert {(round(box.width, 6), round(box.height, 6), round(box.y0, 6)) for box in boxes} == {
        (round(boxes[0].width, 6), round(boxes[0].height, 6), round(boxes[0].y0, 6))
    }


def test_the_legend_names_once_what_any_map_shows() -> None:
    plain, other = scored("a", 64, 2.0), scored("b", 128, 2.0)
    legend = {"out of focus", "unreadable", "abstained", "glass", "not run"}
    words = words_of(side_by_side_figure([plain, other], known_defocus(), WHITE))
    assert [w for w in words if w in legend] == ["out of focus", "glass"]
    reasons = other.focus_map.reasons.copy()
    reasons[9, 9] = Reason.ABSTAINED
    marked = replace(other, focus_map=replace(other.focus_map, reasons=reasons))
    words = words_of(side_by_side_figure([plain, marked], known_defocus(), WHITE))
    assert [w for w in words if w in legend] == ["out of focus", "abstained", "glass"]


def test_a_map_without_a_threshold_is_drawn_without_a_mark() -> None:
    figure = side_by_side_figure([scored("a", 64, 2.0, threshold=None)], known_defocus(), WHITE)
    assert "equivalent blur radius, µm" in words_of(figure)
    assert not [w for w in words_of(figure) if "▼" in w]


def test_maps_of_two_slides_are_refused() -> None:
    maps = [scored("a", 64, 2.0), scored("b", 64, 2.0, slide="other.svs")]
    with pytest.raises(EvaluationError, match="of 2 slides"):
        side_by_side_figure(maps, known_defocus(), WHITE)


def test_a_slide_that_is_sharp_everywhere_is_no_measure() -> None:
    with pytest.raises(EvaluationError, match="0 everywhere"):
        KnownDefocus(np.zeros((4, 4), np.float32), CELL)
