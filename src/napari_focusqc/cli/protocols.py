"""The protocols of `focusqc evaluate`: which tiles each wants, and which figures it takes of them.

Room: cli. Loads torch; imported only when something is measured.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.convfocus_protocol import (
    class_figures,
    convfocus_figures,
    grade_of_class,
)
from napari_focusqc.evaluation.curves import write_roc, write_v_plot
from napari_focusqc.evaluation.deepfocus_protocol import deepfocus_figures
from napari_focusqc.evaluation.figures_table import Figures
from napari_focusqc.evaluation.focus_stacks import SCANNERS, field_stacks, make_stacks
from napari_focusqc.evaluation.focuslitenn_protocol import focuslitenn_figures
from napari_focusqc.evaluation.scored_tiles import ScoredTiles
from napari_focusqc.evaluation.shift_protocol import ShiftFigures, ShiftRow, scanners_of_changes
from napari_focusqc.evaluation.stack_folder import find_planes, v_figures
from napari_focusqc.evaluation.stack_protocol import stack_figures, v_curve
from napari_focusqc.models.card import Weights
from napari_focusqc.pipeline import score_image
from napari_focusqc.progress import Progress
from napari_focusqc.settings.measuring import EvaluateSettings
from napari_focusqc.training.crops import make_crops
from napari_focusqc.training.field_images import SUFFIXES, read_image
from napari_focusqc.training.fields import Field
from napari_focusqc.training.judging import judged_scores
from napari_focusqc.training.kinds import BOKEH

Plot = Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and how.

    Parameters
    ----------
    weights
        The weights.
    network
        Theirs, ready to score.
    settings
        With the weights' own µm/px.
    """

    weights: Weights
    network: Any
    settings: EvaluateSettings

    def score(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Score tiles, uint8 (N, tile, tile, 3) → float64 (N,), NaN where the weights abstain."""
        card = self.weights.card
        return judged_scores(self.network, images, card.mpp, card.min_structure)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a protocol gave.

    Parameters
    ----------
    figures
        Name to figures.
    tiles
        All tiles that were scored.
    truth_name
        What their truth is, with its unit, for the head of a column.
    plots
        File name to what draws it.
    notes
        What a reader must know, one sentence each.
    labels
        Further columns for the tiles.
    """

    figures: Mapping[str, Figures]
    tiles: ScoredTiles
    truth_name: str
    plots: Mapping[str, Plot]
    notes: tuple[str, ...] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


def measure_fields(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Run the protocol of the settings on sharp fields that no weights were trained on.

    Raises
    ------
    EvaluationError
        There is too little to measure, or the weights lack a threshold that is needed.
    """
    protocols: dict[str, Callable[[Bench, Sequence[Field]], Measured]] = {
        "stack": _stack,
        "focuslitenn": _focuslitenn,
        "deepfocus": _deepfocus,
        "convfocus": _convfocus,
        "shift": _shift,
    }
    return protocols[bench.settings.protocol](bench, fields)


def measure_folder(weights: Weights, settings: EvaluateSettings) -> Measured:
    """Score each plane of a real stack as a slide is scored, whole tiles, glass and all.

    Raises
    ------
    FocusQCError
        There is no stack in the folder, or an image of it cannot be read.
    """
    planes = find_planes(settings.data, frozenset(SUFFIXES))
    scores: list[NDArray[np.float64]] = []
    for plane in planes:
        focus_map = score_image(
            read_image(plane.path)[0],
            mpp=settings.mpp,
            model=weights.model.name,
            weights=settings.weights,
            tissue="none",
        )
        scores.append(focus_map.scores.ravel().astype(np.float64))
    counts = [len(each) for each in scores]
    z = np.repeat([plane.z for plane in planes], counts)
    tiles = ScoredTiles(np.concatenate(scores), z, np.repeat(np.arange(len(planes)), counts))
    curve, name = v_curve(tiles), weights.card.name
    return Measured(
        {"vplot": v_figures(curve, len(planes) - len(curve.z))},
        tiles,
        "plane",
        {"v-plot.png": partial(write_v_plot, curves={name: curve}, z_label="plane")},
    )


def _stack(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Measure simulated stacks by distance."""
    tiles = _stack_tiles(bench, fields)
    curves = {bench.weights.card.name: v_curve(tiles)}
    plots: dict[str, Plot] = {"v-plot.png": partial(write_v_plot, curves=curves)}
    return Measured({"stack": stack_figures(tiles)}, tiles, "z_um", plots)


def _focuslitenn(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Measure simulated stacks as FocusLiteNN's paper does."""
    tiles = _stack_tiles(bench, fields)
    found = focuslitenn_figures(tiles)
    plots: dict[str, Plot] = {
        "roc.png": partial(write_roc, curves={bench.weights.card.name: found.roc})
    }
    return Measured({"focuslitenn": found}, tiles, "z_um", plots)


def _deepfocus(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Measure verdicts on simulated stacks as DeepFocus's paper does."""
    given, card = bench.settings.threshold, bench.weights.card
    threshold = card.threshold if given is None else given
    if threshold is None:
        raise EvaluationError(
            f"{card.name} has no threshold, and deepfocus measures verdicts; give one "
            "(--threshold), or choose the protocol stack or focuslitenn"
        )
    tiles = _stack_tiles(bench, fields)
    found = deepfocus_figures(tiles, threshold)
    plots: dict[str, Plot] = {"roc.png": partial(write_roc, curves={card.name: found.roc})}
    note = "The simulated stacks are the same above and below focus, so ±Ω is one offset."
    return Measured({"deepfocus": found}, tiles, "z_um", plots, (note,))


def _convfocus(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Measure crops of known class as ConvFocus's paper measures graded tiles."""
    settings, tile_px = bench.settings, bench.weights.model.tile_px
    work = make_crops(fields, settings.crops, settings.mpp, tile_px, settings.seed, BOKEH)
    crops = run_with_bar(work, "crops")
    scores, unknown = bench.score(crops.images), np.zeros(settings.crops, np.int64)
    classes = ScoredTiles(scores, crops.classes.astype(np.float64), unknown)
    graded = ScoredTiles(scores, grade_of_class(crops.classes), unknown)
    return Measured(
        {
            "convfocus": convfocus_figures(graded, settings.seed, settings.tiles_per_grade),
            "true_class": class_figures(classes),
        },
        classes,
        "oof_class",
        {},
        (
            "No pathologist graded these crops: the grade stands in for one, and is the true class "
            "× 6/29 to the nearest half point.",
        ),
    )


def _shift(bench: Bench, fields: Sequence[Field]) -> Measured:
    """Measure stacks under each change, data set by data set."""
    rows: list[ShiftRow] = []
    parts: list[ScoredTiles] = []
    labels: dict[str, list[str]] = {"data_set": [], "change": []}
    plots: dict[str, Plot] = {}
    names = tuple(dict.fromkeys(field.data_set for field in fields))
    for number, name in enumerate(names):
        numbered = [(n, each) for n, each in enumerate(fields) if each.data_set == name]
        scored = run_with_bar(_changed_tiles(bench, numbered), f"stacks of {name}")
        curves = {change: v_curve(tiles) for change, tiles in scored.items()}
        plots[f"v-plot-{number + 1}.png"] = partial(write_v_plot, curves=curves)
        for change, tiles in scored.items():
            rows.append(ShiftRow(name, change, stack_figures(tiles)))
            parts.append(tiles)
            labels["data_set"] += [name] * len(tiles.scores)
            labels["change"] += [change] * len(tiles.scores)
    drawn = ", ".join(f"v-plot-{n + 1}.png: {name}" for n, name in enumerate(names))
    return Measured(
        {"shift": ShiftFigures(tuple(rows))},
        _joined(parts),
        "z_um",
        plots,
        (f"Plots, if written: {drawn}.",),
        labels,
    )


def _changed_tiles(
    bench: Bench, fields: Sequence[tuple[int, Field]]
) -> Generator[Progress[None], None, dict[str, ScoredTiles]]:
    """Make and score the stacks of one data set under every change, one field at a time."""
    settings, tile_px = bench.settings, bench.weights.model.tile_px
    changes = scanners_of_changes(SCANNERS[settings.scanners])
    parts: dict[str, list[ScoredTiles]] = {change: [] for change in changes}
    for done, (number, each) in enumerate(fields):
        seed, ranges = (settings.seed, number), list(changes.values())
        stacks = field_stacks(each.pixels, settings.mpp, tile_px, seed, ranges)
        for change, stack in zip(changes, stacks, strict=True):
            if len(stack.z_um):
                scores = bench.score(stack.images)
                parts[change].append(ScoredTiles(scores, stack.z_um, stack.field, stack.radius_um))
        yield Progress(done + 1, len(fields), "scoring stacks")
    if not parts["plain"]:
        raise EvaluationError(
            f"no tile of {tile_px} px in the images of {fields[0][1].data_set} has structure; give "
            "images with tissue in them"
        )
    return {change: _joined(tiles) for change, tiles in parts.items()}


def _stack_tiles(bench: Bench, fields: Sequence[Field]) -> ScoredTiles:
    """Make simulated stacks and score them."""
    settings, tile_px = bench.settings, bench.weights.model.tile_px
    pixels, scanners = [each.pixels for each in fields], SCANNERS[settings.scanners]
    work = make_stacks(pixels, settings.mpp, tile_px, settings.seed, scanners)
    stacks = run_with_bar(work, "stacks")
    return ScoredTiles(bench.score(stacks.images), stacks.z_um, stacks.field, stacks.radius_um)


def _joined(parts: Sequence[ScoredTiles]) -> ScoredTiles:
    """Put tiles together."""
    return ScoredTiles(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.truth for part in parts]),
        np.concatenate([part.field for part in parts]),
        np.concatenate([part.radius_um for part in parts if part.radius_um is not None]),
    )
