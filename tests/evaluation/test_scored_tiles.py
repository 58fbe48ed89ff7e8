"""Scored tiles as files."""

import csv
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.scored_tiles import ScoredTiles, write_tile_table

TILES = ScoredTiles(
    np.array([1.25, np.nan]), np.array([0.5, 6.0], np.float32), np.array([0, 3], np.int64)
)


def test_each_tile_has_a_row_and_an_abstained_one_no_score(tmp_path: Path):
    path = write_tile_table(TILES, tmp_path / "t.csv", "z_um", {"change": ["plain", "dim, very"]})
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["score", "z_um", "field", "change"],
        ["1.25", "0.5", "0", "plain"],
        ["", "6", "3", "dim, very"],
    ]


def test_parts_must_be_equally_long():
    with pytest.raises(EvaluationError, match="each tile needs one of each"):
        ScoredTiles(np.zeros(2), np.zeros(3), np.zeros(2, np.int64))
