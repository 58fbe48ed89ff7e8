"""A table in a few numbers, by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import OutputError
from napari_focusqc.results.nucleus_source import parse_source, source_json
from napari_focusqc.results.nucleus_summary import summarise_nuclei, write_nucleus_summary
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

SOURCE = NucleusSource(
    slide="s.svs",
    mpp=0.5,
    mpp_source="file",
    model="micronet",
    weights={"name": "w"},
    least=0.3,
    device="cpu",
    version="0.1.0",
    created="2026-01-01T00:00:00+00:00",
    tissue="otsu: tissue has Y ≤ 0.8",
    searched_px2=8e6,
    unreadable_px2=4e5,
)
TABLE = NucleusTable.found(np.zeros((5000, 2)), np.ones(5000), SOURCE)


def test_nuclei_are_counted_per_area_searched() -> None:
    found = summarise_nuclei(TABLE)
    assert found.nuclei == 5000
    assert found.searched_mm2 == pytest.approx(2.0)
    assert found.per_mm2 == pytest.approx(2500)
    assert found.unreadable_mm2 == pytest.approx(0.1)
    assert found.lines() == [
        "nuclei: 5,000, 2,500 per mm² (2 mm² searched)",
        "0.1 mm² could not be decoded, and nothing is known of them",
    ]


def test_focus_is_told_where_it_is_known() -> None:
    flags = np.repeat(np.int8([0, 1, 2]), [1000, 3000, 1000])
    found = summarise_nuclei(replace(TABLE, in_focus=flags))
    assert found.focus == {"unknown": 1000, "in focus": 3000, "out of focus": 1000}
    assert found.lines()[2:] == ["unknown: 1,000", "in focus: 3,000", "out of focus: 1,000"]


def test_glass_has_no_density() -> None:
    source = replace(SOURCE, searched_px2=0.0, unreadable_px2=0.0)
    found = summarise_nuclei(NucleusTable.found([], [], source))
    assert found.per_mm2 is None
    assert found.lines() == ["nuclei: 0 (0 mm² searched)"]


def test_areas_of_parts_add_up_in_any_order() -> None:
    parts = [replace(SOURCE, searched_px2=0.1, unreadable_px2=float(n)) for n in range(10)]
    for some in (parts, parts[::-1]):
        whole = SOURCE.over(some)
        assert (whole.searched_px2, whole.unreadable_px2) == (1.0, 45.0)
        assert replace(whole, searched_px2=8e6, unreadable_px2=4e5) == SOURCE
    assert SOURCE.over([]).searched_px2 == 0


def test_areas_and_tissue_travel_in_the_files_json() -> None:
    assert parse_source(source_json(SOURCE).encode(), Path("n.parquet")) == SOURCE
    for area in (-1.0, float("nan")):
        with pytest.raises(OutputError):
            source_json(replace(SOURCE, searched_px2=area))


def test_the_file_says_all_and_where_it_comes_from(tmp_path: Path) -> None:
    told = json.loads(write_nucleus_summary(TABLE, tmp_path / "n.json").read_text("utf-8"))
    assert told["format"] == 1
    assert told["summary"] == summarise_nuclei(TABLE).to_dict()
    assert told["source"]["tissue"] == SOURCE.tissue
    with pytest.raises(OutputError):
        write_nucleus_summary(TABLE, tmp_path / "none" / "n.json")
