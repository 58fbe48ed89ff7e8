"""`focusqc zstack`: how far a stack's tiles are from focus, and where they are sharpest.

Room: cli.
"""

import argparse
import sys
from pathlib import Path

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.cli.score import stem_of
from napari_focusqc.errors import StackError
from napari_focusqc.pipeline import measure_stack
from napari_focusqc.pipeline.stack import StackResult
from napari_focusqc.results.distance_summary import write_stack_summary
from napari_focusqc.results.focus_points import write_focus_points
from napari_focusqc.results.stack_tables import write_stack_curves, write_stack_tiles
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.plane_files import open_plane_files
from napari_focusqc.slides.slide import Slide
from napari_focusqc.slides.zarr.folder import is_zarr


def zstack(arguments: argparse.Namespace) -> None:
    """Measure a z-stack: distances to focus, best planes, curves, an all-in-focus picture."""
    settings = read_settings(arguments, StackSettings)
    slide = _opened(arguments.stack, settings)
    try:
        for note in slide.info.notes:
            print(f"focusqc: note: {note}", file=sys.stderr)
        stem = make_out_folder(arguments.out) / stem_of(slide.name)
        result = run_with_bar(measure_stack(slide, settings), slide.name)
    finally:
        slide.close()
    written = _write(result, stem)
    for line in [*result.summary.lines(), *(f"wrote {path}" for path in written)]:
        print(line)


def _opened(path: Path, settings: StackSettings) -> Slide:
    """Open a slide, or a folder with one file for each plane."""
    if path.is_dir() and not is_zarr(path):
        return open_plane_files(path, settings.heights_um())
    return open_slide(path)


def _write(result: StackResult, stem: Path) -> list[Path]:
    """Write a result in every format that it has something for, and return where."""
    from napari_focusqc.evaluation.distance_figures import write_stack_plot
    from napari_focusqc.results.composite import write_composite
    from napari_focusqc.results.distance_store import save_distance_map

    found = result.distance_map
    written = [
        save_distance_map(found, f"{stem}.distance.ome.zarr"),
        write_stack_tiles(found, f"{stem}.stack-tiles.csv"),
        write_stack_curves(found, f"{stem}.stack-curves.csv"),
        write_stack_summary(found, f"{stem}.stack.json"),
    ]
    if result.measured:
        written.append(write_stack_plot(found, Path(f"{stem}.stack-curves.png")))
    if result.composite is not None:
        written.append(write_composite(result.composite, f"{stem}.in-focus.tif"))
    try:
        written.append(write_focus_points(found, f"{stem}.focus-points.csv"))
    except StackError as refusal:
        print(f"focusqc: note: no focus points: {refusal}", file=sys.stderr)
    return written
