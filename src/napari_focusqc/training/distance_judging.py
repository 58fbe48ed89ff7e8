"""What weights of focus distances are worth, on images and through lenses they never saw.

Room: training. Everything here is simulated (`distance_scenes`), with lenses that training never
draws (`optics.lens_range.HELD_OUT`); published stacks are measured by the same figures.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.evaluation.focus_stacks import USUAL
from napari_focusqc.inference.device import usable_cores
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.lens_range import HELD_OUT, TRAINED
from napari_focusqc.progress import Progress
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.training.distance_pairs import Pairs, join_pairs
from napari_focusqc.training.distance_scenes import SceneKind, scene_pairs
from napari_focusqc.training.fields import Field

SCENES = 30
"""Simulated for each condition, always the same."""
LEAST_TILES = 9
"""Of a field at one height whose median counts."""
FAR_UM = 1.0
"""From here on a wrong sign is counted."""

LEARNED_SCANNERS = replace(
    CameraRange(), noise_scale=(0.003, 0.05), hue=(-0.3, 0.3), quality=(60, 95)
)
"""What networks learn from: noise as in most real fields, stains that stay recognisable."""
SHIFTED_STAINS = replace(USUAL, hue=(0.5, np.pi / 4), saturation=(0.5, 0.8))
"""Hues turned farther than any that was learned from: from pink and blue to orange and purple."""

Predict = Callable[[Pairs], NDArray[np.float32]]
"""From pairs to distances, µm."""


def learned_kind(tile_px: int, mpp: float, delta_um: float, reach_um: float) -> SceneKind:
    """Return the scenes that networks learn from."""
    return SceneKind(tile_px, mpp, delta_um, reach_um, TRAINED, LEARNED_SCANNERS)


def conditions(learned: SceneKind) -> dict[str, SceneKind]:
    """List what is measured, by the ending of its figures' names; the first is the usual.

    Parameters
    ----------
    learned
        The scenes that were learned from; tiles, µm/px, Δ and reach are theirs.
    """
    usual = replace(learned, lenses=HELD_OUT, scanners=USUAL)
    return {
        "": usual,
        "_jpeg95": replace(usual, scanners=replace(USUAL, quality=(95, 95))),
        "_jpeg70": replace(usual, scanners=replace(USUAL, quality=(70, 70))),
        "_thin": replace(usual, lenses=HELD_OUT.of_thickness(0.0, 0.5)),
        "_thick": replace(usual, lenses=HELD_OUT.of_thickness(4.0, 5.0)),
        "_stains": replace(usual, scanners=SHIFTED_STAINS),
    }


def unseen_pairs(
    fields: Sequence[Field], kind: SceneKind, seed: int
) -> Generator[Progress[None], None, Pairs]:
    """Make the scenes of one condition; conditions of one seed have all luck in common."""
    parts = []
    work = in_order(
        lambda number: scene_pairs(fields, kind, seed, number), range(SCENES), usable_cores()
    )
    for done, part in enumerate(work, 1):
        parts.append(part)
        yield Progress(done, SCENES, "making unseen pairs")
    return join_pairs(parts)


def judged(
    predict: Predict, fields: Sequence[Field], learned: SceneKind, seed: int
) -> Generator[Progress[None], None, tuple[dict[str, float], dict[str, Any]]]:
    """Measure a network under all conditions.

    Returns
    -------
    Figures by name, and tables for the weights' card.
    """
    figures: dict[str, float] = {}
    tables: dict[str, Any] = {}
    for ending, kind in conditions(learned).items():
        pairs = yield from unseen_pairs(fields, kind, seed)
        found = predict(pairs)
        figures |= {name + ending: value for name, value in errors(found, pairs).items()}
        tables = tables or by_distance(found, pairs)
    return figures, tables


def errors(found: NDArray[np.float32], pairs: Pairs) -> dict[str, float]:
    """Measure distances that were found.

    Parameters
    ----------
    found
        float32 (N,), µm.
    pairs
        Of which they were found.

    Returns
    -------
    Mean absolute error of a tile and of a field (the median of `LEAST_TILES` or more tiles, against
    the median of their true distances), µm; and, of tiles that are `FAR_UM` or more from focus, the
    share with the wrong sign. What there are no tiles for is left out.
    """
    true = pairs.distance_um
    figures = {"tile_error_um": float(np.abs(found - true).mean())}
    if (medians := _medians(found, pairs)).size:
        figures["field_error_um"] = float(np.abs(medians[:, 0] - medians[:, 1]).mean())
    far = np.abs(true) >= FAR_UM
    if far.any():
        figures["wrong_sign_share"] = float((found[far] * true[far] <= 0).mean())
    return {name: round(value, 5) for name, value in figures.items()}


def by_distance(found: NDArray[np.float32], pairs: Pairs) -> dict[str, Any]:
    """Return the v plot's table: what is said, and how far off it is, by true distance."""
    steps = np.rint(pairs.distance_um).astype(int)
    rows = [
        [
            int(step),
            round(float(np.median(found[steps == step])), 3),
            round(float(np.abs(found - pairs.distance_um)[steps == step].mean()), 3),
            int((steps == step).sum()),
        ]
        for step in np.unique(steps)
    ]
    columns = ["true, µm", "median found, µm", "mean absolute error, µm", "tiles"]
    return {"Distances of unseen tiles": {"columns": columns, "rows": rows}}


def _medians(found: NDArray[np.float32], pairs: Pairs) -> NDArray[np.float64]:
    """Return the median found and true distance of every field with enough tiles, (F, 2)."""
    fields, counts = np.unique(pairs.field, return_counts=True)
    whole = [pairs.field == field for field in fields[counts >= LEAST_TILES]]
    pairs_of = [(np.median(found[of]), np.median(pairs.distance_um[of])) for of in whole]
    return np.array(pairs_of, float).reshape(-1, 2)
