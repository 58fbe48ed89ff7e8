"""A figure laid out to the pixel: pictures, axes and lines of text, each at its place.

Room: evaluation. matplotlib's object interface on an Agg canvas; no state is shared, so figures
may be made in any thread. Lengths are hundredths of an inch from the top left.
"""

from dataclasses import dataclass, field
from math import floor, log10
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnchoredOffsetbox, AuxTransformBox, TextArea, VPacker
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

Style = Literal["title", "heading", "text", "note"]
INK, FAINT = "#1a1a1a", "#5c5c5c"

_DPI = 100
_STYLES: dict[Style, tuple[float, str, str]] = {
    "title": (14, "bold", INK),
    "heading": (10.5, "bold", INK),
    "text": (9.5, "normal", INK),
    "note": (9.5, "normal", FAINT),
}
_CHARACTER = {"bold": 0.96, "normal": 0.82}
"""Mean width of a character in hundredths of an inch per point of font size."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A figure to put pictures, axes and lines of text on.

    Parameters
    ----------
    width, height
        Size, hundredths of an inch.
    zoom
        Pixels per hundredth of an inch.
    """

    width: float
    height: float
    zoom: float
    figure: Figure = field(init=False)

    def __post_init__(self) -> None:
        size = (self.width / 100, self.height / 100)
        object.__setattr__(self, "figure", Figure(size, dpi=_DPI * self.zoom))
        FigureCanvasAgg(self.figure)

    def place(self, picture: NDArray[np.uint8], x: float, y: float) -> None:
        """Put pixels, uint8 (h, w, 3), into the figure one to one, top left corner at (x, y)."""
        bottom = round(self.height * self.zoom) - round(y * self.zoom) - picture.shape[0]
        self.figure.figimage(picture, round(x * self.zoom), bottom, origin="upper", zorder=-1)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Add see-through axes with their top left corner at (x, y)."""
        box = (
            x / self.width,
            1 - (y + height) / self.height,
            width / self.width,
            height / self.height,
        )
        return self.figure.add_axes(box, facecolor="none")

    def write(
        self, x: float, y: float, text: str, style: Style, right: float | None = None
    ) -> None:
        """Write one line, its middle at height y, shortened to end before `right`; a $ is a $.

        Without `right` it may reach to the edge of the figure.
        """
        size, weight, colour = _STYLES[style]
        room = int(((self.width if right is None else right) - x) / (size * _CHARACTER[weight]))
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            shortened(text, room),
            fontsize=size,
            fontweight=weight,
            color=colour,
            va="center",
            parse_math=False,
        )


def scale_bar(axes: Axes, shape: tuple[int, int], mpp: float) -> None:
    """Draw a bar of a round length, about a fifth of the longer side, at the bottom left.

    Parameters
    ----------
    axes
        In level-0 px.
    shape
        (height, width) of the slide, px.
    mpp
        Micrometres per pixel.
    """
    longest = max(shape)
    length = round_length(min(longest / 5, shape[1] * 0.6) * mpp)
    bar = AuxTransformBox(axes.transData)
    bar.add_artist(Rectangle((0, 0), length / mpp, longest * 0.004, color=INK, linewidth=0))
    label = TextArea(length_words(length), textprops={"color": INK, "fontsize": 9})
    packed = VPacker(children=[bar, label], align="center", pad=0, sep=4)
    box = AnchoredOffsetbox("lower left", pad=0.5, child=packed, frameon=True)
    box.patch.set(linewidth=0, alpha=0.88)
    axes.add_artist(box)


def round_length(um: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not above a length, µm."""
    power: float = 10.0 ** floor(log10(um))
    return max(step * power for step in (1, 2, 5) if step * power <= um * (1 + 1e-9))


def length_words(um: float) -> str:
    """Return a length for people, in mm from 1 mm on."""
    return f"{um / 1000:g} mm" if um >= 1000 else f"{um:g} µm"


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters, its middle left out where it is longer."""
    if len(text) <= longest:
        return text
    kept = max(longest - 1, 0)
    tail = kept - kept // 2
    return f"{text[: kept // 2]}…{text[len(text) - tail :]}"
