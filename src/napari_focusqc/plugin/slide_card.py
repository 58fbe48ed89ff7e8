"""What is shown of a slide before it is opened as a layer.

Room: plugin. Reads the file's header and the picture of the glass, and closes the file again; a
card holds nothing open. The words are `slides.facts`'s.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import AssociatedImageError
from napari_focusqc.progress import Progress
from napari_focusqc.slides.associated import (
    associated_picture,
    may_show_label,
    offered,
    withheld,
)
from napari_focusqc.slides.facts import facts, resolution_in_words
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.slide import Slide

SHOWN = ("format", "read by", "compression", "objective", "size", "levels", "planes")
"""The facts on the card, in this order; µm/px and the rest have places of their own."""

PICTURE_PX = 1000
"""Pictures are shrunk to this longer side: the card is not wide."""


@dataclass(frozen=True)
class Picture:
    """A picture beside a slide, small enough to be shown.

    Parameters
    ----------
    name
        What the file calls it, such as ``"macro"``.
    pixels
        uint8, shape (H, W, 3), RGB, rows without gaps; at most `PICTURE_PX` on a side.
    """

    name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class SlideCard:
    """What a user sees of a slide before opening it.

    Parameters
    ----------
    name
        The slide's name.
    path
        Where the file lies, or None for a slide in memory.
    rows
        Label and value of each fact.
    notes
        What a user should know, whole sentences.
    mpp_hint
        The µm/px and where it is from, for an empty field.
    step_hint
        The same of the distance of planes; None for a flat slide, which has no such field.
    picture
        The macro picture, or what comes next to it; None where there is none to be shown unasked.
    picture_note
        What to say below the picture, or in its place.
    private
        Name of the picture that can carry a patient's name, to be decoded by `read_private` when
        the user asks for it: the label, or a macro picture that shows it; None where there is none.
    has_profile
        Whether its colours can be shown as sRGB.
    """

    name: str
    path: Path | None
    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    mpp_hint: str
    step_hint: str | None
    picture: Picture | None
    picture_note: str
    private: str | None
    has_profile: bool


def read_card(path: Path) -> Generator[Progress[None], None, SlideCard]:
    """Read the card of a file, and close it again.

    Parameters
    ----------
    path
        Of a slide that `open_slide` reads.

    Raises
    ------
    FocusQCError
        See `open_slide`.
    """
    yield Progress(0, 0, f"reading {path.name}")
    with closing(open_slide(path)) as slide:
        yield Progress(0, 0, f"looking for a picture in {slide.name}")
        return slide_card(slide)


def card_of_slide(slide: Slide) -> Generator[Progress[None], None, SlideCard]:
    """Make the card of a slide that is open, and leave it open."""
    yield Progress(0, 0, f"looking for a picture in {slide.name}")
    return slide_card(slide)


def read_private(path: Path) -> Generator[Progress[None], None, Picture]:
    """Decode the picture that can carry a patient's name: only for a user who asked for it.

    Raises
    ------
    FocusQCError
        See `open_slide` and `associated_picture`.
    """
    yield Progress(0, 0, f"reading the label of {path.name}")
    with closing(open_slide(path)) as slide:
        name = _private(slide) or "label"
        return Picture(name, _small(associated_picture(slide, name, label=True)))


def slide_card(slide: Slide) -> SlideCard:
    """Return the card of an open slide, decoding no more than one picture.

    Parameters
    ----------
    slide
        Open.
    """
    known = dict(facts(slide))
    known["size"] = known["size"].replace(" (", "\n(")  # the card is not wide
    picture, note = _picture(slide)
    rows = [("name", slide.name), *((label, known[label]) for label in SHOWN if label in known)]
    return SlideCard(
        name=slide.name,
        path=slide.info.path,
        rows=tuple((_capital(label), value) for label, value in rows),
        notes=tuple(f"{_capital(text)}." for text in slide.info.notes),
        mpp_hint=resolution_in_words(slide) + ("; such as 0.25" if slide.mpp is None else ""),
        step_hint=_step_in_words(slide),
        picture=picture,
        picture_note=note,
        private=_private(slide),
        has_profile=slide.icc_profile is not None,
    )


def _private(slide: Slide) -> str | None:
    """Return the name of the picture to be asked for; a macro picture shows the label with it."""
    legible = [name for name in offered(slide) if may_show_label(slide, name)]
    return next(iter((*legible, *withheld(slide))), None)


def _picture(slide: Slide) -> tuple[Picture | None, str]:
    """Return the most telling picture that may be shown, and what to say of it."""
    names = offered(slide)
    shown = [name for name in names if not may_show_label(slide, name)]
    if not shown and names:
        return None, f"The label may be legible on its “{names[0]}”, so it is not shown unasked."
    if not shown:
        return None, "There is no macro picture and no thumbnail beside this slide."
    try:
        pixels = associated_picture(slide, shown[0])
    except AssociatedImageError as error:
        return None, f"{_capital(str(error))}."
    return Picture(shown[0], _small(pixels)), f"The file's picture “{shown[0]}”"


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture shrunk to `PICTURE_PX`, where it is larger."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((PICTURE_PX, PICTURE_PX))
    return np.ascontiguousarray(image, np.uint8)


def _step_in_words(slide: Slide) -> str | None:
    """Say how far neighbouring planes lie apart and where that is from; None for a flat slide."""
    if len(slide.z_um) == 1:
        return None
    if slide.info.z_source is None:
        return "not in the file; such as 1"
    steps = np.diff(slide.z_um)
    about = "" if np.allclose(steps, steps[0], rtol=1e-3) else "about "
    where = "from the file" if slide.info.z_source == "file" else "given"
    return f"{about}{steps.mean():.4g} ({where})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
