"""`focusqc calibrate`: threshold, scale in µm and figures for weights that are there already.

Room: cli.
"""

import argparse
import json
from pathlib import Path

from napari_focusqc.cli.evaluate import note_other_seed
from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.models.card import Weights
from napari_focusqc.settings.calibrating import CalibrateSettings


def calibrate(arguments: argparse.Namespace) -> None:
    """Judge weights anew on sharp images of yours, blurred by known amounts.

    Threshold, scale in µm, least structure and figures are fitted and measured as in training, and
    the weights are written to --out with a card that holds them: published weights get what they
    lack, and ours are fitted to other images. The weights themselves stay as they are.
    """
    from napari_focusqc.training.calibrated_weights import calibrate_weights

    settings = read_settings(arguments, CalibrateSettings)
    weights = _weights(arguments.model, settings.weights, settings.mpp)
    note_other_seed(weights.card, settings.seed)
    make_out_folder(settings.out)
    written = run_with_bar(calibrate_weights(weights, settings), "calibrating")
    card = written.card
    print(json.dumps(card.figures, indent=2))
    print(f"out of focus above {card.threshold:.4g}: {card.threshold_meaning}")
    print(f"wrote {written.path} and its card")


def _weights(model: str, given: Path | None, mpp: float) -> Weights:
    """Find the given weights, whatever their µm/px, or the shipped ones for these µm/px."""
    from napari_focusqc.models.registry import find_weights, path_of, weights_in

    return find_weights(model, mpp if given is None else weights_in(path_of(given)).card.mpp, given)
