"""The overlay's pixels, read back: the right colour at the right place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage.measure import label, regionprops

from napari_focusqc.errors import EvaluationError, OutputError, SettingsError
from napari_focusqc.evaluation.figures import overlay_figure, write_overlay
from napari_focusqc.evaluation.overlay import Panel, grey_slide, mixed, paint_map
from napari_focusqc.evaluation.sheet import length_words, round_length, shortened
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

SHAPE = (6000, 8000)
WHITE = np.full((300, 400, 3), 255, np.uint8)


def made(
    hot: dict[tuple[int, int], float],
    reasons: dict[tuple[int, int], Reason] | None = None,
    grid: TileGrid | None = None,
    **source: Any,
) -> FocusMap:
    """Make a map of glass with a few scored tiles, on a slide of 6000 × 8000 px."""
    grid = grid or TileGrid.covering(SHAPE, 1.0, 235, 128, "cover")
    scores = np.full((grid.rows, grid.cols), np.nan, np.float32)
    why = np.full(scores.shape, Reason.GLASS, np.uint8)
    for place, score in hot.items():
        scores[place], why[place] = score, Reason.SCORED
    for place, reason in (reasons or {}).items():
        why[place] = reason
    facts = {
        "slide": "slide.svs",
        "mpp": 0.25,
        "mpp_source": "file",
        "plane": 0,
        "model": "focuslitenn",
        "weights": {"name": "w", "threshold": 9.0, "command": "focusqc train"},
        "threshold": 9.0,
        "tissue": "otsu",
        "device": "cpu",
        "version": "0",
        "created": "now",
    }
    return FocusMap(scores, why, np.ones_like(scores), grid, MapSource(**{**facts, **source}))


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def slide_to_png(focus_map: FocusMap, picture: NDArray[np.uint8]) -> Callable[..., Any]:
    """Return what turns level-0 px (y, x) into a (row, column) of the PNG."""
    axes = overlay_figure(focus_map, WHITE).axes[0]
    axes.figure.canvas.draw()

    def place(y: float, x: float) -> tuple[float, float]:
        across, up = axes.transData.transform((x, y))
        return picture.shape[0] - up, across

    return place


@pytest.mark.parametrize("tile", [(0, 0), (7, 30), (45, 60)])
def test_a_hot_tile_shines_at_its_true_place(tile: tuple[int, int], tmp_path: Path) -> None:
    weights = {"threshold": 9.0, "command": "focusqc train"}
    focus_map = made({tile: 29.0}, threshold=None, weights=weights)
    picture = pixels(write_overlay(focus_map, WHITE, tmp_path / "o.png"))
    hottest = mixed(np.uint8([[mpl.colormaps["viridis"](1.0, bytes=True)[:3]]]), np.uint8([[255]]))
    hot = (np.abs(picture.astype(int) - hottest[0, 0]).max(axis=2) <= 1).nonzero()
    place = slide_to_png(focus_map, picture)
    y, x = 128 * tile[0] + 235 / 2, 128 * tile[1] + 235 / 2
    assert (hot[0].mean() + 0.5, hot[1].mean() + 0.5) == pytest.approx(place(y, x), abs=1.0)
    top, left = place(y - 64, x - 64)
    assert (hot[0].min(), hot[1].min()) == pytest.approx((top, left), abs=1.0)
    bottom, right = place(y + 64, x + 64)
    assert (hot[0].max() + 1, hot[1].max() + 1) == pytest.approx((bottom, right), abs=1.0)


def test_the_thumbnail_lies_under_the_map(tmp_path: Path) -> None:
    """A black dot of the slide is found where the axes say that it is."""
    thumbnail = WHITE.copy()
    thumbnail[148:152, 298:302] = 0
    focus_map = made({})
    picture = pixels(write_overlay(focus_map, thumbnail, tmp_path / "o.png"))
    y, x = slide_to_png(focus_map, picture)(3000, 6000)
    dark = (picture[round(y) - 20 : round(y) + 20, round(x) - 20 : round(x) + 20] < 60).all(axis=2)
    found = np.argwhere(dark).mean(axis=0) + 0.5
    assert (found[0], found[1]) == pytest.approx((y - round(y) + 20, x - round(x) + 20), abs=1)


def test_reasons_look_different_and_glass_shows_the_slide() -> None:
    places = {(3, 3): Reason.UNREADABLE, (9, 9): Reason.ABSTAINED, (15, 15): Reason.NOT_RUN}
    focus_map = made({(20, 20): 3.0}, places)
    panel = Panel.for_grid(focus_map.grid)
    grey = grey_slide(np.full((300, 400, 3), 200, np.uint8), panel)
    colours = np.zeros((*focus_map.scores.shape, 3), np.uint8)
    picture = paint_map(grey, focus_map, focus_map.verdicts(), colours, panel)
    zoom = panel.width / SHAPE[1]

    def tile(row: int, col: int) -> NDArray[np.uint8]:
        y, x = (round((128 * n + 235 / 2) * zoom) for n in (row, col))
        return picture[y - 6 : y + 6, x - 6 : x + 6]

    assert len(np.unique(tile(3, 3).reshape(-1, 3), axis=0)) == 2
    assert tile(3, 3).min() == 20
    assert tile(3, 3).max() == 255
    assert len(np.unique(tile(9, 9).reshape(-1, 3), axis=0)) == 2
    assert not np.array_equal(np.unique(tile(9, 9)), np.unique(tile(3, 3)))
    assert (tile(15, 15) == 200).all()
    assert (tile(30, 30) == 200).all()
    assert (tile(20, 20) == round(0.35 * 200)).all()


def test_an_unreadable_tile_is_seen_in_the_file(tmp_path: Path) -> None:
    plain = pixels(write_overlay(made({}), WHITE, tmp_path / "a.png"))
    focus_map = made({}, {(10, 20): Reason.UNREADABLE})
    striped = pixels(write_overlay(focus_map, WHITE, tmp_path / "b.png"))
    y, x = slide_to_png(focus_map, striped)(128 * 10 + 235 / 2, 128 * 20 + 235 / 2)
    part = np.s_[round(y) - 6 : round(y) + 6, round(x) - 6 : round(x) + 6]
    assert (plain[part] == 255).all()
    assert (striped[part] < 30).mean() > 0.3


def test_tiles_out_of_focus_are_outlined_and_others_are_not(tmp_path: Path) -> None:
    block = {(row, col): 20.0 for row in range(10, 14) for col in range(20, 26)}
    sharp = {(row, col): 1.0 for row in range(30, 34) for col in range(20, 26)}
    focus_map = made(block | sharp)
    panel = Panel.for_grid(focus_map.grid)
    colours = np.full((*focus_map.scores.shape, 3), 128, np.uint8)
    picture = paint_map(grey_slide(WHITE, panel), focus_map, focus_map.verdicts(), colours, panel)
    (ring,) = regionprops(label((picture == 0).all(axis=2), connectivity=2))
    zoom = panel.width / SHAPE[1]
    edges = [128 * n + 235 / 2 - 64 for n in (10, 20, 14, 26)]
    assert ring.bbox == pytest.approx([edge * zoom for edge in edges], abs=1)
    assert ring.euler_number == 0


def test_no_tile_is_lost_on_a_large_slide() -> None:
    """Even at its largest the panel has a pixel for each of 2,500 × 3,000 tiles."""
    grid = TileGrid.covering((160_000, 192_000), 1.0, 64, 64, "cover")
    panel = Panel.for_grid(grid)
    assert panel.width == 4096
    focus_map = made({}, grid=grid, threshold=None)
    focus_map.reasons[...], focus_map.scores[...] = Reason.SCORED, 0.0
    colours = np.zeros((*focus_map.scores.shape, 3), np.uint8)
    lit = {(100 * n + n, 113 * n + n) for n in range(24)}
    for tile in lit:
        colours[tile] = 255
    black = np.zeros((panel.height, panel.width, 3), np.uint8)
    picture = paint_map(black, focus_map, focus_map.verdicts(), colours, panel)
    assert label(picture[..., 0] > 0).max() == len(lit)


def test_the_colour_bar_says_the_model_the_sense_and_the_threshold() -> None:
    figure = overlay_figure(made({(3, 3): 12.0}), WHITE)
    words = [text.get_text() for text in figure.texts]
    assert "focuslitenn score" in words
    assert "higher = more out of focus" in words
    assert "▶ out of focus above 9" in words
    assert "out of focus: 100.0% of 1 scored tile (score above 9)" in words
    assert figure.axes[1].get_ylim() == (0.0, 29.0)


def test_the_legend_lists_what_is_in_the_picture_and_nothing_else() -> None:
    words = [text.get_text() for text in overlay_figure(made({(3, 3): 1.0}), WHITE).texts]
    assert [w for w in words if w.startswith("glass: ")] == ["glass: 2,913 tiles"]
    assert not [w for w in words if w.startswith(("unreadable", "abstained", "not run"))]
    marked = made({(3, 3): 1.0}, {(4, 4): Reason.UNREADABLE})
    assert "unreadable: 1 tile" in [text.get_text() for text in overlay_figure(marked, WHITE).texts]


def test_the_scale_bar_has_the_length_it_says(tmp_path: Path) -> None:
    """8000 px at 0.25 µm are 2 mm: a fifth is 400 µm, so the bar is 200 µm or 100 of 1000 px."""
    picture = pixels(write_overlay(made({}), WHITE, tmp_path / "o.png"))
    dark = label((picture < 40).all(axis=2)[600:830, 28:600])
    bar = max(regionprops(dark), key=lambda region: region.bbox[3] - region.bbox[1])
    assert bar.bbox[3] - bar.bbox[1] == pytest.approx(100, abs=1)


@pytest.mark.parametrize(
    ("um", "rounded", "words"),
    [(400, 200, "200 µm"), (500, 500, "500 µm"), (1999, 1000, "1 mm"), (2500, 2000, "2 mm"),
     (0.7, 0.5, "0.5 µm"), (26000, 20000, "20 mm")],
)  # fmt: skip
def test_lengths_are_round(um: float, rounded: float, words: str) -> None:
    assert round_length(um) == pytest.approx(rounded)
    assert length_words(round_length(um)) == words


def test_a_long_text_loses_its_middle() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 7) == "abc…ijk"
    assert shortened("abc", 1) == "…"


@pytest.mark.parametrize("name", ["$x^{2.svs", "a" * 300, "Schnitt\u00a07 µm.svs", "a\\b_c.svs"])
def test_any_slide_name_is_written_as_it_is(name: str, tmp_path: Path) -> None:
    picture = pixels(write_overlay(made({}, slide=name), WHITE, tmp_path / "o.png"))
    assert (picture[15:45, 28:300] < 100).any()
    assert (picture[15:45, -4:] == 255).all()


@pytest.mark.parametrize(
    "change",
    [
        {"grid": TileGrid.covering((500, 20_000), 1.0, 235, 128, "cover")},
        {"grid": TileGrid.covering((20_000, 500), 1.0, 235, 128, "cover")},
        {"grid": TileGrid.covering((100, 90), 1.0, 235, 128, "cover")},
        {"grid": TileGrid(SHAPE, 1.0, 235, 128, 20, 30, 5, 5)},
        {"grid": TileGrid.covering(SHAPE, 4.2, 235, 128, "cover")},
        {"threshold": None},
        {"threshold": None, "weights": {}},
        {"threshold": 500.0},
    ],
)
def test_maps_of_any_shape_and_kind_are_drawn(change: dict[str, Any], tmp_path: Path) -> None:
    focus_map = made({(0, 0): 40.0}, **change)
    picture = pixels(write_overlay(focus_map, WHITE, tmp_path / "o.png"))
    assert picture.std() > 0


def test_a_part_of_a_slide_is_framed() -> None:
    part = overlay_figure(made({}, grid=TileGrid(SHAPE, 1.0, 235, 128, 20, 30, 5, 6)), WHITE)
    (frame,) = part.axes[0].patches
    assert frame.get_bbox().bounds == pytest.approx(
        (30 * 128 + 235 / 2 - 64, 20 * 128 + 235 / 2 - 64, 6 * 128, 5 * 128)
    )
    assert not overlay_figure(made({}), WHITE).axes[0].patches


def test_colormaps_are_chosen_by_name(tmp_path: Path) -> None:
    focus_map = made({(3, 3): 29.0})
    one = pixels(write_overlay(focus_map, WHITE, tmp_path / "a.png"))
    other = pixels(write_overlay(focus_map, WHITE, tmp_path / "b.png", colormap="jet"))
    assert not np.array_equal(one, other)
    with pytest.raises(SettingsError, match="no colormap 'rainbows'"):
        write_overlay(focus_map, WHITE, tmp_path / "c.png", colormap="rainbows")


def test_limits_must_rise(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="do not rise"):
        write_overlay(made({}), WHITE, tmp_path / "o.png", limits=(3.0, 3.0))


@pytest.mark.parametrize(
    "thumbnail",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_thumbnail_is_refused(thumbnail: NDArray[Any], tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="thumbnail"):
        write_overlay(made({}), thumbnail, tmp_path / "o.png")


def test_a_grey_thumbnail_is_drawn_as_it_is() -> None:
    panel = Panel.for_grid(made({}).grid)
    assert (grey_slide(np.full((30, 40), 77, np.uint8), panel) == 77).all()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_overlay(made({}), WHITE, tmp_path / "nowhere" / "o.png")


def test_no_global_figure_is_left() -> None:
    import matplotlib.pyplot as plt

    overlay_figure(made({}), WHITE)
    assert plt.get_fignums() == []
