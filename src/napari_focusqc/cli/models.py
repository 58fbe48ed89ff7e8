"""`focusqc models` and `focusqc train`: what is shipped, and how it is made.

Room: cli.
"""

import argparse
import json
from typing import Any

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.settings.training import ConvFocusTraining, FocusLiteNNTraining, TrainSettings

TRAININGS: dict[str, type[TrainSettings]] = {
    "focuslitenn": FocusLiteNNTraining,
    "convfocus": ConvFocusTraining,
}
"""What can be trained, and what may be chosen there."""


def models(arguments: argparse.Namespace) -> None:
    """List the models, their weights and how they did on images they never saw."""
    from napari_focusqc.evaluation.report import models_table
    from napari_focusqc.models.registry import shipped_weights

    weights = shipped_weights()
    if arguments.markdown:
        print(models_table([each.card for each in weights]))
        return
    print(f"{'weights':<24} {'model':<16} {'µm/px':>6}  threshold  figures on unseen images")
    for each in weights:
        card = each.card
        figures = ", ".join(f"{name} {value:g}" for name, value in card.figures.items())
        print(f"{card.name:<24} {card.model:<16} {card.mpp:>6g}  {card.threshold!s:<9}  {figures}")


def train(model: str, arguments: argparse.Namespace) -> None:
    """Train a model; the same command goes on where an interrupted one stopped."""
    from napari_focusqc.training.recipes import train_convfocus, train_focuslitenn

    recipes: dict[str, Any] = {"focuslitenn": train_focuslitenn, "convfocus": train_convfocus}
    settings: Any = read_settings(arguments, TRAININGS[model])
    card = run_with_bar(recipes[model](settings), "training")
    print(json.dumps(card.figures, indent=2))
    print(f"wrote {settings.out / card.name}.safetensors and its card")
