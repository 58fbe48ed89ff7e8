"""What is searched depends on the place alone: tissue, and a little way beside it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.geometry import Region
from napari_focusqc.tiles.search_area import MARGIN_UM, SearchArea, in_region
from napari_focusqc.tiles.tissue import TissueMask

SHAPE = (600, 700)


def area(scale: float = 2.0) -> SearchArea:
    """Return one of a slide of 1200 × 1400 level-0 px, 0.5 µm each, mask pixels of 16 µm."""
    mask = np.zeros((38, 44), bool)
    mask[10, 20] = True
    return SearchArea.around(TissueMask(mask, 32.0, "one pixel"), 0.5, scale)


def test_tissue_is_widened_by_the_margin_each_way() -> None:
    found = area().searched(Region(0, 0, *SHAPE))
    reach = int(MARGIN_UM / 0.5 / 2)
    expected = np.zeros(SHAPE, bool)
    expected[160 - reach : 176 + reach, 320 - reach : 336 + reach] = True
    np.testing.assert_array_equal(found, expected)


def test_without_a_rule_everything_is_searched() -> None:
    everywhere = TissueMask(np.ones((1, 1), bool), 1400.0, "none")
    assert SearchArea.around(everywhere, 0.5, 2.0).searched(Region(0, 0, *SHAPE)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 599), st.integers(0, 699), st.integers(1, 99), st.integers(1, 99))
def test_a_part_has_what_the_whole_has_there(y: int, x: int, height: int, width: int) -> None:
    part = Region(y, x, height, width).clipped(SHAPE)
    whole = area().searched(Region(0, 0, *SHAPE))[part.y : part.bottom, part.x : part.right]
    np.testing.assert_array_equal(area().searched(part), whole)
    assert area().meets(part) == whole.any()


def test_a_pixel_is_in_a_region_if_its_middle_is() -> None:
    # middles at 1, 3, 5 … px
    found = in_region(Region(0, 0, 4, 4), Region(1, 2, 5, 3), 2.0)
    expected = np.zeros((4, 4), bool)
    expected[0:3, 1] = True
    np.testing.assert_array_equal(found, expected)
    assert in_region(Region(0, 0, 2, 3), None, 2.0).tolist() == [[True] * 3] * 2
