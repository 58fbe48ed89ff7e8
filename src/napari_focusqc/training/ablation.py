"""What each step towards real blur is worth: ConvFocus's Table 2, rows 1 to 4, in our setting.

Room: training. One network is trained on six kinds of crops and measured on the same focus stacks
of unseen images. Seed, classes, number of crops and recipe are the same for all, and so are the
places, but in the last row; the blur and what the scanner does after it differ. Where this differs
from the paper [1]_:

- The truth is simulated: stacks by wave optics as usual scanners see them, not regions that
  pathologists graded on slides of two scanners. So the paper's figures stand beside ours for the
  order of the rows, not for their values.
- Slope and intercept are of score on grade, as in the paper, but the grade is the out-of-focus
  class of the true blur × 6/29 (`evaluation.convfocus_protocol.grade_of_class`).
- Two rows of ours: half of the blur by a lens, and scanners of every kind (`kinds.SCANNED`); and
  half of the crops as in row 4, half as in row 5, as our weights are trained (`kinds.MIXED`). The
  paper's fifth row, a larger network, is left out.

References
----------
.. [1] Kohlberger et al., "Whole-slide image focus quality …", J Pathol Inform 10, 2019, Table 2.
"""

import json
from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch

from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.evaluation.convfocus_protocol import (
    IDEAL_SLOPE,
    convfocus_figures,
    grade_of_class,
)
from napari_focusqc.evaluation.figures_table import Cell, FiguresTable, plain
from napari_focusqc.evaluation.focus_stacks import StackTiles, make_stacks
from napari_focusqc.evaluation.scored_tiles import ScoredTiles
from napari_focusqc.evaluation.stack_protocol import stack_figures
from napari_focusqc.models.cards import CARDS, CONVFOCUS
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.weights import save_weights
from napari_focusqc.optics.classes import oof_class_of_radius
from napari_focusqc.progress import Progress, named
from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.json_file import write_json
from napari_focusqc.settings.training import AblationSettings
from napari_focusqc.training.blurs import Kernels, gaussian
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.kinds import BOKEH, MIXED, PAPER_CAMERA, SCANNED, Kind
from napari_focusqc.training.loop import Run, fit, score_crops
from napari_focusqc.training.losses import RIGHT_CLASS
from napari_focusqc.training.recipes import CHECKPOINT, CLASS_MEANING, training_crops
from napari_focusqc.training.record import card_of_run, command_line, run_name, write_history

FINISHED = "figures.json"
"""Written last into a row's folder: its figures, and the run they belong to."""

_UNCOMPRESSED = replace(PAPER_CAMERA, quality=None)
_MEASURED = {
    "spearman": "ρ with distance",
    "spearman_radius": "ρ with blur",
    "auc_half_from_one_um": "AUC 0.5 to 1 µm",
    "slope": "slope",
    "intercept": "intercept",
}
_OF_PAPER = tuple(
    f"paper's {name}, {scanner}"
    for name in ("ρ", "slope", "intercept")
    for scanner in ("AT2", "S360")
)
_NOTES = (
    "Same network, seed and number of crops, in rows 1 to 5 same places; measured on simulated "
    "stacks of unseen images as usual scanners see them. Noise, JPEG and colour of rows 1 to 4 are "
    "ConvFocus's.",
    f"Slope and intercept: score on grade, the true class × 6/29; {IDEAL_SLOPE:.2f} and 0 would be "
    "ideal.",
    "The paper's: Kohlberger et al. 2019, Table 2, predicted class against pathologists' grades of "
    "slides from two scanners, AT2 and S360.",
)

Figures = dict[str, float | None]
"""What was measured of a row; None where it means nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of crops to train on.

    Parameters
    ----------
    name
        Of its folder.
    words
        What its crops have been through.
    kind
        Its crops.
    paper
        Spearman's ρ, slope and intercept of the paper, AT2 before S360 each; NaN where it has none.
    """

    name: str
    words: str
    kind: Kind
    paper: tuple[float, ...] = (np.nan,) * 6


