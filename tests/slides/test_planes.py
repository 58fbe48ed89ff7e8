import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.slides.planes import settle_heights


def test_a_flat_slide_has_one_plane_of_no_source():
    found = settle_heights(1, None, None, "a.svs")
    assert (found.z_um, found.source, found.notes) == ((0.0,), None, ())


def test_heights_in_the_file_are_taken():
    found = settle_heights(3, (-1.5, 0.0, 2.0), None, "a.svs")
    assert (found.z_um, found.source, found.notes) == ((-1.5, 0.0, 2.0), "file", ())


def test_a_given_distance_goes_before_the_files():
    found = settle_heights(3, (-1.5, 0.0, 2.0), 0.5, "a.svs")
    assert (found.z_um, found.source) == ((0.0, 0.5, 1.0), "given")


@pytest.mark.parametrize("heights", [None, (0.0, 1.0), (0.0, 1.0, 1.0), (0.0, float("nan"), 2.0)])
def test_heights_nobody_knows_are_counted_and_a_note_says_so(heights):
    found = settle_heights(3, heights, None, "a.svs")
    assert (found.z_um, found.source) == ((0.0, 1.0, 2.0), None)
    assert "counted 0, 1, 2 …; give the distance of the planes" in found.notes[0]


@pytest.mark.parametrize("step", [0.0, -1.0, float("inf"), float("nan")])
def test_a_distance_that_is_none_is_refused(step):
    with pytest.raises(SettingsError, match="must be above 0"):
        settle_heights(3, None, step, "a.svs")


def test_a_flat_slide_takes_no_distance():
    with pytest.raises(SettingsError, match=r"a\.svs has one plane"):
        settle_heights(1, None, 0.5, "a.svs")
