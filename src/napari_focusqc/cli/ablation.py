"""`focusqc ablation`: what each step towards real blur is worth to a model.

Room: cli.
"""

import argparse
import sys

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.settings.training import AblationSettings


def ablation(arguments: argparse.Namespace) -> None:
    """Train ConvFocus on six kinds of crops, from blur alone to all that scanners do, and compare.

    The first four are rows 1 to 4 of Table 2 of its paper, the last is what our weights are
    trained on. All are measured on the same simulated focus stacks of images kept out of
    training. The same command goes on where an interrupted one stopped.
    """
    from napari_focusqc.training.ablation import run_ablation

    settings = read_settings(arguments, AblationSettings)
    table = run_with_bar(run_ablation(settings), "ablation")
    print("\n".join(table.lines()))
    for ending in ("md", "csv"):
        print(f"wrote {settings.out / f'ablation.{ending}'}", file=sys.stderr)
