"""The visible rectangle, against what the window really draws."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from numpy.typing import NDArray

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.layers import slide_layers
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.widgets.view import region_in_view

HEIGHT, WIDTH = 300, 400


def addressed() -> NDArray[np.uint8]:
    """An image whose every pixel says where it is: red and green are y and x, blue the rest."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([y % 256, x % 256, 100 + 16 * (y // 256) + (x // 256)], -1).astype(np.uint8)


def drawn_region(picture: NDArray[np.uint8]) -> Region:
    """Read from a screenshot which pixels of `addressed` it shows."""
    red, green, blue, alpha = (picture[..., n].astype(int) for n in range(4))
    on_slide = (blue >= 100) & (blue <= 140) & (alpha == 255)
    ys = (red + 256 * ((blue - 100) // 16))[on_slide]
    xs = (green + 256 * ((blue - 100) % 16))[on_slide]
    return Region(ys.min(), xs.min(), np.ptp(ys) + 1, np.ptp(xs) + 1)


@pytest.fixture
def shown(make_napari_viewer: Callable[..., Any]) -> tuple[Any, Any, Any]:
    """A viewer on the screen, napari's proxy of it, and a slide's layer in it."""
    from napari.utils._proxies import PublicOnlyProxy

    viewer = make_napari_viewer(show=True)
    slide = ArraySlide([addressed()], 0.5, "slide")
    layer = viewer.add_layer(Layer.create(*slide_layers(slide)[0]))
    layer.interpolation2d = "nearest"
    return viewer, PublicOnlyProxy(viewer), layer


@pytest.mark.parametrize(
    ("centre", "zoom"),
    [
        ((75.0, 100.0), 8.0),
        ((75.13, 100.21), 37.0),
        ((20.0, 30.0), 9.0),
        ((140.0, 190.0), 11.0),
        ((75.0, 100.0), 2.5),
    ],
    ids=["middle", "few pixels", "top left", "bottom right", "all"],
)
def test_region_is_what_the_window_draws(
    shown: tuple[Any, Any, Any], centre: tuple[float, float], zoom: float
) -> None:
    viewer, proxy, layer = shown
    viewer.scene.camera.center = (0, *centre)
    viewer.scene.camera.zoom = zoom
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert region_in_view(proxy, layer, (HEIGHT, WIDTH)) == drawn_region(picture)


def test_a_moved_and_turned_slide_is_covered(shown: tuple[Any, Any, Any]) -> None:
    viewer, proxy, layer = shown
    layer.translate = (1000, -500)
    layer.rotate = 30
    viewer.scene.camera.center = (0, *layer.data_to_world((150, 200)))
    viewer.scene.camera.zoom = 20
    drawn = drawn_region(viewer.screenshot(canvas_only=True, flash=False))
    seen = region_in_view(proxy, layer, (HEIGHT, WIDTH))
    assert seen.y <= drawn.y <= drawn.bottom <= seen.bottom
    assert seen.x <= drawn.x <= drawn.right <= seen.right
    assert seen.height <= drawn.height + 2
    assert seen.width <= drawn.width + 2


def test_units_of_other_layers_do_not_move_the_region(shown: tuple[Any, Any, Any]) -> None:
    """A layer in nm makes the world nm; the slide's own coordinates stay µm."""
    viewer, proxy, layer = shown
    viewer.add_points([[0, 0]], units=("nm", "nm"), size=1)
    viewer.scene.camera.center = (0, 75_000, 100_000)
    viewer.scene.camera.zoom = 0.01
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert region_in_view(proxy, layer, (HEIGHT, WIDTH)) == drawn_region(picture)


def test_transposed_axes_show_the_same_pixels(shown: tuple[Any, Any, Any]) -> None:
    viewer, proxy, layer = shown
    viewer.dims.transpose()
    viewer.scene.camera.center = (0, 100, 75)
    viewer.scene.camera.zoom = 12
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert region_in_view(proxy, layer, (HEIGHT, WIDTH)) == drawn_region(picture)


def test_a_slide_out_of_view_is_refused(shown: tuple[Any, Any, Any]) -> None:
    viewer, proxy, layer = shown
    viewer.scene.camera.center = (0, 5000, 5000)
    viewer.scene.camera.zoom = 10
    with pytest.raises(RegionError, match="nothing of “slide” is in view"):
        region_in_view(proxy, layer, (HEIGHT, WIDTH))


def test_three_dimensions_are_refused(shown: tuple[Any, Any, Any]) -> None:
    viewer, proxy, layer = shown
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.dims.ndisplay = 3
    with pytest.raises(RegionError, match="switch it to 2D, or choose the whole slide"):
        region_in_view(proxy, layer, (HEIGHT, WIDTH))
    viewer.dims.ndisplay = 2


def test_a_slide_seen_from_its_side_is_refused(
    make_napari_viewer_proxy: Callable[..., Any],
) -> None:
    viewer = make_napari_viewer_proxy()
    slide = ArraySlide([np.zeros((3, 40, 50, 3), np.uint8)], 0.5, "stack", (0.0, 1.0, 2.0))
    layer = viewer.add_layer(Layer.create(*slide_layers(slide)[0]))
    assert region_in_view(viewer, layer, (40, 50)) == Region(0, 0, 40, 50)
    viewer.dims.order = (1, 0, 2)
    with pytest.raises(RegionError, match="from its side; roll its axes back"):
        region_in_view(viewer, layer, (40, 50))
