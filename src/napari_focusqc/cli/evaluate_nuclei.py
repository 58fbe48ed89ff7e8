"""`focusqc evaluate micronet` and `focusqc evaluate nuclei`: how well nuclei are found.

Room: cli.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.geometry import Region
from napari_focusqc.models.card import Weights
from napari_focusqc.results.beside import file_beside
from napari_focusqc.settings.measuring import EvaluateNuclei

if TYPE_CHECKING:
    from napari_focusqc.evaluation.judged_nuclei import Cut, JudgedImage
    from napari_focusqc.evaluation.nucleus_report import NucleusReport


def evaluate_nuclei(model: str, arguments: argparse.Namespace) -> None:
    """Measure how well weights find nuclei in images where somebody marked them.

    Precision, recall, F1 and the mean distance of matched nuclei within 6, 12 and 16 px at 40x
    (1.5, 3 and 4 µm), at the threshold and at the ξ on the weights' card, and the average
    precision over all thresholds.
    """
    from napari_focusqc.cli.evaluate import note_other_seed
    from napari_focusqc.models.registry import find_weights
    from napari_focusqc.models.weights import load_micronet
    from napari_focusqc.training.nucleus_judging import judge_fields, read_judged_fields

    settings = read_settings(arguments, EvaluateNuclei)
    weights = find_weights(model, settings.mpp, settings.weights, finds="nuclei")
    if settings.images == "unseen":
        note_other_seed(weights.card, settings.seed)
    settings = replace(settings, mpp=weights.card.mpp)
    if settings.out is not None:
        make_out_folder(settings.out)
    fields = run_with_bar(read_judged_fields(settings), "fields")
    network = load_micronet(weights).eval()
    images = run_with_bar(judge_fields(network, fields, settings.mpp), weights.card.name)
    facts = {
        "weights": weights.card.name,
        "weights_sha256": weights.card.sha256,
        "mpp": settings.mpp,
        "images": [f"{each.data_set}: {each.name}" for each in images],
        "kept_out_of_training": settings.images == "unseen",
    }
    kind = "images kept out of training" if facts["kept_out_of_training"] else "images"
    head = f"{weights.card.name} at {settings.mpp:g} µm/px: {len(images)} {kind}"
    found = _told(head, images, _cuts(weights), facts, arguments.json, settings.rows == "images")
    if settings.out is not None:
        _write(found, facts, settings.out)
        _write_sheet(found, [each.pixels for each in fields], settings.out, settings.sheet)


def compare_nuclei(arguments: argparse.Namespace) -> None:
    """Compare nuclei that “focusqc nuclei” found with a truth of the same slide or image.

    The truth is ImageScope XML, a CSV of centres, a label image or a corrected table (Parquet), in
    level-0 px. With --region only nuclei in it count, found and true; a label image is its own
    region.
    """
    from napari_focusqc.evaluation.judged_nuclei import Cut, JudgedImage
    from napari_focusqc.evaluation.nucleus_truth import read_truth, within
    from napari_focusqc.results.nucleus_files import load_nuclei

    table = load_nuclei(arguments.found)
    truth = read_truth(arguments.truth, table.source.slide)
    region = Region(*arguments.region) if arguments.region else None
    if region is None and truth.shape is not None:
        region = Region(0, 0, *truth.shape)
    if arguments.out is not None:
        make_out_folder(arguments.out)
    some, true = table.only(within(table.centres, region)), truth.centres
    true = true[within(true, region)]
    name, mpp = table.source.slide, table.source.mpp
    images = (JudgedImage(str(arguments.truth), name, mpp, some.centres, some.peaks, true),)
    facts = {
        "found": str(arguments.found),
        "truth": str(arguments.truth),
        "weights": table.source.weights.get("name", table.source.model),
        "mpp": mpp,
        "region": arguments.region,
    }
    head = f"{name} at {mpp:g} µm/px: {len(some):,} found nuclei beside {len(true):,} true ones"
    cuts = (Cut(table.source.least),)
    found = _told(head, images, cuts, facts, arguments.json, False)
    if arguments.out is not None:
        _write(found, facts, arguments.out)


def _cuts(weights: Weights) -> tuple["Cut", ...]:
    """Return the threshold and the ξ on a card.

    Raises
    ------
    EvaluationError
        It has neither.
    """
    from napari_focusqc.errors import EvaluationError
    from napari_focusqc.evaluation.judged_nuclei import Cut

    card, cuts = weights.card, []
    if card.threshold is not None:
        cuts.append(Cut(card.threshold))
    if card.figures.get("xi") is not None:
        cuts.append(Cut(card.figures["xi"], relative=True))
    if not cuts:
        raise EvaluationError(
            f"the card of {card.name} has neither a threshold nor ξ; train the weights again, or "
            "write one into it"
        )
    return tuple(cuts)


def _told(
    head: str,
    images: Sequence["JudgedImage"],
    cuts: Sequence["Cut"],
    facts: dict[str, Any],
    as_json: bool,
    every: bool,
) -> "NucleusReport":
    """Measure and print."""
    from napari_focusqc.evaluation.nucleus_report import report

    found = report(images, cuts)
    if as_json:
        print(json.dumps(facts | found.to_dict(), indent=2, ensure_ascii=False))
        return found
    tables = [*found.tables(), *([found.image_table()] if every else [])]
    print("\n".join([head, *(line for table in tables for line in ["", *table.lines()])]))
    return found


def _write(found: "NucleusReport", facts: dict[str, Any], folder: Path) -> None:
    """Write figures, images, curves and errors, and name the files."""
    from napari_focusqc.evaluation.nucleus_errors import write_error_csv
    from napari_focusqc.evaluation.nucleus_figures import curve_table, write_precision_recall
    from napari_focusqc.results.json_file import write_json

    names = [(image.data_set, image.name) for image in found.images]
    tables = {"images": found.image_table()}
    paths = [
        write_json(facts | found.to_dict(), folder / "nuclei.json"),
        write_error_csv(folder / "nuclei.errors.csv", names, found.errors()),
    ]
    for kind, curves in found.curves().items():
        tables[f"curve-{kind}"] = curve_table(curves)
        paths.append(write_precision_recall(folder / f"nuclei.curve-{kind}.png", curves))
    for name, table in tables.items():
        paths.append(folder / f"nuclei.{name}.csv")
        with file_beside(paths[-1]) as partial:
            partial.write_text(table.csv(), encoding="utf-8")
    _name(paths)


def _write_sheet(found: "NucleusReport", pixels: Sequence[Any], folder: Path, many: int) -> None:
    """Write the pictures of the worst errors, where there are errors."""
    from napari_focusqc.evaluation.nucleus_sheet import JudgedPicture, write_error_sheet

    pictures: list[JudgedPicture] = [
        JudgedPicture(image.name, shown, image.mpp, image.true, errors)
        for image, shown, errors in zip(found.images, pixels, found.errors(), strict=True)
    ]
    if any(len(each.errors) for each in pictures):
        _name([write_error_sheet(folder / "nuclei.errors.png", pictures, many)])


def _name(paths: Sequence[Path]) -> None:
    for path in paths:
        print(f"wrote {path}", file=sys.stderr)
