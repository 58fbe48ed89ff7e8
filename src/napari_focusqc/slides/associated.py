"""The pictures beside a slide, and which of them are shown without being asked for.

Room: slides. A label can carry a patient's name, so it is withheld unless somebody asks for it by
its name.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import AssociatedImageError
from napari_focusqc.slides.slide import Slide

MOST_ASSOCIATED_PX = 100_000_000
"""A picture beside a slide that claims more pixels is not decoded."""

_BEST_FIRST = ("macro", "overview", "thumbnail")
_LABEL = "label"

WHOLE_GLASS = ("macro", "overview")
"""Pictures of the whole glass, with the paper label that is glued to it."""

DARK_LABELS = ("aperio",)
"""Makers whose pictures of the glass are lit from below, so that the label on them is black. That
of a Hamamatsu slide can be read like the label itself, and nobody promises better of the others."""


def is_withheld(name: str) -> bool:
    """Say whether a picture may carry a patient's name, by its own name."""
    return _LABEL in name.lower()


def may_show_label(slide: Slide, name: str) -> bool:
    """Say whether the label may be legible on a picture that is no label by its name."""
    return name.lower() in WHOLE_GLASS and (slide.info.vendor or "").lower() not in DARK_LABELS


def offered(slide: Slide) -> tuple[str, ...]:
    """Return the names of the pictures that are no label by their names.

    The label may still be legible on one, see `may_show_label`. The most telling stands first: the
    macro picture of the whole glass, then a thumbnail.
    """
    names = [name for name in slide.info.associated if not is_withheld(name)]
    rank = {name: place for place, name in enumerate(_BEST_FIRST)}
    return tuple(sorted(names, key=lambda name: rank.get(name.lower(), len(rank))))


def withheld(slide: Slide) -> tuple[str, ...]:
    """Return the names of the pictures that are not."""
    return tuple(name for name in slide.info.associated if is_withheld(name))


def associated_picture(slide: Slide, name: str, *, label: bool = False) -> NDArray[np.uint8]:
    """Decode a picture beside a slide.

    Parameters
    ----------
    slide
        Open.
    name
        One of `slide.info.associated`.
    label
        Whether a label may be shown.

    Returns
    -------
    uint8, shape (H, W, 3), RGB.

    Raises
    ------
    AssociatedImageError
        It is a label and `label` is False, there is none of this name, it is too large, or it
        cannot be decoded.
    """
    if is_withheld(name) and not label:
        raise AssociatedImageError(
            f"the picture “{name}” of {slide.name} is withheld, since it can carry a patient's "
            "name; ask for the label to see it"
        )
    return slide.associated_image(name)


def no_picture(name: str, names: Sequence[str], slide_name: str) -> AssociatedImageError:
    """Return the refusal of a name that no picture has, naming those there are."""
    there_are = f"there are: {', '.join(names)}" if names else "it has none"
    return AssociatedImageError(f"{slide_name} has no picture {name!r}; {there_are}")


def check_picture_size(name: str, shape: tuple[int, int], slide_name: str) -> None:
    """Refuse a picture that would need a monstrous buffer.

    Parameters
    ----------
    name
        Of the picture.
    shape
        (height, width) that its header claims, px.
    slide_name
        Of the slide.

    Raises
    ------
    AssociatedImageError
        It claims more than `MOST_ASSOCIATED_PX`.
    """
    if shape[0] * shape[1] > MOST_ASSOCIATED_PX:
        raise AssociatedImageError(
            f"the picture “{name}” of {slide_name} claims {shape[1]} × {shape[0]} px, too large to "
            "be shown; leave it out"
        )
