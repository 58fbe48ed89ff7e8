"""A slide's layer opened from a file, found again, and given other lengths.

Room: plugin. Changes napari's layers by the attributes of `slide_of_layer.ImageLayerView` only;
adding and removing them is the widgets' work.
"""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from math import copysign
from pathlib import Path
from typing import Any

from napari_focusqc.errors import MissingMppError, SettingsError
from napari_focusqc.plugin.layers import PIXEL, in_micrometres, slide_facts, slide_layers
from napari_focusqc.plugin.placing import METADATA_KEY, LayerData, lying_on, ours
from napari_focusqc.plugin.slide_of_layer import is_slide_layer, micrometres, slide_of_layer
from napari_focusqc.progress import Progress
from napari_focusqc.slides.given_slide import with_given
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.pyramid import read_overview
from napari_focusqc.slides.slide import Slide


@dataclass(frozen=True)
class OpenRequest:
    """What the user wants to open, and how.

    Parameters
    ----------
    path
        The slide's file or folder.
    mpp
        Micrometres per pixel of level 0, or None for the file's.
    z_step_um
        Distance of neighbouring planes, µm, or None for the file's.
    srgb
        Show the colours as sRGB by the slide's profile.
    """

    path: Path
    mpp: float | None = None
    z_step_um: float | None = None
    srgb: bool = False


def open_layer(request: OpenRequest) -> Generator[Progress[None], None, LayerData]:
    """Open a slide as the tuple of one layer, its coarsest level read already.

    Parameters
    ----------
    request
        What to open, and how.

    Raises
    ------
    FocusQCError
        See `open_slide` and `slide_layers`; nothing stays open then, nor when it is closed.
    """
    yield Progress(0, 0, f"opening {request.path.name}")
    slide = open_slide(request.path, mpp=request.mpp, z_step_um=request.z_step_um)
    with ExitStack() as unless_opened:
        unless_opened.callback(slide.close)
        ((levels, keywords, kind),) = slide_layers(slide, srgb=request.srgb)
        levels = yield from read_overview(levels)
        unless_opened.pop_all()
    return levels, keywords, kind


def layer_of_file(layers: Iterable[Any], path: Path) -> Any:
    """Return the layer of ours that shows a file already, or None.

    Parameters
    ----------
    layers
        Of the viewer.
    path
        The file, by whatever way it is reached.
    """
    for layer in layers:
        slide = ours(layer).get("slide")
        if slide is None or slide.info.path is None or not is_slide_layer(layer):
            continue
        if slide.info.path.resolve() == path.resolve():
            return layer
    return None


def file_behind(layer: Any) -> str | None:
    """Return the path that another reader opened a layer from, or None where it is not known."""
    path = None if METADATA_KEY in layer.metadata else layer.source.path
    return None if path is None else str(path)


def show_colours(layer: Any, *, srgb: bool) -> None:
    """Show the colours of a slide of ours as sRGB or as they are stored, in place.

    Parameters
    ----------
    layer
        Found by `layer_of_file`.
    srgb
        As in `slide_layers`.

    Raises
    ------
    ColourProfileError
        See `Slide.pyramid`; nothing is changed then.
    """
    known = ours(layer)
    facts = slide_facts(known["slide"], srgb=srgb)
    if known["colours"] != facts["colours"]:
        layer.data = known["slide"].pyramid(srgb=srgb)
        layer.metadata = {**layer.metadata, METADATA_KEY: facts}


def give_lengths(layer: Any, mpp: float | None, z_step_um: float | None = None) -> Slide:
    """Give a slide's layer the µm/px and distance of planes that the user knows, in place.

    A slide of ours takes them into its metadata, and any layer into its scale and units, so that
    `slide_of_layer` finds them.

    Parameters
    ----------
    layer
        Of a slide, whoever opened it.
    mpp
        Micrometres per pixel of level 0, 0.01 to 100; None leaves what is known.
    z_step_um
        Distance of neighbouring planes, µm, above 0; None leaves what is known.

    Returns
    -------
    The slide as it is now.

    Raises
    ------
    NotASlideError
        See `slide_of_layer`.
    SettingsError
        A length is out of range, or a flat slide is given a distance of planes.
    MissingMppError
        `mpp` is None and not known.
    """
    slide = with_given(slide_of_layer(layer), mpp=mpp, z_step_um=z_step_um)
    if slide.mpp is None:
        raise MissingMppError(f"the µm/px of {slide.name} is not known; give it, such as 0.25")
    if known := ours(layer):
        facts = slide_facts(slide) | {"colours": known["colours"]}
        layer.metadata = {**layer.metadata, METADATA_KEY: facts}
    _place(layer, slide, slide.mpp)
    return slide


def check_company(layers: Iterable[Any], layer: Any) -> None:
    """Refuse to bring a layer from pixels into µm where drawings in pixels would be left behind.

    Parameters
    ----------
    layers
        Of the viewer.
    layer
        The slide's layer; what lies on it moves with it, and other slides have lengths of
        their own.

    Raises
    ------
    SettingsError
        There are such drawings.
    """
    if not in_pixels(layer):
        return
    moving = [layer, *lying_on(layers, layer)]
    left = [
        other.name
        for other in layers
        if in_pixels(other) and other not in moving and not is_slide_layer(other)
    ]
    if left:
        raise SettingsError(
            f"“{layer.name}” would go from pixels to µm and leave {', '.join(left)} behind; give "
            "those a scale and units first, or remove them"
        )


def in_pixels(layer: Any) -> bool:
    """Say whether a layer has no lengths."""
    return str(layer.units[-1]) == PIXEL


def _place(layer: Any, slide: Slide, mpp: float) -> None:
    """Put a layer into µm; where the user moved or mirrored it to stays, turned into µm.

    The planes of another reader's layer stay where they are while nobody knows their heights:
    the layer's own scale is all that is known of it, and would then claim them.
    """
    keywords = in_micrometres(slide, mpp)
    unsaid = METADATA_KEY not in layer.metadata and slide.info.z_source is None
    scale, heights, units = keywords["scale"], keywords["translate"][:-2], keywords["units"]
    if unsaid:
        scale, heights, units = scale[-2:], (), units[-2:]
    length = micrometres(layer.units[-1])
    factor = mpp / abs(float(layer.scale[-1])) if length is None else length
    moved = [float(way) * factor for way in layer.translate[-2:]]
    axes = len(scale)
    signed = [copysign(new, old) for new, old in zip(scale, layer.scale[-axes:], strict=True)]
    layer.scale = (*layer.scale[:-axes], *signed)
    layer.translate = (*layer.translate[:-axes], *heights, *moved)
    layer.units = (*layer.units[:-axes], *units)
