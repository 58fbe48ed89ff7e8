"""`focusqc evaluate`: how a model does on images it never saw.

Room: cli.
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.models.card import Weights, WeightsCard
from napari_focusqc.settings.measuring import EvaluateSettings

if TYPE_CHECKING:
    from napari_focusqc.cli.protocols import Measured

_ON_STACKS = ("stack", "focuslitenn", "deepfocus", "shift")
"""Protocols on simulated stacks, where it matters what scanners are drawn from."""


def evaluate(arguments: argparse.Namespace) -> None:
    """Measure a model by one of several protocols, on images kept out of its training.

    Most blur those images themselves: a lens out of focus by 0 to 6 µm (wave optics, NA 0.65 to
    0.8), then a scanner drawn for each image (noise, sharpening, stain, JPEG 60 to 95); convfocus
    blurs crops by disks; vplot takes a real focus stack.
    """
    from napari_focusqc.models.registry import find_weights

    settings = read_settings(arguments, EvaluateSettings)
    weights = find_weights(arguments.model, settings.mpp, settings.weights)
    if settings.out is not None:
        make_out_folder(settings.out)
    measured, images = _measure(weights, settings)
    record = _record(measured, weights, settings, images)
    if arguments.json:
        print(json.dumps(record, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(measured, weights, settings, images)))
    if settings.out is not None:
        _write(measured, record, settings.out)


def _measure(weights: Weights, settings: EvaluateSettings) -> tuple["Measured", list[str]]:
    """Run the protocol; return what it gave, and the names of the images by their number."""
    from napari_focusqc.cli.protocols import Bench, measure_fields, measure_folder
    from napari_focusqc.models.weights import load_network
    from napari_focusqc.training.fields import read_fields

    if settings.protocol == "vplot":
        return measure_folder(weights, settings), []
    note_other_seed(weights.card, settings.seed)
    settings = replace(settings, mpp=weights.card.mpp)  # as a slide is brought to it
    unseen = run_with_bar(read_fields(settings, weights.model.tile_px), "fields").validation
    bench = Bench(weights, load_network(weights), settings)
    return measure_fields(bench, unseen), [f"{each.data_set}: {each.path.name}" for each in unseen]


def note_other_seed(card: WeightsCard, seed: int) -> None:
    """Say so where a seed keeps out other images than the training of the weights did."""
    if card.seed not in (None, seed):
        print(
            f"focusqc: note: {card.name} was trained with the seed {card.seed}; with {seed} images "
            "it was trained on may be among those measured",
            file=sys.stderr,
        )


def _lines(
    measured: "Measured", weights: Weights, settings: EvaluateSettings, images: list[str]
) -> list[str]:
    """Write what was measured for a reader."""
    what = [
        f"protocol {settings.protocol}",
        *([f"{settings.scanners} scanners"] if settings.protocol in _ON_STACKS else []),
        *([f"{len(images)} images kept out of training"] if images else [str(settings.data)]),
    ]
    tiles = measured.tiles
    lines = [
        f"{weights.card.name} at {weights.card.mpp:g} µm/px: {', '.join(what)}",
        f"abstained from {tiles.abstained:.1%} of {len(tiles.scores):,} tiles; figures are of the "
        "others",
    ]
    for each in measured.figures.values():
        for table in each.tables():
            lines += ["", *table.lines()]
    return [*lines, *(["", *measured.notes] if measured.notes else [])]


def _record(
    measured: "Measured", weights: Weights, settings: EvaluateSettings, images: list[str]
) -> dict[str, Any]:
    """Write what was measured for programs."""
    tables = [table for each in measured.figures.values() for table in each.tables()]
    return {
        "protocol": settings.protocol,
        "model": weights.model.name,
        "weights": weights.card.name,
        "weights_sha256": weights.card.sha256,
        "mpp": weights.card.mpp,
        "scanners": settings.scanners if settings.protocol in _ON_STACKS else None,
        "seed": settings.seed,
        "images": images,
        "tiles": len(measured.tiles.scores),
        "abstained": round(measured.tiles.abstained, 4),
        "figures": {name: each.to_dict() for name, each in measured.figures.items()},
        "tables": {table.title: table.to_dict() for table in tables},
        "notes": list(measured.notes),
    }


def _write(measured: "Measured", record: dict[str, Any], folder: Path) -> None:
    """Write figures, tiles and plots, and name the files."""
    from napari_focusqc.evaluation.scored_tiles import write_tile_table
    from napari_focusqc.results.json_file import write_json

    name = record["protocol"]
    paths = [
        write_json(record, folder / f"{name}.json"),
        write_tile_table(
            measured.tiles, folder / f"{name}.tiles.csv", measured.truth_name, measured.labels
        ),
        *(draw(folder / f"{name}.{file}") for file, draw in measured.plots.items()),
    ]
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
