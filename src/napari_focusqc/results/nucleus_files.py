"""Tables of nuclei on disk: Parquet without loss and in pieces, CSV for spreadsheets.

Room: results. Both have one row per nucleus and these columns, in this order; new ones are only
ever added at the end:

===============  ===========================================================================
`y_px`, `x_px`   centre, level-0 px, float32; whole numbers are the centres of pixels
`y_um`, `x_um`   centre, µm from the outer top left corner of the slide, as in the tile table
`peak`           value of the proximity map at the nucleus, 0 to about 1, float32
`focus`          score of its tile, higher = more out of focus; empty where there is none
`in_focus`       in focus, out of focus or unknown
===============  ===========================================================================

Parquet also holds the source, as JSON in the schema's metadata under ``focusqc``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from napari_focusqc.errors import NucleusFileError, OutputError
from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.nucleus_source import MAX_JSON_BYTES, parse_source, source_json
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable

GROUP = 1 << 16
"""Nuclei in a row group, and in one step of writing."""

MAX_NUCLEI = 100_000_000
"""More than this are taken for damage: 10,000 per mm² on 100 cm²."""

_MAX_GROUP = 1 << 20
_KEY = b"focusqc"
_WORDS = [flag.words for flag in FocusFlag]
_FLOATS = ("y_px", "x_px", "y_um", "x_um", "peak")
_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.float32(), nullable=False) for name in _FLOATS),
        pa.field("focus", pa.float32()),
        pa.field("in_focus", pa.dictionary(pa.int8(), pa.string()), nullable=False),
    ]
)
COLUMNS = tuple(_SCHEMA.names)
_READ = ("y_px", "x_px", "peak", "focus", "in_focus")
_UNREADABLE = (pa.ArrowException, OSError, KeyError, UnicodeDecodeError)


class NucleusWriter:
    """A Parquet file that grows block by block; made by `NucleusWriter.to`."""

    def __init__(self, file: Any, source: NucleusSource) -> None:
        self._file = file
        self._source = source
        self._waiting: list[NucleusTable] = []

    @classmethod
    @contextmanager
    def to(cls, path: str | Path, source: NucleusSource) -> Iterator["NucleusWriter"]:
        """Open a file for a ``with``; it takes its place at `path` when the block ends well.

        What waits in memory is less than a row group and one block.

        Parameters
        ----------
        path
            Parquet file to make or replace.
        source
            Where all nuclei come from.

        Raises
        ------
        OutputError
            The folder is missing, read-only or full, `path` is a folder, or the source holds a
            value that JSON cannot hold.
        """
        schema = _SCHEMA.with_metadata({_KEY: source_json(source)})
        with (
            file_beside(Path(path)) as partial,
            pyarrow.parquet.ParquetWriter(
                partial,
                schema,
                compression="zstd",
                use_dictionary=["in_focus"],
                write_page_checksum=True,
            ) as file,
        ):
            writer = cls(file, source)
            yield writer
            writer._write(1)

    def append(self, nuclei: NucleusTable) -> None:
        """Add nuclei after those before.

        Raises
        ------
        OutputError
            They come from another run, or the disk is full.
        """
        if nuclei.source != self._source:
            raise OutputError(
                f"the nuclei of {nuclei.source.slide}, from {nuclei.source.least:g}, and those of "
                f"{self._source.slide}, from {self._source.least:g}, are of two runs; write each "
                "into a file of its own"
            )
        self._waiting.append(nuclei)
        if sum(map(len, self._waiting)) >= GROUP:
            self._write(GROUP)

    def _write(self, size: int) -> None:
        """Write a multiple of so many of the nuclei that wait."""
        nuclei = NucleusTable.together(self._waiting, self._source)
        ready = len(nuclei) // size * size
        if ready:
            self._file.write_table(_arrow(nuclei.only(slice(ready))), row_group_size=GROUP)
        self._waiting = [nuclei.only(slice(ready, None))]


def save_nuclei(nuclei: NucleusTable, path: str | Path) -> Path:
    """Write a table as Parquet; return the path. Errors are those of `NucleusWriter`."""
    with NucleusWriter.to(path, nuclei.source) as writer:
        writer.append(nuclei)
    return Path(path)


def load_nuclei(path: str | Path) -> NucleusTable:
    """Read a Parquet table exactly as it was written.

    Raises
    ------
    NucleusFileError
        There is no such table at `path`, it was written by a newer version, or it is damaged.
    """
    with _opened(Path(path)) as (source, groups):
        return NucleusTable.together(groups, source)


def nuclei_in_pieces(path: str | Path) -> Iterator[NucleusTable]:
    """Read a Parquet table row group by row group, one of them in memory; none if it is empty.

    Raises
    ------
    NucleusFileError
        As for `load_nuclei`, while iterating.
    """
    with _opened(Path(path)) as (_, groups):
        yield from groups


def write_nucleus_csv(nuclei: NucleusTable, path: str | Path) -> Path:
    """Write a table as CSV: UTF-8, a header, commas, decimal points.

    Parameters
    ----------
    nuclei
        The table; its source is not in the file.
    path
        CSV file to make or replace.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    path = Path(path)
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    with file_beside(path) as partial, partial.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for first in range(0, len(nuclei), GROUP):
            rows = _arrow(nuclei.only(slice(first, first + GROUP)))
            words = rows["in_focus"].cast(pa.string())
            rows = rows.set_column(rows.num_columns - 1, "in_focus", words)
            pyarrow.csv.write_csv(rows, file, options)
    return path


