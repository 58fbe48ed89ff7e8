"""Points layers as nuclei to be compared, and what came out as points again.

Room: plugin. Any points layer will do whose axes are lengths; napari itself is not imported.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import MissingMppError
from napari_focusqc.evaluation.nucleus_comparison import Comparison, Nuclei, compare
from napari_focusqc.evaluation.nucleus_sheet import EXTRA_COLOUR, MATCHED_COLOUR, MISSED_COLOUR
from napari_focusqc.evaluation.nucleus_truth import read_truth, within
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.placing import METADATA_KEY, UM, LayerData, level0_to_world, ours
from napari_focusqc.plugin.slide_of_layer import micrometres
from napari_focusqc.progress import Progress

SIZE_UM = 7.0
"""Of a mark: a nucleus is 5 to 10 µm wide, and is to be seen inside."""
RING_UM = 16.0
"""Around the error that is looked at."""
_CLEAR = "#00000000"
KINDS = {
    "matched": (MATCHED_COLOUR, "disc"),
    "false positives": (EXTRA_COLOUR, "square"),
    "false negatives": (MISSED_COLOUR, "diamond"),
}
"""Colours of Okabe and Ito, and a shape each, so that no one needs the colours."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Found nuclei, and the truth to hold them against.

    Parameters
    ----------
    found
        The found ones.
    found_px
        float64 (N, 2), the same in the px of their layer.
    to_um
        float64 (3, 3), homogeneous: from such px to µm.
    slide
        Name of the slide they are of, as far as is known.
    truth
        The true ones, or a file of them whose px are those of the found ones' layer.
    """

    found: Nuclei
    found_px: NDArray[np.float64]
    to_um: NDArray[np.float64]
    slide: str
    truth: Nuclei | Path


def asked(found: Any, truth: Any) -> Asked:
    """Read what is to be compared off its layers.

    Parameters
    ----------
    found
        Points layer; a feature ``peak`` gives a curve, and points that are not shown do not count.
    truth
        Points layer, or the path of a file that `read_truth` reads.

    Raises
    ------
    MissingMppError
        A layer lies in pixels.
    """
    others = truth if isinstance(truth, Path) else nuclei_of(truth)
    nuclei, to_um = nuclei_of(found), _to_um(found)
    source = ours(found).get("source")
    slide = str(found.name) if source is None else source.slide
    return Asked(nuclei, _plane(found), to_um, slide, others)


def nuclei_of(layer: Any) -> Nuclei:
    """Return the points of a layer, (y, x) alone where it has more axes, where they are in µm.

    Raises
    ------
    MissingMppError
        It lies in pixels.
    """
    peaks = layer.features.get("peak")
    return Nuclei(
        _moved(_plane(layer), _to_um(layer)),
        None if peaks is None else np.asarray(peaks, np.float64),
        np.broadcast_to(np.asarray(layer.shown, bool), len(layer.data)).copy(),
    )


def compared(work: Asked, radius_px: float) -> Generator[Progress[None], None, Comparison]:
    """Read the truth where it is a file, and compare.

    A label image covers a part of the slide: found nuclei beyond it do not count.

    Parameters
    ----------
    work
        From `asked`.
    radius_px
        As for `compare`.

    Raises
    ------
    FocusQCError
        The file cannot be read, or there is nothing to compare.
    """
    found, truth = work.found, work.truth
    if isinstance(truth, Path):
        yield Progress(0, 0, "reading the truth")
        read = read_truth(truth, work.slide)
        region = None if read.shape is None else Region(0, 0, *read.shape)
        inside = within(work.found_px, region)
        shown = inside if found.shown is None else found.shown & inside
        found = replace(found, shown=shown)
        truth = Nuclei(_moved(read.centres, work.to_um))
    return (yield from compare(found, truth, radius_px))


def comparison_points(comparison: Comparison) -> dict[str, NDArray[np.float64]]:
    """Return the points of each of `KINDS`, float64 (N, 2), µm."""
    errors = comparison.errors
    places = (comparison.matched_um, *(errors.only(found=f).centres for f in (True, False)))
    return dict(zip(KINDS, places, strict=True))


def comparison_layer(kind: str, points_um: NDArray[np.float64], name: str) -> LayerData:
    """Show one of `KINDS`.

    Parameters
    ----------
    kind
        Its name.
    points_um
        float64 (N, 2), µm.
    name
        Of the layer that was evaluated.
    """
    colour, symbol = KINDS[kind]
    keywords = _in_um() | {
        "name": f"{name} · {kind}",
        "face_color": _CLEAR,
        "border_color": colour,
        "border_width": 0.15,
        "symbol": symbol,
        "size": SIZE_UM,
    }
    return points_um, keywords, "points"


def ring_layer(place_um: tuple[float, float]) -> LayerData:
    """Show a ring around one place, µm."""
    keywords = _in_um() | {
        "name": "error looked at",
        "face_color": _CLEAR,
        "border_color": "#f0e442",
        "border_width": 0.12,
        "symbol": "disc",
        "size": RING_UM,
    }
    return np.array([place_um], np.float64), keywords, "points"


def is_ours(layer: Any) -> bool:
    """Say whether a layer was made here, so that nobody takes it for found or true nuclei."""
    return ours(layer).get("layer") == "comparison"


def _in_um() -> dict[str, Any]:
    return {
        "scale": (1.0, 1.0),
        "units": (UM, UM),
        "axis_labels": ("y", "x"),
        "ndim": 2,
        "metadata": {METADATA_KEY: {"layer": "comparison"}},
    }


def _plane(layer: Any) -> NDArray[np.float64]:
    """Return a layer's points along its last two axes, float64 (N, 2)."""
    return np.asarray(layer.data, np.float64)[:, -2:]


def _to_um(layer: Any) -> NDArray[np.float64]:
    """Return how a layer's (y, x) become µm, float64 (3, 3)."""
    lengths = [micrometres(unit) for unit in layer.units[-2:]]
    if None in lengths:
        raise MissingMppError(
            f"the layer “{layer.name}” lies in pixels, so no distance in it is known in µm; open "
            "its slide with its µm per pixel, or give the layer a scale and units"
        )
    matrix: NDArray[np.float64] = np.diag([*map(float, lengths), 1.0]) @ level0_to_world(layer)  # type: ignore[arg-type]
    return matrix


def _moved(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved
