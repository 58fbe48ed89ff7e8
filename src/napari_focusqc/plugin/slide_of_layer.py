"""The slide behind a layer, whoever opened it, or one sentence why there is none.

Room: plugin. Knows napari's layers only by the attributes it reads.
"""

from collections.abc import Mapping
from math import isclose, sqrt
from typing import Any, Protocol

from napari_focusqc.errors import NotASlideError
from napari_focusqc.plugin.placing import ours
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.resolution import MPP_RANGE
from napari_focusqc.slides.slide import Slide


class ImageLayerView(Protocol):
    """What this room asks of a napari image layer."""

    name: str
    data: Any
    multiscale: bool
    rgb: bool
    scale: Any
    units: tuple[Any, ...]
    metadata: Mapping[str, Any]


def is_slide_layer(layer: Any) -> bool:
    """Say whether a layer may be scored: a colour image of 8 bits, whoever opened it."""
    return bool(getattr(layer, "rgb", False)) and str(layer.dtype) == "uint8"


def slide_of_layer(layer: ImageLayerView) -> Slide:
    """Return the open slide in a layer's metadata, or the layer's own pixels as a slide.

    Parameters
    ----------
    layer
        An image layer; its scale counts as µm/px only where its units are lengths.

    Raises
    ------
    NotASlideError
        The layer is no colour image of 8 bits, or has more axes than (z, y, x).
    """
    slide: Slide | None = ours(layer).get("slide")
    if slide is not None:
        return slide
    if not layer.rgb:
        raise NotASlideError(
            f"the layer “{layer.name}” has no colours; choose an RGB image, as stained slides are"
        )
    levels = list(layer.data) if layer.multiscale else [layer.data]
    return ArraySlide(levels, layer_mpp(layer), layer.name, layer_heights(layer, levels[0].shape))


def layer_mpp(layer: ImageLayerView) -> float | None:
    """Return a layer's µm per pixel, or None where its units are no lengths.

    A length that no slide can have, such as that of 72 dpi or of pixels called nm, is None too:
    it is nobody's measurement, and the user is asked for it.

    Raises
    ------
    NotASlideError
        The pixels are not square.
    """
    sides = [
        abs(float(step)) * factor
        for step, factor in zip(layer.scale[-2:], map(micrometres, layer.units[-2:]), strict=True)
        if factor is not None
    ]
    if len(sides) < 2:
        return None
    if not isclose(*sides, rel_tol=0.02):
        raise NotASlideError(
            f"the pixels of “{layer.name}” are {sides[0]:.4g} × {sides[1]:.4g} µm; a slide needs "
            "square ones"
        )
    mpp = sqrt(sides[0] * sides[1])
    low, high = MPP_RANGE
    return mpp if low <= mpp <= high else None


def layer_heights(layer: ImageLayerView, shape: tuple[int, ...]) -> list[float] | None:
    """Return the height of each plane of a layer, µm, or None where it does not say.

    Parameters
    ----------
    layer
        An image layer; its scale along z counts as a height only where its unit is a length.
    shape
        Of its finest level, (H, W, 3) or (Z, H, W, 3), px.
    """
    if len(shape) < 4 or len(layer.scale) < 3:
        return None
    factor, step = micrometres(layer.units[-3]), abs(float(layer.scale[-3]))
    return None if factor is None else [plane * step * factor for plane in range(shape[0])]


def micrometres(unit: Any) -> float | None:
    """Return how many µm a pint unit is, or None where it is no length.

    Parameters
    ----------
    unit
        A `pint.Unit`, as napari's layers carry them.
    """
    metre = (1 * unit).to_base_units()
    return float(metre.magnitude) * 1e6 if str(metre.units) == "meter" else None