def read_nucleus_csv(path: str | Path, source: NucleusSource) -> NucleusTable:
    """Read a CSV table; columns that are not ours, and µm, are left aside.

    Parameters
    ----------
    path
        CSV file with the columns `y_px`, `x_px`, `peak`, `focus` and `in_focus`, in any order.
    source
        Where its nuclei come from: a CSV file does not say.

    Raises
    ------
    NucleusFileError
        There is no such table at `path`, or a value is missing or not of its column's kind.
    """
    types = {name: _SCHEMA.field(name).type for name in _READ} | {"in_focus": pa.string()}
    options = pyarrow.csv.ConvertOptions(
        column_types=types, include_columns=_READ, null_values=[""], strings_can_be_null=True
    )
    try:
        # a file, as a name in .gz would be unpacked
        with Path(path).open("rb") as file:
            rows = pyarrow.csv.read_csv(file, convert_options=options)
    except _UNREADABLE as error:
        raise NucleusFileError(
            f"{path} cannot be read as a table of nuclei ({_first_line(error)}); it must have the "
            f"columns {', '.join(_READ)}"
        ) from error
    return _table(rows, source, Path(path))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[NucleusSource, Iterator[NucleusTable]]]:
    """Open a Parquet file, compare what it claims with what can be, and give its row groups."""
    try:
        with pyarrow.parquet.ParquetFile(
            path,
            page_checksum_verification=True,
            thrift_string_size_limit=4 * MAX_JSON_BYTES,
            thrift_container_size_limit=_MAX_GROUP,
        ) as file:
            _check_size(file.metadata, path)
            source = parse_source((file.schema_arrow.metadata or {}).get(_KEY, b""), path)
            numbers = range(file.num_row_groups)
            groups = (file.read_row_group(number, columns=list(_READ)) for number in numbers)
            yield source, (_table(group, source, path) for group in groups)
    except _UNREADABLE as error:
        raise NucleusFileError(
            f"{path} cannot be read as a table of nuclei ({_first_line(error)}); open the Parquet "
            "file that “focusqc nuclei” wrote"
        ) from error


def _check_size(metadata: Any, path: Path) -> None:
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    if sum(sizes) > MAX_NUCLEI or not all(0 <= size <= _MAX_GROUP for size in sizes):
        raise NucleusFileError(
            f"{path} claims {sum(sizes):,} nuclei, up to {max(sizes):,} in a row group; at most "
            f"{MAX_NUCLEI:,}, and {_MAX_GROUP:,} in a group, are believed"
        )


def _arrow(nuclei: NucleusTable) -> Any:
    """Return the columns of a table as Arrow arrays; a score that is NaN becomes a null."""
    (y_px, x_px), (y_um, x_um) = nuclei.centres.T, nuclei.centres_um.T.astype(np.float32)
    words = pa.DictionaryArray.from_arrays(pa.array(nuclei.in_focus), pa.array(_WORDS))
    values = (y_px, x_px, y_um, x_um, nuclei.peaks)
    floats = [pa.array(np.ascontiguousarray(value), pa.float32()) for value in values]
    return pa.table([*floats, pa.array(nuclei.focus, from_pandas=True), words], schema=_SCHEMA)


def _table(rows: Any, source: NucleusSource, path: Path) -> NucleusTable:
    """Turn columns back into a table, after looking at every value."""
    floats = {name: _floats(rows, name, path) for name in ("y_px", "x_px", "peak", "focus")}
    codes = pc.index_in(rows["in_focus"].cast(pa.string()), value_set=pa.array(_WORDS))
    whole = all(np.isfinite(floats[name]).all() for name in ("y_px", "x_px", "peak"))
    if codes.null_count or not whole:
        raise NucleusFileError(
            f"{path} holds a nucleus without a place, a peak or a flag that is one of "
            f"{', '.join(_WORDS)}; write the table again"
        )
    centres = np.stack([floats["y_px"], floats["x_px"]], axis=1)
    in_focus = codes.to_numpy().astype(np.int8)
    return NucleusTable(centres, floats["peak"], floats["focus"], in_focus, source)


def _floats(rows: Any, name: str, path: Path) -> NDArray[np.float32]:
    """Return a column as an array of its own; a null becomes NaN."""
    if rows[name].type != pa.float32():
        raise NucleusFileError(
            f"{path} has a column {name} of {rows[name].type}; it must be float32, as “focusqc "
            "nuclei” writes it"
        )
    return np.array(rows[name].to_numpy(), np.float32)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
