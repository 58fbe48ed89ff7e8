"""Where data lie over a slide: put there, found again, put there again.

Room: plugin. napari puts the centre of pixel (0, 0) at a layer's `translate`, so a slide's pixel
(y, x) lies at (y · mpp, x · mpp) µm and its outer corner half a pixel before 0. What lies on a
slide's layer says so in its metadata, whatever kind it is of, and moves with it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

LayerData = tuple[Any, dict[str, Any], str]

METADATA_KEY = "napari-focusqc"
UM = "µm"
_PLACING = ("scale", "translate", "affine", "units")


class LayerView(Protocol):
    """What this room asks of a slide's layer: which it is, how it places its pixels."""

    ndim: int
    units: tuple[Any, ...]
    unique_id: Any

    def data_to_world(self, position: Any) -> Any:
        """Return the world coordinates of a position in level-0 pixel centres."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where the two axes of data lie on a slide.

    Parameters
    ----------
    mpp
        Micrometres per pixel of level 0, which counts where there is no layer of the slide.
    step_px
        Level-0 px of one step of the data.
    first_px
        Level-0 pixel centres (y, x) of the data's (0, 0).
    """

    mpp: float
    step_px: float = 1.0
    first_px: tuple[float, float] = (0.0, 0.0)


def over_slide(place: Place, on: LayerView | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that put data over a slide, and the metadata that say so.

    Parameters
    ----------
    place
        Where they lie on the slide.
    on
        The slide's layer, wherever the user moved, turned or scaled it; without one they lie in µm
        where `slide_layers` puts the slide, and move with nothing.
    facts
        What else travels in the metadata; ``"layer"`` says the kind.
    """
    lies = {} if on is None else {"lies_on": str(on.unique_id)}
    metadata = {METADATA_KEY: {"place": place, **lies, **facts}}
    return placed(place, on) | {"axis_labels": ("y", "x"), "metadata": metadata}


def placed(place: Place, on: LayerView | None) -> dict[str, Any]:
    """Return scale, translate, affine and units that put data over a slide.

    Parameters
    ----------
    place, on
        As in `over_slide`.
    """
    to_world = np.diag([place.mpp, place.mpp, 1.0]) if on is None else level0_to_world(on)
    units = (UM, UM) if on is None else tuple(str(unit) for unit in on.units[-2:])
    (y, x), step = place.first_px, place.step_px
    matrix = to_world @ np.array([[step, 0, y], [0, step, x], [0, 0, 1]])
    if matrix[0, 1] == 0 == matrix[1, 0]:
        scale, translate, affine = np.diag(matrix)[:2], matrix[:2, 2], np.eye(3)
    else:
        scale, translate, affine = np.ones(2), np.zeros(2), matrix
    return dict(zip(_PLACING, (scale, translate, affine, units), strict=True))


def level0_to_world(layer: LayerView) -> NDArray[np.float64]:
    """Return how a layer places its planes: level-0 pixel centres (y, x) to world (y, x).

    Returns
    -------
    float64 (3, 3), homogeneous, in the layer's own units.
    """
    before = [0.0] * (layer.ndim - 2)
    origin, down, right = (
        np.asarray(layer.data_to_world([*before, *point]), float)[-2:]
        for point in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    matrix = np.eye(3)
    matrix[:2] = np.column_stack([down - origin, right - origin, origin])
    return matrix


def ours(layer: Any) -> Mapping[str, Any]:
    """Return what this package wrote into a layer's metadata; nothing where it is not ours."""
    found = layer.metadata.get(METADATA_KEY, {})
    return found if isinstance(found, Mapping) else {}


def lying_on(layers: Iterable[Any], layer: Any) -> Iterator[Any]:
    """Yield the layers that lie on a slide's layer: maps, nuclei, frames."""
    for other in layers:
        if ours(other).get("lies_on") == str(layer.unique_id):
            yield other


def lay_again(layers: Iterable[Any], layer: Any) -> None:
    """Lay all that lies on a slide's layer over it again, once it has another scale."""
    for other in lying_on(layers, layer):
        for name, value in placed(ours(other)["place"], layer).items():
            setattr(other, name, value)


def fill_again(layer: Any, layer_data: LayerData) -> None:
    """Give a layer other data, with their place, their name and the facts of them.

    Its look stays as the user made it, but for the limits of its colours.
    """
    data, keywords, _ = layer_data
    layer.data = data
    for name in ("name", "metadata", "contrast_limits", *_PLACING):
        if name in keywords:
            setattr(layer, name, keywords[name])
