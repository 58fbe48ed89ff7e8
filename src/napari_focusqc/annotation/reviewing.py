"""From what a person sees to a reviewed field.

Room: annotation.
"""

from napari_focusqc.annotation.reviewed_fields import ReviewedField
from napari_focusqc.errors import AnnotationError
from napari_focusqc.geometry import Region
from napari_focusqc.results.nucleus_table import NucleusTable

MOST_MM2 = 1.0
"""A larger view holds thousands of nuclei, and shows none of them well enough to be checked."""


def reviewed_view(nuclei: NucleusTable, view: Region, searched: Region | None) -> ReviewedField:
    """Take a view for reviewed: the nuclei in it are all there are.

    Parameters
    ----------
    nuclei
        Found, at the threshold the person sees, and corrected.
    view
        Level-0 px.
    searched
        Where they were looked for, level-0 px; None is everywhere.

    Raises
    ------
    AnnotationError
        The view is larger than `MOST_MM2`, or the model did not search all of it.
    """
    area_mm2 = view.height * view.width * (nuclei.source.mpp / 1000) ** 2
    if area_mm2 > MOST_MM2:
        raise AnnotationError(
            f"the view shows {area_mm2:.3g} mm², more than can be checked nucleus by nucleus; zoom "
            f"in to {MOST_MM2:g} mm² or less"
        )
    if searched is not None and not (
        searched.y <= view.y
        and view.bottom <= searched.bottom
        and searched.x <= view.x
        and view.right <= searched.right
    ):
        raise AnnotationError(
            "nuclei were looked for in a part of this view only; find them in all of it first, or "
            "move to where they were looked for"
        )
    return ReviewedField(view, nuclei.in_region(view).centres)
