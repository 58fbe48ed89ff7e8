"""Whether the channels of an OME-Zarr image are the colours of a stained slide.

Room: slides. Pure functions over the ``omero`` part of the metadata; writers need not fill it in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.zarr.folder import one_line

_RGB_LABELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_ALPHA_LABELS = ("a", "alpha")
_BRIGHT = 128
_HEX_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Channel:
    """How one channel is to be shown.

    Parameters
    ----------
    label
        Its name, lower case; empty where it has none.
    colour
        Red, green and blue, 0…255; None where it has none.
    """

    label: str
    colour: tuple[int, int, int] | None


def read_channels(omero: object) -> tuple[Channel, ...]:
    """Read the ``omero`` part of the metadata; empty where it is missing or no list."""
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list):
        return ()
    return tuple(_channel(entry if isinstance(entry, dict) else {}) for entry in channels)


def _channel(entry: dict[str, Any]) -> Channel:
    """Read one channel."""
    label, text = entry.get("label"), entry.get("color")
    colour = None
    digits = text.removeprefix("#")[:_HEX_DIGITS] if isinstance(text, str) else ""
    if len(digits) == _HEX_DIGITS and all(digit in "0123456789abcdefABCDEF" for digit in digits):
        red, green, blue = bytes.fromhex(digits)
        colour = (red, green, blue)
    return Channel(one_line(label).lower() if isinstance(label, str) else "", colour)


def check_channels(count: int, channels: Sequence[Channel], name: str) -> None:
    """Refuse channels that are not grey, RGB or RGBA.

    Three are taken for RGB unless the metadata gives them other colours: one colour for all, or
    none, is what writers put who know only that there are three.

    Parameters
    ----------
    count
        How many the arrays have.
    channels
        What the metadata says of them.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        Naming their colours, or how many there are.
    """
    said = channels if len(channels) == count else ()
    if count == 1 or (count == 3 and _is_rgb(said)):
        return
    if count == 4 and len(said) == 4 and said[3].label in _ALPHA_LABELS and _is_rgb(said[:3]):
        return
    if count == 3:
        shown = ", ".join(_in_words(channel) for channel in said)
        raise NotASlideError(
            f"the three channels of {name} are shown as {shown}, not as red, green and blue; "
            "a slide needs RGB or one grey channel"
        )
    raise NotASlideError(
        f"{name} has {count} separate channels; a slide needs RGB or one grey channel"
    )


def _is_rgb(said: Sequence[Channel]) -> bool:
    """Say whether nothing contradicts that three channels are red, green and blue."""
    if said and all(
        channel.label in words for channel, words in zip(said, _RGB_LABELS, strict=True)
    ):
        return True
    if len({channel.colour for channel in said}) <= 1:
        return True
    return all(
        channel.colour is None
        or [part >= _BRIGHT for part in channel.colour] == [place == i for i in range(3)]
        for place, channel in enumerate(said)
    )


def _in_words(channel: Channel) -> str:
    """Return a channel's colour, and its name where it has one."""
    colour = "no colour" if channel.colour is None else "#" + bytes(channel.colour).hex().upper()
    return f"{colour} ({channel.label})" if channel.label else colour
