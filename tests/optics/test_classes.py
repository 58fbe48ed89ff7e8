"""ConvFocus's table of classes against what can be worked out by hand."""

import numpy as np
import pytest

from napari_focusqc.optics.classes import oof_class_of_radius, radius_range, sigma_range


def test_class_boundaries_by_hand() -> None:
    # 1.4 · e^(3/28) = 1.5583; class 15 starts at 1.4 · e^1.5 = 6.2744; class 28 ends at 1.4 · e³
    assert radius_range(0) == (0, 0)
    assert radius_range(1) == pytest.approx((1.4, 1.55826), abs=1e-4)
    assert radius_range(15)[0] == pytest.approx(6.27436, abs=1e-4)
    assert radius_range(28)[1] == pytest.approx(28.11975, abs=1e-4)
    assert radius_range(29) == pytest.approx((28.11975, 200), abs=1e-4)
    assert sigma_range(1)[0] == 0.926
    assert sigma_range(29) == pytest.approx((18.59921, 132), abs=1e-4)


def test_classes_follow_each_other_without_gap() -> None:
    ranges = [radius_range(c) for c in range(1, 30)]
    assert [high for _, high in ranges[:-1]] == [low for low, _ in ranges[1:]]


def test_a_class_keeps_its_size_in_micrometres() -> None:
    low, high = radius_range(20, mpp=0.25)
    assert radius_range(20, mpp=0.5) == pytest.approx((low / 2, high / 2))


@pytest.mark.parametrize("oof_class", range(30))
def test_class_of_radius_inverts_the_table(oof_class: int) -> None:
    low, high = radius_range(oof_class, mpp=1.0)  # at 1 µm/px, px are µm
    assert oof_class_of_radius(low) == oof_class
    if oof_class:
        assert oof_class_of_radius(np.nextafter(low, 0)) == oof_class - 1
    if 0 < oof_class < 29:
        assert oof_class_of_radius(np.nextafter(high, 0)) == oof_class


def test_class_of_radius_takes_arrays_and_ends_at_29() -> None:
    classes = oof_class_of_radius(np.array([[0, 0.34], [0.36, 1e6]]))
    np.testing.assert_array_equal(classes, [[0, 0], [1, 29]])
