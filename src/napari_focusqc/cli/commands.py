"""The commands and what they take.

Room: cli.
"""

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari_focusqc import __version__
from napari_focusqc.cli.ablation import ablation
from napari_focusqc.cli.calibrate import calibrate
from napari_focusqc.cli.demo import demo
from napari_focusqc.cli.evaluate_command import add_evaluate
from napari_focusqc.cli.info import info
from napari_focusqc.cli.models import TRAININGS, models, train
from napari_focusqc.cli.nuclei import nuclei
from napari_focusqc.cli.options import add_options
from napari_focusqc.cli.score import score
from napari_focusqc.cli.zstack import zstack
from napari_focusqc.errors import FocusQCError
from napari_focusqc.settings.calibrating import CalibrateSettings
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.settings.training import AblationSettings

REFUSED, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments without the program's name; None takes the process's own.

    Returns
    -------
    0 when done, 2 on a refusal (one sentence on stderr), 130 when interrupted.
    """
    arguments = command_parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except FocusQCError as refusal:
        print(f"focusqc: {refusal}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("focusqc: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def command_parser() -> argparse.ArgumentParser:
    """Declare the commands."""
    parser = argparse.ArgumentParser(
        prog="focusqc", description="See where whole-slide images are out of focus."
    )
    parser.add_argument("--version", action="version", version=f"focusqc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    about = commands.add_parser("info", help="say what a slide is", description=info.__doc__)
    about.add_argument("slide", type=Path, help="the slide's file, or an OME-Zarr folder")
    about.add_argument("--json", action="store_true", help="print the same for programs")
    about.add_argument("--mpp", type=float, help="µm per pixel to use instead of the file's")
    about.add_argument("--z-step", type=float, help="distance of the planes of a z-stack, µm")
    about.set_defaults(run=info)

    scoring = commands.add_parser("score", help="score a slide", description=score.__doc__)
    scoring.add_argument("slide", type=Path, help="the slide's file, or an OME-Zarr folder")
    _add_out(scoring, "focusqc-out")
    add_options(scoring, ScoreSettings)
    scoring.set_defaults(run=score)

    finding = commands.add_parser("nuclei", help="find nuclei", description=nuclei.__doc__)
    finding.add_argument("slide", type=Path, help="the slide's file, or an OME-Zarr folder")
    _add_out(finding, "focusqc-out")
    finding.add_argument(
        "--focus", type=Path, metavar="MAP", help="focus map of the slide, to say what is in focus"
    )
    add_options(finding, NucleusSettings)
    finding.set_defaults(run=nuclei)

    _add_zstack(commands)

    sample = commands.add_parser(
        "demo", help="score the built-in sample slide", description=demo.__doc__
    )
    _add_out(sample, "focusqc-demo")
    sample.set_defaults(run=demo)

    _add_models(commands)
    return parser


def _add_zstack(commands: Any) -> None:
    """Declare what is measured of a z-stack."""
    measuring = commands.add_parser("zstack", help="measure a z-stack", description=zstack.__doc__)
    measuring.add_argument(
        "stack", type=Path, help="a slide with planes, or a folder with one file for each plane"
    )
    _add_out(measuring, "focusqc-out")
    add_options(measuring, StackSettings)
    measuring.set_defaults(run=zstack)


def _add_models(commands: Any) -> None:
    """Declare what concerns the models themselves: list, train, evaluate, calibrate, compare."""
    listing = commands.add_parser("models", help="list models", description=models.__doc__)
    listing.add_argument(
        "--markdown", action="store_true", help="print the table of docs/models.md"
    )
    listing.set_defaults(run=models)

    training = commands.add_parser("train", help="train a model", description=train.__doc__)
    networks = training.add_subparsers(required=True, metavar="MODEL")
    for name, settings in TRAININGS.items():
        each = networks.add_parser(name, help=f"train {name}", description=settings.__doc__)
        add_options(each, settings)
        each.set_defaults(run=partial(train, name))
    add_evaluate(commands)

    judging = commands.add_parser(
        "calibrate",
        help="fit threshold and µm scale of weights to your images",
        description=calibrate.__doc__,
    )
    judging.add_argument("model", help="a model's name; “focusqc models” lists them")
    add_options(judging, CalibrateSettings)
    judging.set_defaults(run=calibrate)

    comparing = commands.add_parser(
        "ablation", help="compare kinds of training crops", description=ablation.__doc__
    )
    add_options(comparing, AblationSettings)
    comparing.set_defaults(run=ablation)


def _add_out(parser: argparse.ArgumentParser, folder: str) -> None:
    """Declare the folder for results."""
    parser.add_argument(
        "--out", type=Path, default=Path(folder), help="folder for the results (%(default)s)"
    )
