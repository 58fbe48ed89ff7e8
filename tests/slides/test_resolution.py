import numpy as np
import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.slides.resolution import (
    as_number,
    both_axes,
    checked_mpp,
    length_um,
    settle_resolution,
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
        (72, 25400, 352.8),  # a printer's 72 dpi: `settle_resolution` does not believe it
        (1, 25400, None),  # what writers put who know nothing
        (0, 1e4, None),
        (40000, None, None),
        (float("inf"), 1e4, None),
        (float("nan"), 1e4, None),
    ],
)
def test_resolution_tags(pixels, unit, mpp):
    assert tag_mpp(pixels, unit) == (None if mpp is None else pytest.approx(mpp, rel=1e-3))


@pytest.mark.parametrize(
    ("y", "x", "both"),
    [
        (0.25, 0.3, (0.25, 0.3)),
        (None, 0.25, (0.25, 0.25)),
        (0.25, None, (0.25, 0.25)),
        (0.0, 0.25, (0.25, 0.25)),
        (None, None, None),
        (0.0, -1.0, None),
    ],
)
def test_a_missing_axis_is_taken_from_the_other(y, x, both):
    assert both_axes(y, x) == both


@pytest.mark.parametrize(
    ("stated", "mpp"),
    [
        ((0.25, 0.25), 0.25),
        ((0.25, 0.252), 0.251),
        ((0.25, 0.2526), None),  # the axes differ by more than 1 %
        ((0.05, 0.05), 0.05),
        ((10.0, 10.0), 10.0),
        ((np.nextafter(0.05, 0), 0.05), None),
        ((10.0, np.nextafter(10.0, 11)), None),
        (None, None),
    ],
)
def test_two_axes_make_one_number_or_a_sentence(stated, mpp):
    found = settle_resolution(stated, None, None)
    assert found.mpp == (None if mpp is None else pytest.approx(mpp))
    assert found.source == (None if mpp is None else "file")
    assert len(found.notes) == (mpp is None and stated is not None)


def test_the_sentences_name_what_was_found_and_what_would_do():
    flat = settle_resolution((0.25, 0.5), None, None).notes[0]
    assert "0.25 × 0.5 µm, which are not square; give the µm per pixel" in flat
    printer = settle_resolution((352.8, 352.8), None, None).notes[0]
    assert "352.8 µm/px" in printer
    assert "give the µm per pixel" in printer


# µm/px and objective as real scanners state them
SCANNERS = [(0.499, 20), (0.2527, 40), (0.228, 40), (0.4535, 20), (0.3455, 20), (0.243, 20)]


@pytest.mark.parametrize(("mpp", "power"), SCANNERS)
def test_real_scanners_contradict_nothing(mpp, power):
    assert settle_resolution((mpp, mpp), None, float(power)).notes == ()


@pytest.mark.parametrize(("mpp", "power"), [(0.499, 40), (0.1, 20), (0.25, 4), (1.0, 20)])
def test_an_objective_that_does_not_fit_is_noted_and_the_number_kept(mpp, power):
    found = settle_resolution((mpp, mpp), None, float(power))
    assert (found.mpp, found.source) == (mpp, "file")
    assert f"{mpp:.4g} µm/px does not fit an objective of {power}x" in found.notes[0]


@pytest.mark.parametrize("power", [0.0, -20.0])
def test_an_objective_without_power_contradicts_nothing(power):
    assert settle_resolution((0.25, 0.25), None, power).notes == ()


def test_a_given_number_goes_before_everything_and_the_difference_is_noted():
    found = settle_resolution((0.499, 0.499), 0.25, 40.0)
    assert (found.mpp, found.source) == (0.25, "given")
    assert found.notes == ("0.25 µm/px was given, the file states 0.499",)
    assert settle_resolution((0.25, 0.5), 0.375, None).notes == ()
    assert settle_resolution(None, 30.0, None).mpp == 30.0


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
