"""`focusqc score`: a slide's map, tables and overlay.

Room: cli.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.cli.options import read_settings
from napari_focusqc.cli.out_folder import make_out_folder
from napari_focusqc.cli.progress_bar import run_with_bar
from napari_focusqc.pipeline import score_slide
from napari_focusqc.results.estimate import estimate
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.summary import summarise, write_summary
from napari_focusqc.results.tables import write_tile_csv
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.slide import Slide

OVERVIEW_PX = 1600
"""Longest side of the slide under the overlay; every pyramid ends at 1024 px or less."""


def score(arguments: argparse.Namespace) -> None:
    """Score a slide and write its map, tables and an overlay."""
    score_into(arguments.out, arguments.slide, read_settings(arguments, ScoreSettings))


def score_into(folder: Path, path: Path, settings: ScoreSettings) -> tuple[FocusMap, Path]:
    """Score a slide, write and print the results; return the map and where it is saved."""
    slide = open_slide(path)
    try:
        for note in slide.info.notes:
            print(f"focusqc: note: {note}", file=sys.stderr)
        out = make_out_folder(folder)
        stem = out / (stem_of(slide.name) + (".quick" if settings.quick else ""))
        saved = Path(f"{stem}.focus.ome.zarr")
        focus_map = run_with_bar(score_slide(slide, settings, save_to=saved), slide.name)
        written = [saved, *_write(focus_map, slide, stem)]
    finally:
        slide.close()
    known = [estimate(focus_map).line()] if settings.quick else []
    for line in [*known, *summarise(focus_map).lines(), *(f"wrote {path}" for path in written)]:
        print(line)
    return focus_map, written[0]


def _write(focus_map: FocusMap, slide: Slide, stem: Path) -> list[Path]:
    """Write tables and a picture of a map, and return where."""
    from napari_focusqc.evaluation.figures import write_overlay

    thumbnail = overview(slide, focus_map.source.plane)
    return [
        write_tile_csv(focus_map, Path(f"{stem}.tiles.csv")),
        write_summary(summarise(focus_map), focus_map, Path(f"{stem}.summary.json")),
        write_overlay(focus_map, thumbnail, Path(f"{stem}.overlay.png")),
    ]


def overview(slide: Slide, plane: int = 0) -> NDArray[np.uint8]:
    """Return a whole plane of a slide in little, uint8 (h, w, 3), at most `OVERVIEW_PX` long."""
    small = next(p for p in slide.pyramid() if max(p.shape[-3:-1]) <= OVERVIEW_PX)
    return np.asarray(small[plane] if small.ndim == 4 else small)


def stem_of(name: str) -> str:
    """Take a slide's ending off its name, and no other dots: TCGA's names are full of them."""
    return re.sub(r"\.(ome\.)?\w{1,8}$", "", name, flags=re.IGNORECASE) or name