def _with_own_luck(kind: Kind) -> Kind:
    """Draw a blur from one random number, so that the place that is drawn next is every row's."""
    blur = kind.blur

    def drawn(oof_class: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
        return blur(oof_class, mpp, np.random.default_rng(rng.integers(2**63)))

    return replace(kind, blur=drawn)


_GAUSSIAN = replace(BOKEH, blur=gaussian)
ROWS = (
    Row(
        "1-blur",
        "1 Gaussian blur alone",
        _with_own_luck(replace(_GAUSSIAN, scanners=replace(_UNCOMPRESSED, noise_scale=(0.0, 0.0)))),
        (-0.274, -0.134, -0.023, -0.211, 2.504, 1.949),
    ),
    Row(
        "2-noise",
        "2 Gaussian + noise",
        _with_own_luck(replace(_GAUSSIAN, scanners=_UNCOMPRESSED)),
        (-0.140, -0.325, -0.057, -0.265, 0.502, 1.234),
    ),
    Row(
        "3-jpeg",
        "3 Gaussian + noise + JPEG",
        _with_own_luck(_GAUSSIAN),
        (0.785, 0.922, 2.851, 2.851, 2.801, 2.801),
    ),
    Row(
        "4-bokeh",
        "4 disk + noise + JPEG",
        _with_own_luck(BOKEH),
        (0.808, 0.936, 3.903, 4.408, -2.945, -1.730),
    ),
    Row("5-scanned", "5 ours: disk or lens, scanners of every kind", _with_own_luck(SCANNED)),
    Row("6-mixed", "6 ours: half as row 4, half as row 5", MIXED),
)


def run_ablation(settings: AblationSettings) -> Generator[Progress[None], None, FiguresTable]:
    """Train and measure every row, and write ``ablation.md`` and ``ablation.csv``.

    Parameters
    ----------
    settings
        Of all rows. Rows that are finished in the output folder are taken from there; one that was
        stopped goes on from its checkpoint.

    Yields
    ------
    Progress of the row at hand, which its stage names.

    Returns
    -------
    The table, as written. Each row's weights lie in a folder of its name, with card and losses.

    Raises
    ------
    TrainingError
        The images do not serve, the output folder holds another ablation, or training failed.
    OutputError
        The output folder cannot be written.
    """
    _make_folders(settings)
    tile_px = CARDS[_model(settings)].tile_px
    sharp = yield from read_fields(settings, tile_px)
    known = {row.name: _finished(settings, sharp, row) for row in ROWS}
    figures = {name: found for name, found in known.items() if found is not None}
    left = [row for row in ROWS if row.name not in figures]
    if left:
        pixels = [field.pixels for field in sharp.validation]
        stacks = yield from make_stacks(pixels, settings.mpp, tile_px, settings.seed)
        for row in left:
            work = _train_row(settings, sharp, row, stacks)
            figures[row.name] = yield from named(work, row.words)
    table = _table(figures)
    for ending, text in (("md", table.markdown()), ("csv", table.csv())):
        with file_beside(settings.out / f"ablation.{ending}") as partial:
            partial.write_text(text, encoding="utf-8")
    return table


def _train_row(
    settings: AblationSettings, sharp: TrainingFields, row: Row, stacks: StackTiles
) -> Generator[Progress[None], None, Figures]:
    """Train a row's network, measure it, write weights and figures into the row's folder."""
    folder, run = settings.out / row.name, _run(settings, sharp, row)
    crops, unseen = yield from training_crops(settings, row.kind, sharp, stacks.images.shape[1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = ConvFocus(settings.cut)
    history = yield from fit(network, crops, unseen, run)
    found = _measure(network, stacks, settings.seed)
    card = card_of_run(
        settings,
        sharp.used,
        name=f"{_model(settings)}-{settings.mpp:g}",
        model=_model(settings),
        network={"cut": settings.cut},
        score_meaning=CLASS_MEANING,
        command=command_line("ablation", settings, ("mpp", "cut", "seed")),
        figures={name: value for name, value in found.items() if value is not None},
        note=f"a row of an ablation, trained to be compared: {row.words}",
    )
    save_weights(network, card, folder)
    write_history(history, folder, card.name)
    write_json({"run": run.name, "figures": found}, folder / FINISHED)
    run.checkpoint.unlink(missing_ok=True)
    return found


def _measure(network: ConvFocus, stacks: StackTiles, seed: int) -> Figures:
    """Measure a network on stacks; None where its scores are all the same."""
    scores = score_crops(network, stacks.images)
    found = stack_figures(ScoredTiles(scores, stacks.z_um, stacks.field, stacks.radius_um))
    grades = grade_of_class(oof_class_of_radius(stacks.radius_um))
    line = convfocus_figures(ScoredTiles(scores, grades, stacks.field), seed)
    measured = (
        found.spearman,
        found.spearman_radius,
        found.auc_half_from_one_um,
        line.slope,
        line.intercept,
    )
    return dict(zip(_MEASURED, plain(measured), strict=True))


def _finished(settings: AblationSettings, sharp: TrainingFields, row: Row) -> Figures | None:
    """Return the figures of a row that is finished, None of one that is not.

    Raises
    ------
    TrainingError
        They cannot be read, or belong to other settings or images.
    """
    path = settings.out / row.name / FINISHED
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        run, figures = record["run"], {name: record["figures"][name] for name in _MEASURED}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise TrainingError(
            f"{path} cannot be read ({type(error).__name__}); delete its folder to train that row "
            "again"
        ) from error
    if run != _run(settings, sharp, row).name:
        raise TrainingError(
            f"{path.parent} belongs to an ablation with other settings or images; delete it, or "
            "choose another output folder"
        )
    return figures


def _run(settings: AblationSettings, sharp: TrainingFields, row: Row) -> Run:
    """Return what a row's training is."""
    name = f"{row.name} of {run_name(settings, sharp)}"
    return Run(settings, RIGHT_CLASS, settings.out / row.name / CHECKPOINT, name)


def _table(figures: dict[str, Figures]) -> FiguresTable:
    """Lay the rows out, the paper's figures beside ours."""
    rows: list[tuple[Cell, ...]] = []
    for row in ROWS:
        ours = [figures[row.name][name] for name in _MEASURED]
        rows.append((row.words, *(np.nan if each is None else each for each in ours), *row.paper))
    columns = ("trained on crops with", *_MEASURED.values(), *_OF_PAPER)
    return FiguresTable("What each step towards real blur is worth", columns, tuple(rows), _NOTES)


def _model(settings: AblationSettings) -> str:
    return f"{CONVFOCUS.name}-{settings.cut}"


def _make_folders(settings: AblationSettings) -> None:
    """Make the rows' folders before any time is spent."""
    try:
        for row in ROWS:
            (settings.out / row.name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {settings.out} cannot be written to ({error.strerror or error}); choose "
            "another"
        ) from error
