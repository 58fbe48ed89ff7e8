"""The depth of field of common objectives."""

import pytest

from napari_focusqc.optics.depth_of_field import depth_of_field_um
from napari_focusqc.optics.objective import Objective


def test_it_is_that_of_hand() -> None:
    # 0.54 / 0.75² + 0.25 / 0.75
    assert depth_of_field_um(Objective(0.75), 0.25) == pytest.approx(0.96 + 1 / 3)


def test_a_20x_has_about_the_papers_micrometre_and_finer_lenses_have_less() -> None:
    depths = [depth_of_field_um(Objective(na), 0.25) for na in (0.5, 0.75, 0.95)]
    assert depths == sorted(depths, reverse=True)
    assert 0.8 < depths[1] < 1.5
