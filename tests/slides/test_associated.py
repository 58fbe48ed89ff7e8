from dataclasses import replace

import numpy as np
import pytest

from napari_focusqc.errors import AssociatedImageError
from napari_focusqc.slides.associated import (
    MOST_ASSOCIATED_PX,
    associated_picture,
    check_picture_size,
    is_withheld,
    may_show_label,
    no_picture,
    offered,
    withheld,
)
from napari_focusqc.slides.slide import SlideInfo


class SlideWithPictures:
    """What `slides.associated` looks at: a name, names of pictures, and the pictures."""

    name = "a.svs"

    def __init__(self, *names):
        self.info = SlideInfo("TIFF", "tifffile", associated=names)
        self.decoded = []

    def associated_image(self, name):
        self.decoded.append(name)
        return np.zeros((2, 3, 3), np.uint8)


@pytest.mark.parametrize("name", ["label", "Label", "LABEL image", "slide_label"])
def test_a_label_is_withheld(name):
    assert is_withheld(name)
    slide = SlideWithPictures("macro", name)
    assert (offered(slide), withheld(slide)) == (("macro",), (name,))


@pytest.mark.parametrize(
    ("vendor", "name", "may"),
    [
        ("Aperio", "macro", False),  # lit from below: its label is black
        ("Hamamatsu", "macro", True),
        ("Hamamatsu", "thumbnail", False),
        (None, "Overview", True),
    ],
)
def test_a_picture_of_the_whole_glass_may_show_the_label(vendor, name, may):
    slide = SlideWithPictures(name)
    slide.info = replace(slide.info, vendor=vendor)
    assert may_show_label(slide, name) == may


def test_a_withheld_picture_is_not_even_decoded():
    slide = SlideWithPictures("label")
    with pytest.raises(AssociatedImageError, match="withheld, since it can carry a patient's name"):
        associated_picture(slide, "label")
    assert slide.decoded == []


def test_a_label_is_shown_to_those_who_ask_for_it():
    slide = SlideWithPictures("label")
    assert associated_picture(slide, "label", label=True).shape == (2, 3, 3)
    assert slide.decoded == ["label"]


def test_other_pictures_are_shown_unasked():
    slide = SlideWithPictures("macro")
    assert associated_picture(slide, "macro").shape == (2, 3, 3)


def test_the_most_telling_picture_is_offered_first():
    slide = SlideWithPictures("thumbnail", "map", "label", "Overview", "macro")
    assert offered(slide) == ("macro", "Overview", "thumbnail", "map")
    assert offered(SlideWithPictures()) == ()


def test_the_refusal_of_a_name_lists_those_there_are():
    refusal = str(no_picture("barcode", ("label", "macro"), "a.svs"))
    assert refusal == "a.svs has no picture 'barcode'; there are: label, macro"
    assert str(no_picture("macro", (), "a.svs")) == "a.svs has no picture 'macro'; it has none"


def test_a_picture_may_be_large_but_not_monstrous():
    check_picture_size("macro", (10_000, MOST_ASSOCIATED_PX // 10_000), "a.svs")
    with pytest.raises(AssociatedImageError, match="claims 10001 × 10000 px, too large"):
        check_picture_size("macro", (10_000, 10_001), "a.svs")
