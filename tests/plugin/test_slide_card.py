"""What a card says of a slide, and what it never shows unasked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_focusqc.errors import AssociatedImageError, NotASlideError
from napari_focusqc.plugin.slide_card import PICTURE_PX, read_card, read_private, slide_card
from napari_focusqc.progress import finish
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import SlideInfo

Write = Callable[..., Path]
PIXELS = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), np.uint8)


def times_open(path: Path) -> int:
    """Count how often this process has a file open."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files in /proc")
    return sum(link.resolve() == path for link in descriptors.iterdir())


def test_a_card_says_what_the_file_is_and_leaves_it_closed(
    tmp_path: Path, write_tiff: Write, tissue_image: Callable[..., Any]
) -> None:
    path = write_tiff(tmp_path / "slide.tif", tissue_image(600, 700), mpp=0.5, levels=2)
    card = finish(read_card(path))
    rows = dict(card.rows)
    assert card.name == rows["Name"] == "slide.tif"
    assert card.path == path
    assert rows["Compression"] == "JPEG"
    assert rows["Size"].startswith("700 × 600 px")
    assert rows["Levels"] == "2 (700 × 600, 350 × 300 px)"
    assert rows["Planes"] == "1"
    assert card.mpp_hint == "0.5 (from the file)"
    assert card.step_hint is None
    assert card.picture is None
    assert card.picture_note == "There is no macro picture and no thumbnail beside this slide."
    assert card.private is None
    assert not card.has_profile
    assert not times_open(path)


def test_an_abandoned_reading_leaves_no_file_open(
    tmp_path: Path, write_tiff: Write, tissue_image: Callable[..., Any]
) -> None:
    path = write_tiff(tmp_path / "slide.tif", tissue_image(300, 400))
    reading = read_card(path)
    next(reading)
    next(reading)
    assert times_open(path)
    reading.close()
    assert not times_open(path)


def test_an_unknown_resolution_is_asked_for() -> None:
    card = slide_card(ArraySlide([PIXELS], None, "stack"))
    assert card.mpp_hint == "not in the file; such as 0.25"
    assert card.step_hint == "not in the file; such as 1"


@pytest.mark.parametrize(
    ("heights", "hint"), [((0, 1.5, 3), "1.5 (given)"), ((0, 1, 3), "about 1.5 (given)")]
)
def test_the_distance_of_planes_says_where_it_is_from(
    heights: tuple[float, ...], hint: str
) -> None:
    assert slide_card(ArraySlide([PIXELS], 0.5, "stack", heights)).step_hint == hint


class WithPictures(ArraySlide):
    """A slide with pictures beside it, for the names they come under."""

    def __init__(self, vendor: str | None = "Aperio", **pictures: Any) -> None:
        super().__init__([PIXELS[0]], 0.5, "pictures.svs")
        self._vendor, self._pictures = vendor, pictures

    @property
    def info(self) -> SlideInfo:
        return replace(super().info, vendor=self._vendor, associated=tuple(self._pictures))

    def associated_image(self, name: str) -> Any:
        found = self._pictures[name]
        if isinstance(found, Exception):
            raise found
        return found


def test_the_macro_is_shown_before_the_thumbnail_and_the_label_not_at_all() -> None:
    label = np.full((30, 30, 3), 7, np.uint8)
    card = slide_card(WithPictures(label=label, thumbnail=PIXELS[1], macro=PIXELS[2]))
    assert card.picture is not None
    assert card.picture.name == "macro"
    np.testing.assert_array_equal(card.picture.pixels, PIXELS[2])
    assert card.private == "label"


def test_a_label_alone_is_no_picture_to_show() -> None:
    card = slide_card(WithPictures(label=PIXELS[0]))
    assert card.picture is None
    assert "no macro picture" in card.picture_note


@pytest.mark.parametrize("vendor", ["Hamamatsu", "Leica", None])
def test_a_macro_on_which_the_label_may_be_legible_is_asked_for(vendor: str | None) -> None:
    card = slide_card(WithPictures(vendor, macro=PIXELS[0]))
    assert card.picture is None
    assert card.private == "macro"
    assert card.picture_note.startswith("The label may be legible on its “macro”")
    both = slide_card(WithPictures(vendor, label=PIXELS[0], macro=PIXELS[1], thumbnail=PIXELS[2]))
    assert both.picture is not None
    assert both.picture.name == "thumbnail"
    assert both.private == "macro"


def test_the_label_on_a_real_macro_is_not_shown_unasked(test_data: Path) -> None:
    """dapi.ndpi has no picture called label: its macro shows the paper label in clear print."""
    path = test_data / "wsi" / "ndpi-fluorescence" / "dapi.ndpi"
    card = finish(read_card(path))
    assert card.picture is None
    assert card.private == "macro"
    assert finish(read_private(path)).name == "macro"


def test_a_picture_larger_than_the_card_is_shrunk() -> None:
    card = slide_card(WithPictures(macro=np.zeros((500, 3 * PICTURE_PX, 3), np.uint8)))
    assert card.picture is not None
    assert card.picture.pixels.shape == (round(500 / 3), PICTURE_PX, 3)
    assert card.picture.pixels.flags.c_contiguous


def test_a_damaged_picture_is_a_sentence_and_no_end() -> None:
    card = slide_card(WithPictures(macro=AssociatedImageError("the macro is damaged")))
    assert card.picture is None
    assert card.picture_note == "The macro is damaged."


def test_no_slide_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.svs"
    path.write_text("this is a text")
    with pytest.raises(NotASlideError, match="text.svs"):
        finish(read_card(path))


def test_a_label_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, PIXELS[0], photometric="rgb", tile=(16, 16))
    with pytest.raises(AssociatedImageError, match="label"):
        finish(read_private(path))
    assert not times_open(path)


def test_the_real_slide_shows_its_macro_and_its_label_when_asked(test_data: Path) -> None:
    path = test_data / "wsi" / "openslide-cmu" / "CMU-1-Small-Region.svs"
    before = times_open(path)  # layers of other tests may still be about
    card = finish(read_card(path))
    assert dict(card.rows)["Format"] == "Aperio SVS"
    assert card.mpp_hint == "0.499 (from the file)"
    assert card.picture is not None
    assert card.picture.name == "macro"
    assert card.private == "label"
    assert finish(read_private(path)).pixels.shape == (463, 387, 3)
    assert times_open(path) <= before
