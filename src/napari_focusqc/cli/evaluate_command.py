"""What `focusqc evaluate` takes: a model's name, and the options of its kind.

Room: cli.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from napari_focusqc.cli.evaluate import evaluate
from napari_focusqc.cli.evaluate_nuclei import compare_nuclei, evaluate_nuclei
from napari_focusqc.cli.options import add_options
from napari_focusqc.models.cards import CARDS
from napari_focusqc.settings.measuring import EvaluateNuclei, EvaluateSettings


def add_evaluate(commands: Any) -> None:
    """Declare the command: one word for each model, and ``nuclei`` for a table of found ones.

    Parameters
    ----------
    commands
        The parser's commands, from `argparse.ArgumentParser.add_subparsers`.
    """
    measuring = commands.add_parser(
        "evaluate",
        help="measure a model on unseen images",
        description="Measure a model on images it never saw, or found nuclei against a truth.",
    )
    kinds = measuring.add_subparsers(required=True, metavar="MODEL")
    for name, card in CARDS.items():
        if card.finds == "nuclei":
            one = _model(kinds, name, evaluate_nuclei.__doc__)
            add_options(one, EvaluateNuclei)
            one.set_defaults(run=partial(evaluate_nuclei, name))
        elif card.finds == "focus":
            one = _model(kinds, name, evaluate.__doc__)
            add_options(one, EvaluateSettings)
            one.set_defaults(run=evaluate, model=name)
    _add_compare(kinds)


def _model(kinds: Any, name: str, description: str | None) -> argparse.ArgumentParser:
    """Declare one model."""
    one: argparse.ArgumentParser = kinds.add_parser(
        name, help=f"measure {name}", description=description
    )
    one.add_argument("--json", action="store_true", help="print the same for programs")
    return one


def _add_compare(kinds: Any) -> None:
    """Declare the comparison of a table with a truth."""
    both = kinds.add_parser(
        "nuclei", help="compare found nuclei with a truth", description=compare_nuclei.__doc__
    )
    both.add_argument("found", type=Path, help="the table that “focusqc nuclei” wrote (.parquet)")
    both.add_argument("truth", type=Path, help="the truth: .xml, .csv, a label image or .parquet")
    both.add_argument(
        "--region",
        type=int,
        nargs=4,
        metavar=("Y", "X", "HEIGHT", "WIDTH"),
        help="the part of the slide that the truth is of, level-0 px",
    )
    both.add_argument("--json", action="store_true", help="print the same for programs")
    both.add_argument("--out", type=Path, help="folder for figures, curves and errors")
    both.set_defaults(run=compare_nuclei)
