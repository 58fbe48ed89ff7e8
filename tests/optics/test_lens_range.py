"""Lenses drawn at random lie where they should, and those to be measured on were never drawn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.optics.lens_range import HELD_OUT, TRAINED, LensRange
from napari_focusqc.optics.objective import RGB_UM


def within(value: float, ranges: tuple[tuple[float, float], ...]) -> bool:
    return any(low - 1e-9 <= value <= high + 1e-9 for low, high in ranges)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_every_value_lies_in_one_of_its_ranges(seed: int) -> None:
    for ranges in (TRAINED, HELD_OUT):
        lens, thickness = ranges.draw(np.random.default_rng(seed))
        assert within(lens.objective.na, ranges.na)
        assert within(lens.objective.wavelengths_um[2] / RGB_UM[2], ranges.colour)
        assert within(lens.spherical, ranges.spherical)
        assert all(within(shift, ranges.focal_shift_um) for shift in lens.objective.focal_shift_um)
        assert within(thickness, ranges.thickness_um)


def test_no_held_out_lens_is_trained_on() -> None:
    for name in ("na", "colour", "spherical", "focal_shift_um"):
        for low, high in getattr(HELD_OUT, name):
            assert not within((low + high) / 2, getattr(TRAINED, name))


def test_ranges_are_drawn_from_by_their_length_and_luck_is_shared() -> None:
    ranges = LensRange(((0.2, 0.3), (0.5, 0.8)), ((1, 1),), ((0, 0),), ((0, 0),), ((0, 1),))
    drawn = [ranges.draw(np.random.default_rng(seed))[0].objective.na for seed in range(400)]
    assert np.mean(np.array(drawn) < 0.4) == np.clip(np.mean(np.array(drawn) < 0.4), 0.19, 0.31)
    one, other = (
        each.draw(np.random.default_rng(3)) for each in (ranges, ranges.of_thickness(4, 5))
    )
    assert one[0] == other[0]
    assert other[1] == 4 + one[1]
