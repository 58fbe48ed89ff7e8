"""Which pixels a canvas shows, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.view import canvas_corners, visible_region


def test_corners_lie_half_a_canvas_from_the_centre() -> None:
    corners = canvas_corners((100.0, 50.0), 2.0, (40, 60))
    assert corners.tolist() == [[90, 35], [90, 65], [110, 35], [110, 65]]


def test_a_pixel_seen_in_part_belongs_to_the_region() -> None:
    """Pixel n covers n − 0.5 … n + 0.5."""
    seen = visible_region([(9.4, 19.6), (30.4, 40.6)], (100, 100), "s")
    assert seen == Region(9, 20, 22, 22)


@pytest.mark.parametrize("edge", [9.5, np.nextafter(9.5, 10)])
def test_the_first_row_changes_at_the_pixels_edge(edge: float) -> None:
    assert visible_region([(edge, 0), (20, 20)], (100, 100), "s").y == 10


def test_the_row_above_the_edge_is_seen_by_a_hair() -> None:
    assert visible_region([(np.nextafter(9.5, 9), 0), (20, 20)], (100, 100), "s").y == 9


def test_the_region_is_clipped_to_the_slide() -> None:
    assert visible_region([(-50, -50), (500, 500)], (70, 90), "s") == Region(0, 0, 70, 90)


@pytest.mark.parametrize(
    "corners",
    [
        [(-20, 10), (-0.5, 20)],
        [(69.5, 10), (80, 20)],
        [(10, -9), (20, -0.5)],
        [(10, 89.5), (20, 99)],
    ],
    ids=["above", "below", "left", "right"],
)
def test_a_slide_out_of_view_is_refused_by_name(corners: list[tuple[float, float]]) -> None:
    with pytest.raises(RegionError, match=r"“slide\.svs” is in view; move it into view"):
        visible_region(corners, (70, 90), "slide.svs")


@given(
    top=st.floats(-100, 60),
    left=st.floats(-100, 80),
    height=st.floats(0, 300),
    width=st.floats(0, 300),
)
def test_every_pixel_centre_seen_is_in_the_region(
    top: float, left: float, height: float, width: float
) -> None:
    corners = [(top, left), (top + height, left + width)]
    ys = [y for y in range(70) if top <= y <= top + height]
    xs = [x for x in range(90) if left <= x <= left + width]
    if ys and xs:
        seen = visible_region(corners, (70, 90), "s")
        assert seen.y <= ys[0] <= ys[-1] < seen.bottom <= 70
        assert seen.x <= xs[0] <= xs[-1] < seen.right <= 90
        assert seen.height <= len(ys) + 2
        assert seen.width <= len(xs) + 2
