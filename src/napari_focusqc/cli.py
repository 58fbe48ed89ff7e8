"""The command `focusqc`: arguments in, text and exit codes out.

Room: cli. The only room that prints. Options are built from the settings dataclasses.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from tqdm import tqdm

from napari_focusqc import __version__
from napari_focusqc.errors import FocusQCError, OutputError
from napari_focusqc.pipeline import score_slide
from napari_focusqc.progress import Progress
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.summary import summarise, write_summary
from napari_focusqc.results.tables import write_tile_csv
from napari_focusqc.settings import ScoreSettings, TrainSettings
from napari_focusqc.slides.facts import facts
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.slide import Slide

R = TypeVar("R")
REFUSED, INTERRUPTED = 2, 130
OVERVIEW_PX = 1600
"""Longest side of the slide under the overlay; every pyramid ends at 1024 px or less."""


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
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except FocusQCError as refusal:
        print(f"focusqc: {refusal}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("focusqc: interrupted", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    """Declare the commands."""
    parser = argparse.ArgumentParser(prog="focusqc", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=f"focusqc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="say what a slide is", description=_info.__doc__)
    info.add_argument("slide", type=Path, help="the slide's file")
    info.set_defaults(run=_info)

    score = commands.add_parser("score", help="score a slide", description=_score.__doc__)
    score.add_argument("slide", type=Path, help="the slide's file")
    score.add_argument(
        "--out", type=Path, default=Path("focusqc-out"), help="folder for the results (%(default)s)"
    )
    _add_options(score, ScoreSettings)
    score.set_defaults(run=_score)

    demo = commands.add_parser(
        "demo", help="score the built-in sample slide", description=_demo.__doc__
    )
    demo.add_argument(
        "--out",
        type=Path,
        default=Path("focusqc-demo"),
        help="folder for the results (%(default)s)",
    )
    demo.set_defaults(run=_demo)

    models = commands.add_parser("models", help="list models", description=_models.__doc__)
    models.add_argument("--markdown", action="store_true", help="print the table of docs/models.md")
    models.set_defaults(run=_models)

    train = commands.add_parser("train", help="train a model", description=_train.__doc__)
    train.add_argument("model", choices=["focuslitenn"], help="what to train")
    _add_options(train, TrainSettings)
    train.set_defaults(run=_train)
    return parser


def _add_options(parser: argparse.ArgumentParser, settings: type) -> None:
    """Declare one option per field of a settings dataclass that is not hidden."""
    hints = get_type_hints(settings)
    for option in fields(settings):
        if option.metadata.get("hidden"):
            continue
        required = option.default is MISSING
        default = "" if required or option.default is None else f" ({option.default})"
        help_text = option.metadata["help"] + default
        parser.add_argument(
            f"--{option.name.replace('_', '-')}",
            type=_plain_type(hints[option.name]),
            choices=option.metadata.get("choices"),
            required=required,
            default=None if required else option.default,
            metavar=None if option.metadata.get("choices") else option.name.upper(),
            help=help_text.replace("%", "%%"),
        )


def _plain_type(hint: Any) -> Any:
    """Return what turns an argument's text into a field's type: X for `X | None`."""
    if get_origin(hint) is UnionType:
        return next(part for part in get_args(hint) if part is not type(None))
    return hint if isinstance(hint, type) else str


def _settings(arguments: argparse.Namespace, settings: type[R]) -> R:
    """Build a settings dataclass from parsed options."""
    names: list[Field[Any]] = [f for f in fields(settings) if not f.metadata.get("hidden")]  # type: ignore[arg-type]
    return settings(**{option.name: getattr(arguments, option.name) for option in names})


def _run(work: Generator[Progress[Any], None, R], name: str) -> R:
    """Drive long work with a progress bar and return its result."""
    with tqdm(desc=name, unit="", dynamic_ncols=True, disable=None) as bar:
        while True:
            try:
                step = next(work)
            except StopIteration as end:
                result: R = end.value
                return result
            bar.total = step.total or None
            bar.n = step.done
            bar.set_description(f"{name}: {step.stage}", refresh=False)
            bar.refresh()


def _info(arguments: argparse.Namespace) -> None:
    """Say what a slide is: format, size, levels, resolution, planes."""
    slide = open_slide(arguments.slide)
    try:
        for label, value in facts(slide):
            print(f"{label:<12} {value}")
    finally:
        slide.close()


def _score(arguments: argparse.Namespace) -> None:
    """Score a slide and write its map, tables and an overlay."""
    _score_into(arguments.out, arguments.slide, _settings(arguments, ScoreSettings))


def _score_into(folder: Path, path: Path, settings: ScoreSettings) -> tuple[FocusMap, Path]:
    """Score a slide, write and print the results; return the map and where it is saved."""
    slide = open_slide(path)
    try:
        out = _output_folder(folder)
        focus_map = _run(score_slide(slide, settings), slide.name)
        written = _write(focus_map, slide, out)
    finally:
        slide.close()
    for line in [*summarise(focus_map).lines(), *(f"wrote {path}" for path in written)]:
        print(line)
    return focus_map, written[0]


def _output_folder(folder: Path) -> Path:
    """Make the folder for results now, so that a run is not lost for want of a place.

    Raises
    ------
    OutputError
        It cannot be made, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".focusqc-{os.getpid()}.partial"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"nothing can be written in {folder} ({error.strerror}); choose another --out"
        ) from error
    return folder


