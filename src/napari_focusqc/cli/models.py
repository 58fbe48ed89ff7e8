"""`focusqc models` and `focusqc train`: which weights there are, and how they are made.

Room: cli.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import Weights
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.settings.training import (
    ConvFocusTraining,
    DeepFocusTraining,
    FocusLiteNNTraining,
)

_Row = tuple[str, str, str, str, str]
"""Name, model, µm/px, threshold, where."""

TRAININGS: dict[str, type[ImageSettings]] = {
    "focuslitenn": FocusLiteNNTraining,
    "convfocus": ConvFocusTraining,
    "deepfocus": DeepFocusTraining,
    "micronet": MicroNetTraining,
    "focus-distance": DistanceTraining,
}
"""What can be trained, and what may be chosen there."""


def models(arguments: argparse.Namespace) -> None:
    """List the weights there are: those that are shipped, and those in your own folder."""
    from napari_focusqc.evaluation.report import models_table
    from napari_focusqc.models.own_folder import own_files, own_folder
    from napari_focusqc.models.registry import shipped_weights

    shipped = shipped_weights()
    if arguments.markdown:
        print(models_table([weights.card for weights in shipped]))
        return
    rows = [("name", "model", "µm/px", "threshold", "where")]
    rows += [_row(weights.card.name, weights, "shipped") for weights in shipped]
    rows += [_own_row(path) for path in own_files()]
    for line in _aligned(rows):
        print(line)
    there = "" if own_folder().is_dir() else ", a folder that is not there yet"
    print(f"\nyour own weights are looked for in {own_folder()}{there}")


def _aligned(rows: list[_Row]) -> Iterator[str]:
    """Yield rows as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def _own_row(path: Path) -> _Row:
    """Say what a file in the user's folder is, by the name that ``--weights`` finds it by."""
    from napari_focusqc.models.published import PUBLISHED_AS
    from napari_focusqc.models.registry import weights_in

    try:
        weights = weights_in(path)
    except WeightsError as refusal:
        return path.stem, "damaged", "–", "–", f"yours: {path} ({refusal})"
    how = ", as its authors published it" if path.suffix in PUBLISHED_AS else ""
    return _row(path.stem, weights, f"yours: {path}{how}")


def _row(name: str, weights: Weights, where: str) -> _Row:
    """Return one line of the list, cell by cell."""
    card = weights.card
    threshold = "–" if card.threshold is None else f"{card.threshold:.4g}"
    return name, card.model, f"{card.mpp:g}", threshold, where


def train(model: str, arguments: argparse.Namespace) -> None:
    """Train a model; the same command goes on where an interrupted one stopped."""
    from napari_focusqc.training.distance_recipe import train_focus_distance
    from napari_focusqc.training.nucleus_recipe import train_micronet
    from napari_focusqc.training.recipes import (
        train_convfocus,
        train_deepfocus,
        train_focuslitenn,
    )

    recipes: dict[str, Any] = {
        "focuslitenn": train_focuslitenn,
        "convfocus": train_convfocus,
        "deepfocus": train_deepfocus,
        "micronet": train_micronet,
        "focus-distance": train_focus_distance,
    }
    settings: Any = read_settings(arguments, TRAININGS[model])
    card = run_with_bar(recipes[model](settings), "training")
    print(json.dumps(card.figures, indent=2))
    print(f"wrote {settings.out / card.name}.safetensors and its card")
