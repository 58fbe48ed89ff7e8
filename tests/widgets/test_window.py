"""The grid of `focusqc demo`, against what the window really draws."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.widgets.window import fill_grid

SIDE = 64
COLOURS = ("#ff0000", "#00ff00", "#0000ff", "#ffff00")


def cell(colour: str, *, verdicts: bool) -> list[Any]:
    """Make a grey slide, a heatmap of one colour, and where asked hidden verdicts."""
    slide = np.full((SIDE, SIDE, 3), 128, np.uint8)
    heat = np.ones((SIDE, SIDE), np.float32)
    look = {"colormap": {"name": colour, "colors": [colour, colour]}, "contrast_limits": (0, 1)}
    layers: list[Any] = [
        (slide, {"name": f"{colour} slide", "rgb": True}, "image"),
        (heat, {"name": colour} | look, "image"),
    ]
    if verdicts:
        labels = np.ones((SIDE, SIDE), np.uint8)
        layers.append((labels, {"name": f"{colour} verdict", "visible": False}, "labels"))
    return layers


def middle(picture: NDArray[np.uint8], row: int, col: int) -> list[int]:
    """Return the colour in the middle of one of four cells."""
    height, width = picture.shape[:2]
    y, x = height * (2 * row + 1) // 4, width * (2 * col + 1) // 4
    return picture[y, x, :3].tolist()


def test_each_map_stands_in_a_cell_of_its_own(make_napari_viewer: Callable[..., Any]) -> None:
    viewer = make_napari_viewer(show=True)
    fill_grid(viewer, [cell(colour, verdicts=n < 3) for n, colour in enumerate(COLOURS)])
    viewer.reset_view()
    picture = viewer.screenshot(canvas_only=True, flash=False)
    found = [middle(picture, row, col) for row in (0, 1) for col in (0, 1)]
    assert found == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]


def test_showing_the_verdicts_moves_no_cell(make_napari_viewer: Callable[..., Any]) -> None:
    viewer = make_napari_viewer()
    fill_grid(viewer, [cell(colour, verdicts=n < 3) for n, colour in enumerate(COLOURS)])
    grid, layers = viewer.canvas.grid, viewer.layers
    before = [grid.position(layers.index(colour), layers) for colour in COLOURS]
    assert before == [(0, 0), (0, 1), (1, 0), (1, 1)]
    layers["#00ff00 verdict"].visible = True
    assert [grid.position(layers.index(colour), layers) for colour in COLOURS] == before
    assert grid.position(layers.index("#00ff00 verdict"), layers) == (0, 1)


def test_every_cell_is_named_and_has_a_colour_bar(make_napari_viewer: Callable[..., Any]) -> None:
    viewer = make_napari_viewer()
    fill_grid(viewer, [cell(colour, verdicts=True) for colour in COLOURS])
    named = [layer.name for layer in viewer.layers if layer.name_overlay.visible]
    assert named == list(COLOURS)
    assert all(viewer.layers[name].colorbar.visible for name in named)
    assert viewer.canvas.overlays.scale_bar.visible
