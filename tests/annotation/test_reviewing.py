"""Only a view that was searched, and that a person can check, becomes a reviewed field."""

import pytest

from napari_focusqc.annotation.reviewing import reviewed_view
from napari_focusqc.errors import AnnotationError
from napari_focusqc.geometry import Region
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

SOURCE = NucleusSource("s.svs", 0.5, "file", "micronet", {}, 0.1, "cpu", "0", "2026-01-01")
FOUND = NucleusTable.found([(10, 10), (10, 99), (10, 100), (150, 10)], [0.5] * 4, SOURCE)


def test_the_field_has_the_nuclei_in_view() -> None:
    field = reviewed_view(FOUND, Region(0, 0, 100, 100), None)
    assert field.region == Region(0, 0, 100, 100)
    assert field.centres.tolist() == [[10, 10], [10, 99]]


def test_a_view_of_a_square_millimetre_is_the_largest() -> None:
    assert len(reviewed_view(FOUND, Region(0, 0, 2000, 2000), None).centres) == 4
    with pytest.raises(AnnotationError, match="zoom in to 1 mm²"):
        reviewed_view(FOUND, Region(0, 0, 2001, 2000), None)


def test_a_view_that_was_searched_in_part_is_refused() -> None:
    searched = Region(0, 0, 100, 100)
    assert reviewed_view(FOUND, searched, searched).region == searched
    with pytest.raises(AnnotationError, match="a part of this view"):
        reviewed_view(FOUND, Region(0, 1, 100, 100), searched)
