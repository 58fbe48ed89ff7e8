"""Tables come back from the disk as they were, and what is no table is refused in a sentence."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_focusqc.errors import NucleusFileError, OutputError
from napari_focusqc.results import nucleus_files
from napari_focusqc.results.nucleus_files import (
    COLUMNS,
    GROUP,
    NucleusWriter,
    load_nuclei,
    nuclei_in_pieces,
    read_nucleus_csv,
    save_nuclei,
    write_nucleus_csv,
)
from napari_focusqc.results.nucleus_source import FORMAT, source_json
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable

SOURCE = NucleusSource(
    slide="Präparat 1.svs",
    mpp=0.2527,
    mpp_source="file",
    model="micronet",
    weights={"name": "w", "figures": {"f1": 0.9}, "data": [{"name": "d"}], "threshold": None},
    least=0.1,
    device="cpu",
    version="0.1.0",
    created="2026-01-01T00:00:00+00:00",
    plane=2,
)
ONCE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def of_bits(draw: Any, count: int, *shape: int, values: Any = FINITE) -> Any:
    return draw(arrays(np.float32, (count, *shape), elements=values))


@st.composite
def tables(draw: Any) -> NucleusTable:
    """Any finite places and peaks, to the last bit; any scores, with and without a value."""
    count = draw(st.integers(0, 12))
    return NucleusTable(
        of_bits(draw, count, 2),
        of_bits(draw, count),
        of_bits(draw, count, values=st.one_of(FINITE, st.sampled_from([np.nan, np.inf, -np.inf]))),
        draw(arrays(np.int8, count, elements=st.integers(0, 2))),
        SOURCE,
    )


def many(count: int, seed: int = 0) -> NucleusTable:
    """Return nuclei as a run gives them: at 32nds of a pixel, one in four without a score."""
    rng = np.random.default_rng(seed)
    return NucleusTable(
        (rng.integers(0, 60_000 * 32, (count, 2)) / 32).astype(np.float32),
        rng.uniform(0.1, 1, count).astype(np.float32),
        np.where(rng.random(count) < 0.25, np.nan, rng.normal(size=count)).astype(np.float32),
        rng.integers(0, 3, count).astype(np.int8),
        SOURCE,
    )


def assert_same(one: NucleusTable, other: NucleusTable) -> None:
    assert one.source == other.source
    for name in ("centres", "peaks", "focus", "in_focus"):
        found, truth = getattr(one, name), getattr(other, name)
        assert found.dtype == truth.dtype
        assert found.shape == truth.shape
        assert found.tobytes() == truth.tobytes(), name


SMALL = NucleusTable(
    np.array([[0, 10.5], [99, 0.1]], np.float32),
    np.array([1, 0.3], np.float32),
    np.array([np.nan, 2.5], np.float32),
    np.array([0, 2], np.int8),
    replace(SOURCE, mpp=0.25),
)


@ONCE
@given(tables())
def test_parquet_gives_back_every_bit(tmp_path: Path, table: NucleusTable) -> None:
    assert_same(load_nuclei(save_nuclei(table, tmp_path / "n.parquet")), table)


@ONCE
@given(tables())
def test_csv_gives_back_every_bit(tmp_path: Path, table: NucleusTable) -> None:
    assert_same(read_nucleus_csv(write_nucleus_csv(table, tmp_path / "n.csv"), SOURCE), table)


def test_the_csv_of_two_nuclei_is_this(tmp_path: Path) -> None:
    path = write_nucleus_csv(SMALL, tmp_path / "n.csv")
    assert path.read_bytes().decode() == (
        "y_px,x_px,y_um,x_um,peak,focus,in_focus\n"
        "0,10.5,0.125,2.75,1,,unknown\n"
        "99,0.1,24.875,0.15,0.3,2.5,out of focus\n"
    )


def test_any_reader_of_parquet_sees_this(tmp_path: Path) -> None:
    table = pyarrow.parquet.read_table(save_nuclei(SMALL, tmp_path / "n.parquet"))
    assert tuple(table.column_names) == COLUMNS
    row = table.slice(1).to_pylist()[0]
    assert row.pop("in_focus") == "out of focus"
    assert row == pytest.approx(
        {"y_px": 99, "x_px": 0.1, "y_um": 24.875, "x_um": 0.15, "peak": 0.3, "focus": 2.5}
    )
    assert table["focus"].null_count == 1
    assert json.loads(table.schema.metadata[b"focusqc"])["slide"] == "Präparat 1.svs"


def test_the_columns_never_change_their_order() -> None:
    assert COLUMNS[:7] == ("y_px", "x_px", "y_um", "x_um", "peak", "focus", "in_focus")


@pytest.mark.parametrize("sizes", [(), (0,), (0, 3, 0), (1,) * 50, (GROUP,), (GROUP - 1, 2, 70)])
def test_blocks_become_one_table_in_their_order(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    blocks = [many(size, seed) for seed, size in enumerate(sizes)]
    with NucleusWriter.to(tmp_path / "n.parquet", SOURCE) as writer:
        for block in blocks:
            writer.append(block)
    assert_same(load_nuclei(tmp_path / "n.parquet"), NucleusTable.together(blocks, SOURCE))


def test_row_groups_are_full_whatever_the_blocks(tmp_path: Path) -> None:
    whole = many(2 * GROUP + 100)
    with NucleusWriter.to(tmp_path / "n.parquet", SOURCE) as writer:
        for first in range(0, len(whole), 5000):
            writer.append(whole.only(slice(first, first + 5000)))
    pieces = list(nuclei_in_pieces(tmp_path / "n.parquet"))
    assert [len(piece) for piece in pieces] == [GROUP, GROUP, 100]
    assert_same(NucleusTable.together(pieces, SOURCE), whole)


def test_nuclei_reach_the_disk_before_the_run_ends(tmp_path: Path) -> None:
    with NucleusWriter.to(tmp_path / "n.parquet", SOURCE) as writer:
        sizes = []
        for seed in range(3):
            writer.append(many(GROUP, seed))
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
    assert sizes[0] > 100_000
    assert sizes[1] > 1.9 * sizes[0]
    assert sizes[2] > 2.9 * sizes[0]


def test_a_run_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = save_nuclei(SMALL, tmp_path / "n.parquet")
    with (
        pytest.raises(ZeroDivisionError),
        NucleusWriter.to(path, SOURCE) as writer,
    ):
        writer.append(many(GROUP + 1 // 0))
    assert_same(load_nuclei(path), SMALL)
    assert len(list(tmp_path.iterdir())) == 1


def test_nuclei_of_two_runs_are_not_mixed(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="are of two runs; write each"),
        NucleusWriter.to(tmp_path / "n.parquet", SOURCE) as writer,
    ):
        writer.append(many(3).at_least(0.5))
    assert list(tmp_path.iterdir()) == []


Write = Callable[[NucleusTable, Path], Path]


@pytest.mark.parametrize("write", [save_nuclei, write_nucleus_csv])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write(SMALL, tmp_path / "nowhere" / "n")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OutputError, match="taken cannot be written"):
        write(SMALL, tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    "odd",
    [{"weights": {"figure": np.nan}}, {"weights": {"of": {1, 2}}}, {"mpp": -1.0}, {"plane": -1}],
)
def test_a_source_that_could_not_be_read_again_is_not_written(
    tmp_path: Path, odd: dict[str, Any]
) -> None:
    with pytest.raises(OutputError, match="cannot be stored as JSON"):
        save_nuclei(replace(SMALL, source=replace(SOURCE, **odd)), tmp_path / "n.parquet")
    assert list(tmp_path.iterdir()) == []


def saved_with(path: Path, told: str | None, columns: pa.Table | None = None) -> Path:
    """Write a Parquet file like ours that tells of another source, or has other columns."""
    if columns is None:
        columns = pyarrow.parquet.read_table(save_nuclei(SMALL, path))
    metadata = None if told is None else {"focusqc": told}
    pyarrow.parquet.write_table(columns.replace_schema_metadata(metadata), path)
    return path


def test_another_parquet_file_is_no_table_of_nuclei(tmp_path: Path) -> None:
    with pytest.raises(NucleusFileError, match="does not say where its nuclei come from"):
        load_nuclei(saved_with(tmp_path / "n.parquet", None))


@pytest.mark.parametrize("told", ["", "{", "[]", "{}", '{"format": true}', "[" * 100_000, "\x00"])
def test_a_source_that_is_no_object_of_ours_is_refused(tmp_path: Path, told: str) -> None:
    with pytest.raises(NucleusFileError, match="does not say where its nuclei come from"):
        load_nuclei(saved_with(tmp_path / "n.parquet", told))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slide", None),
        ("mpp", "0.25"),
        ("mpp", True),
        ("mpp", 0),
        ("mpp", float("nan")),
        ("weights", []),
        ("least", float("inf")),
        ("plane", 1.5),
        ("plane", -1),
        ("created", 2026),
    ],
)
def test_a_value_that_cannot_be_is_named(tmp_path: Path, name: str, value: Any) -> None:
    told = json.dumps(json.loads(source_json(SOURCE)) | {name: value})
    with pytest.raises(NucleusFileError, match=f"says {name} = .* which cannot be"):
        load_nuclei(saved_with(tmp_path / "n.parquet", told))


def test_a_newer_file_asks_for_a_newer_program(tmp_path: Path) -> None:
    told = json.dumps(json.loads(source_json(SOURCE)) | {"format": FORMAT + 1})
    with pytest.raises(NucleusFileError, match="written by a newer napari-focusqc"):
        load_nuclei(saved_with(tmp_path / "n.parquet", told))


def columns_but(path: Path, name: str, values: pa.Array | None) -> Path:
    """Write a file like ours whose column `name` is another, or is missing."""
    columns = pyarrow.parquet.read_table(save_nuclei(SMALL, path))
    at = columns.column_names.index(name)
    changed = columns.drop([name]) if values is None else columns.set_column(at, name, values)
    return saved_with(path, source_json(SOURCE), changed)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("y_px", None),
        ("in_focus", None),
        ("x_px", pa.array([1.0, 2.0], pa.float64())),
        ("focus", pa.array(["1", "2"])),
        ("peak", pa.array([1, None], pa.float32())),
        ("y_px", pa.array([np.inf, 0], pa.float32())),
        ("x_px", pa.array([0, np.nan], pa.float32())),
        ("in_focus", pa.array(["in focus", "sharp"])),
        ("in_focus", pa.array([None, "in focus"])),
        ("in_focus", pa.array([[1], [2]])),
    ],
)
def test_columns_that_are_not_ours_are_refused(
    tmp_path: Path, name: str, values: pa.Array | None
) -> None:
    with pytest.raises(NucleusFileError):
        load_nuclei(columns_but(tmp_path / "n.parquet", name, values))


@pytest.mark.parametrize("read", [load_nuclei, lambda path: list(nuclei_in_pieces(path))])
def test_what_is_no_file_is_refused(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    with pytest.raises(NucleusFileError, match="cannot be read as a table of nuclei"):
        read(tmp_path / "nowhere.parquet")
    with pytest.raises(NucleusFileError, match="cannot be read as a table of nuclei"):
        read(tmp_path)


@pytest.mark.parametrize("limit", ["MAX_NUCLEI", "_MAX_GROUP"])
def test_more_nuclei_than_can_be_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    path = save_nuclei(many(20), tmp_path / "n.parquet")
    monkeypatch.setattr(nucleus_files, limit, 19)
    with pytest.raises(NucleusFileError, match="claims 20 nuclei"):
        load_nuclei(path)


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = save_nuclei(many(200), tmp_path / "n.parquet")
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(NucleusFileError):
            load_nuclei(path)


def test_a_column_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    path = save_nuclei(SMALL, tmp_path / "n.parquet")
    path.write_bytes(path.read_bytes().replace(b"y_um", b"\xff_um"))
    with pytest.raises(NucleusFileError):
        load_nuclei(path)


def test_no_flipped_bit_goes_unnoticed_among_the_values(tmp_path: Path) -> None:
    """Pages have checksums: a table is read as it was written, or not at all."""
    table = many(500)
    path = save_nuclei(table, tmp_path / "n.parquet")
    whole = bytearray(path.read_bytes())
    noticed = 0
    for at in np.random.default_rng(0).integers(4, len(whole) - 8, 150):
        whole[at] ^= 16
        path.write_bytes(whole)
        try:
            found = load_nuclei(path)
        except NucleusFileError:
            noticed += 1
        else:
            assert_same(replace(found, source=SOURCE), table)
        whole[at] ^= 16
    assert noticed > 75


HEAD = "y_px,x_px,peak,focus,in_focus\n"


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "n.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "y_px,x_px,peak,focus\n1,2,3,4\n",
        HEAD + "1,2,3\n",
        HEAD + "a,2,1,1,in focus\n",
        HEAD + "1,,1,1,in focus\n",
        HEAD + "1,nan,1,1,in focus\n",
        HEAD + "1,2,,1,in focus\n",
        HEAD + "1,2,1,?,in focus\n",
        HEAD + "1,2,1,1,sharp\n",
        HEAD + "1,2,1,1,\n",
    ],
)
def test_csv_that_is_no_table_of_nuclei_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(NucleusFileError, match=r"n\.csv"):
        read_nucleus_csv(csv(tmp_path, text), SOURCE)


def test_a_missing_csv_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NucleusFileError, match=r"nowhere\.csv cannot be read"):
        read_nucleus_csv(tmp_path / "nowhere.csv", SOURCE)


def test_csv_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """With a mark of its encoding, other line ends, another order and a column of its own."""
    text = "\ufeffnote,in_focus,focus,peak,x_px,y_px\r\nmine,in focus,,0.5,2,1\r\n"
    table = read_nucleus_csv(csv(tmp_path, text), SOURCE)
    assert table.centres.tolist() == [[1, 2]]
    assert table.peaks.tolist() == [0.5]
    assert np.isnan(table.focus).all()
    assert table.in_focus.tolist() == [FocusFlag.IN_FOCUS]
    assert table.source == SOURCE


def test_csv_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_bytes(HEAD.encode().replace(b"peak", b"p\xff,peak") + b"1,2,3,1,1,x")
    with pytest.raises(NucleusFileError):
        read_nucleus_csv(tmp_path / "n.csv", SOURCE)


def test_a_packed_csv_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "n.csv.gz"
    path.write_bytes(pa.compress(HEAD.encode() + b"1,2,1,1,in focus\n" * 9, "gzip", asbytes=True))
    with pytest.raises(NucleusFileError):
        read_nucleus_csv(path, SOURCE)
