"""Lengths that the user gives to a slide that is open already."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import ClosedSlideError, SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.given_slide import GivenSlide, with_given
from napari_focusqc.slides.opening import open_slide

PIXELS = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8)


@pytest.fixture
def stack() -> ArraySlide:
    return ArraySlide([PIXELS], None, "stack")


def test_a_given_slide_has_the_pixels_of_the_one_behind_it(stack: ArraySlide) -> None:
    given = with_given(stack, mpp=0.5, z_step_um=2.0)
    region = Region(5, 7, 20, 30)
    np.testing.assert_array_equal(given.read(region, z=2), PIXELS[2, 5:25, 7:37])
    np.testing.assert_array_equal(given.pyramid()[0].compute(), PIXELS)
    assert (given.name, given.shape, given.level_shapes) == ("stack", (40, 50), ((40, 50),))


def test_what_is_given_counts_and_the_rest_stays(stack: ArraySlide) -> None:
    wide = with_given(stack, mpp=0.5)
    assert (wide.mpp, wide.mpp_source, wide.z_um) == (0.5, "given", (0.0, 1.0, 2.0))
    assert wide.info.z_source is None
    high = with_given(wide, z_step_um=2.5)
    assert (high.mpp, high.z_um, high.info.z_source) == (0.5, (0.0, 2.5, 5.0), "given")


def test_giving_again_does_not_pile_up(stack: ArraySlide) -> None:
    twice = with_given(with_given(stack, mpp=0.5), mpp=0.25)
    assert isinstance(twice, GivenSlide)
    assert twice.origin is stack
    assert twice.mpp == 0.25


def test_given_equals_opened_with_the_same_lengths(
    tmp_path: Path, write_tiff: Callable[..., Path], tissue_image: Callable[..., np.ndarray]
) -> None:
    """Also the notes: those of the lengths before are gone, the others stay."""
    path = write_tiff(tmp_path / "slide.tif", tissue_image(300, 400), mpp=0.25)
    opened, later = open_slide(path, mpp=0.5), open_slide(path)
    given = with_given(with_given(later, mpp=0.3), mpp=0.5)
    assert given.info == opened.info
    assert any("the file states 0.25" in note for note in given.info.notes)
    assert (given.mpp, given.mpp_source, given.z_um) == (opened.mpp, "given", opened.z_um)
    opened.close()
    later.close()


@pytest.mark.parametrize("lengths", [{"mpp": 500.0}, {"mpp": 0.0}, {"z_step_um": -1.0}])
def test_lengths_that_make_no_sense_are_refused(
    stack: ArraySlide, lengths: dict[str, float]
) -> None:
    with pytest.raises(SettingsError):
        with_given(stack, **lengths)


def test_a_flat_slide_takes_no_distance_of_planes() -> None:
    flat = ArraySlide([PIXELS[0]], 0.5, "flat")
    with pytest.raises(SettingsError, match="flat has one plane"):
        with_given(flat, z_step_um=1.0)


def test_closing_either_closes_both(stack: ArraySlide) -> None:
    with_given(stack, mpp=0.5).close()
    with pytest.raises(ClosedSlideError):
        stack.read(Region(0, 0, 1, 1))