def _write(focus_map: FocusMap, slide: Slide, out: Path) -> list[Path]:
    """Write everything a map is good for, and return where."""
    from napari_focusqc.evaluation.figures import write_overlay

    stem = out / _stem(slide.name)
    overview = next(p for p in slide.pyramid() if max(p.shape[-3:-1]) <= OVERVIEW_PX)
    overview = overview[focus_map.source.plane] if overview.ndim == 4 else overview
    return [
        focus_map.save(f"{stem}.focus.ome.zarr"),
        write_tile_csv(focus_map, Path(f"{stem}.tiles.csv")),
        write_summary(summarise(focus_map), focus_map, Path(f"{stem}.summary.json")),
        write_overlay(focus_map, np.asarray(overview), Path(f"{stem}.overlay.png")),
    ]


def _stem(name: str) -> str:
    """Take a slide's ending off its name, and no other dots: TCGA's names are full of them."""
    return re.sub(r"\.(ome\.)?\w{1,8}$", "", name, flags=re.IGNORECASE) or name


def _demo(arguments: argparse.Namespace) -> None:
    """Score the built-in sample slide, compare with its known defocus, and show it in napari."""
    from napari_focusqc.evaluation.focus_protocols import tile_truth, truth_correlation
    from napari_focusqc.slides.sample_slide import sample_slide, true_defocus

    sample = _run(sample_slide(), "sample slide")
    focus_map, saved = _score_into(arguments.out, sample.slide, ScoreSettings())
    truth = tile_truth(*true_defocus(sample.defocus), focus_map)
    print("Spearman of tile scores against the known defocus:")
    print(f"  {truth_correlation(focus_map, truth)} that have one blur")
    print(f"  {truth_correlation(focus_map, truth, uniform_only=False)} in all")
    _show(sample.slide, saved, arguments.out / "screenshot.png")


def _show(slide: Path, saved_map: Path, screenshot: Path) -> None:
    """Open napari with the slide and its map, or without a display write a screenshot."""
    code = "import sys; from napari_focusqc.widgets.window import show; show(*sys.argv[1:])"
    window = [sys.executable, "-c", code, str(slide), str(saved_map)]
    has_display = sys.platform in ("win32", "darwin") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    virtual = shutil.which("xvfb-run")
    if has_display:
        _run_window(window)
    elif virtual is not None:
        screen = [virtual, "-a", "-s", "-screen 0 1600x1200x24"]
        _run_window([*screen, *window, str(screenshot)])
        print(f"wrote {screenshot}")
    else:
        print("no screenshot: there is no display; xvfb-run (Debian's xvfb) would stand in for one")


def _run_window(command: list[str]) -> None:
    """Run napari in a process of its own until it ends.

    Raises
    ------
    OutputError
        It ended with an error, whose own words are on the terminal.
    """
    if subprocess.run(command, check=False).returncode:
        raise OutputError(
            "the results are written, but napari could not show them; install a Qt window with "
            "“pip install napari[all]”"
        )


def _models(arguments: argparse.Namespace) -> None:
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


def _train(arguments: argparse.Namespace) -> None:
    """Train a model; the same command goes on where an interrupted one stopped."""
    from napari_focusqc.training.recipes import train_focuslitenn

    settings = _settings(arguments, TrainSettings)
    card = _run(train_focuslitenn(settings), "training")
    print(json.dumps(card.figures, indent=2))
    print(f"wrote {settings.out / card.name}.safetensors and its card")


if __name__ == "__main__":
    sys.exit(main())
