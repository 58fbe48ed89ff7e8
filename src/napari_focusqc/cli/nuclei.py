"""`focusqc nuclei`: a slide's nuclei, as tables and for QuPath.

Room: cli.
"""

import argparse
import sys
from pathlib import Path

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.cli.score import stem_of
from napari_focusqc.pipeline import find_nuclei_to
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.nucleus_summary import summarise_nuclei, write_nucleus_summary
from napari_focusqc.results.nucleus_table import NucleusTable, check_same_slide
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.opening import open_slide


def nuclei(arguments: argparse.Namespace) -> None:
    """Find the nuclei of a slide and write them as tables and for QuPath."""
    # imported late: pyarrow takes a fifth of a second
    from napari_focusqc.results.nucleus_files import load_nuclei

    settings = read_settings(arguments, NucleusSettings)
    slide = open_slide(arguments.slide)
    try:
        for note in slide.info.notes:
            print(f"focusqc: note: {note}", file=sys.stderr)
        focus_map = None if arguments.focus is None else FocusMap.load(arguments.focus)
        if focus_map is not None:
            check_same_slide(focus_map, slide.name, settings.plane)
        stem = make_out_folder(arguments.out) / stem_of(slide.name)
        saved = Path(f"{stem}.nuclei.parquet")
        run_with_bar(find_nuclei_to(slide, settings, saved), slide.name)
    finally:
        slide.close()
    table = load_nuclei(saved)
    table = table if focus_map is None else table.joined(focus_map)
    written = _write(table, stem)
    for line in [*summarise_nuclei(table).lines(), *(f"wrote {path}" for path in written)]:
        print(line)


def _write(table: NucleusTable, stem: Path) -> list[Path]:
    """Write a table in every format, and return where."""
    from napari_focusqc.results.nucleus_files import save_nuclei, write_nucleus_csv
    from napari_focusqc.results.qupath_nuclei import write_qupath_nuclei

    return [
        save_nuclei(table, f"{stem}.nuclei.parquet"),
        write_nucleus_csv(table, f"{stem}.nuclei.csv"),
        write_qupath_nuclei(table, f"{stem}.nuclei.geojson.gz"),
        write_nucleus_summary(table, f"{stem}.nuclei.json"),
    ]
