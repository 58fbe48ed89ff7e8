"""When levels are a pyramid."""

import pytest

from napari_focusqc.geometry import levels_shrink


@pytest.mark.parametrize(
    ("shapes", "shrink"),
    [
        ([(100, 70)], True),
        ([(100, 70), (50, 35), (12, 8)], True),
        ([(100, 1), (50, 1)], True),  # a side of one pixel stays
        ([(100, 70), (100, 70)], False),
        ([(50, 35), (100, 70)], False),
        ([(100, 70), (50, 71)], False),
    ],
)
def test_every_level_is_smaller_and_no_side_is_longer(shapes, shrink):
    assert levels_shrink(shapes) is shrink
