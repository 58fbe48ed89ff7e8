"""`focusqc evaluate`: how a model does on focus stacks of images it never saw.

Room: cli.
"""

import argparse
import json
import sys
from dataclasses import replace

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.settings.measuring import EvaluateSettings


def evaluate(arguments: argparse.Namespace) -> None:
    """Simulate focus stacks of the images kept out of training, and score them.

    Prints figures as JSON: a lens out of focus by 0 to 6 µm (wave optics, NA 0.65 to 0.8), then a
    scanner drawn for each image (noise, sharpening, stain, JPEG 60 to 95).
    """
    from napari_focusqc.evaluation.focus_stacks import make_stacks, stack_figures
    from napari_focusqc.models.registry import find_weights
    from napari_focusqc.models.weights import load_network
    from napari_focusqc.training.fields import read_fields
    from napari_focusqc.training.loop import score_crops

    settings = read_settings(arguments, EvaluateSettings)
    weights = find_weights(arguments.model, settings.mpp, settings.weights)
    if weights.card.seed not in (None, settings.seed):
        print(
            f"focusqc: note: {weights.card.name} was trained with the seed {weights.card.seed}; "
            f"with {settings.seed} images it was trained on may be among those measured",
            file=sys.stderr,
        )
    settings = replace(settings, mpp=weights.card.mpp)  # as a slide is brought to it
    network, tile_px = load_network(weights), weights.model.tile_px
    unseen = run_with_bar(read_fields(settings, tile_px), "fields").validation
    fields = [field.pixels for field in unseen]
    tiles = run_with_bar(make_stacks(fields, settings.mpp, tile_px, settings.seed), "stacks")
    found = stack_figures(score_crops(network, tiles.images), tiles)
    print(json.dumps({"weights": weights.card.name, "mpp": settings.mpp, **found}, indent=2))
