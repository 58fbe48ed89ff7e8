import numpy as np
import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.slides.resolution import (
    as_number,
    checked_mpp,
    length_um,
    one_mpp,
    tag_mpp,
)


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [
        ("0.25", None, 0.25),
        ("0.25", "µm", 0.25),
        ("0.25", "\u03bcm", 0.25),  # Greek mu instead of the micro sign
        ("250", "nm", 0.25),
        ("0.00025", "mm", 0.25),
        ("2.5e-7", "m", 0.25),
        ("2500", "Å", 0.25),
        ("0.25", "pixel", None),
        ("0.25", "reference frame", None),
        ("0", "µm", None),
        ("-1", "µm", None),
        ("inf", "µm", None),
        ("nan", "µm", None),
        ("wide", "µm", None),
        (None, "µm", None),
    ],
)
def test_ome_lengths(value, unit, um):
    assert length_um(value, unit) == (None if um is None else pytest.approx(um))


@pytest.mark.parametrize(
    ("pixels", "unit", "mpp"),
    [
        (40000, 1e4, 0.25),
        (101600, 25400, 0.25),
        (72, 25400, None),  # a printer's 72 dpi, 353 µm/px
        (300, 25400, None),
        (1, 25400, None),
        (0, 1e4, None),
        (40000, None, None),
        (np.nextafter(1e4 / 10, 0), 1e4, None),  # a hair more than 10 µm/px
        (1e4 / 10, 1e4, 10.0),
        (float("nan"), 1e4, None),
    ],
)
def test_resolution_tags_are_believed_only_where_they_are_a_slides(pixels, unit, mpp):
    assert tag_mpp(pixels, unit) == (None if mpp is None else pytest.approx(mpp))


@pytest.mark.parametrize(
    ("y", "x", "mpp"),
    [
        (0.25, 0.25, 0.25),
        (0.25, 0.252, 0.251),
        (0.25, 0.2526, None),  # the axes differ by more than 1 %
        (None, 0.25, 0.25),
        (0.25, None, 0.25),
        (None, None, None),
        (0.009, 0.009, None),
        (101.0, 101.0, None),
        (float("inf"), 0.25, None),
    ],
)
def test_two_axes_make_one_number_or_none(y, x, mpp):
    assert one_mpp(y, x) == (None if mpp is None else pytest.approx(mpp))


@pytest.mark.parametrize("mpp", [0.01, 0.25, 100.0])
def test_a_given_mpp_in_range_is_taken(mpp):
    assert checked_mpp(mpp) == mpp


@pytest.mark.parametrize(
    "mpp", [0.0, -0.25, np.nextafter(0.01, 0), np.nextafter(100.0, 101), float("nan")]
)
def test_a_given_mpp_out_of_range_is_refused(mpp):
    with pytest.raises(SettingsError, match="mpp is"):
        checked_mpp(mpp)


def test_numbers_in_files():
    assert as_number("0.4990 ") == 0.499
    assert as_number("") is None
    assert as_number(None) is None
