"""Figures as tables, for a terminal, for JSON and for the weights' card.

Room: evaluation. Lays words and numbers out; measures nothing.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from io import StringIO
from typing import Any, Protocol

import numpy as np

Cell = str | int | float


@dataclass(frozen=True, slots=True)
class FiguresTable:
    """A table with a title.

    Parameters
    ----------
    title
        What it shows.
    columns
        Names of the columns.
    rows
        Cells of each row; NaN where nothing could be measured.
    notes
        Sentences a reader must know.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return heading and rows as words, as a reader wants them."""
        return self.columns, [tuple(_words(cell) for cell in row) for row in self.rows]

    def lines(self) -> list[str]:
        """Return title, heading, rows and notes; words to the left, numbers to the right."""
        heads, rows = self.cells()
        text = [heads, *rows]
        widths = [max(map(len, column)) for column in zip(*text, strict=True)]
        left = [all(isinstance(row[n], str) for row in self.rows) for n in range(len(self.columns))]
        body = [
            "  "
            + "  ".join(
                cell.ljust(width) if to_left else cell.rjust(width)
                for cell, width, to_left in zip(row, widths, left, strict=True)
            ).rstrip()
            for row in text
        ]
        return [self.title, *body, *(f"  {note}" for note in self.notes)]

    def markdown(self) -> str:
        """Return title, rows and notes as a page of Markdown."""
        heads, rows = self.cells()
        lines = [heads, ("---",) * len(heads), *rows]
        table = [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]
        return (
            "\n".join([f"### {self.title}", "", *table, "", *(f"- {n}" for n in self.notes)]) + "\n"
        )

    def csv(self) -> str:
        """Return columns and rows as CSV: commas, decimal points, nothing where it is NaN."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(["" if cell is None else cell for cell in plain(row)] for row in self.rows)
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Return columns and rows as `WeightsCard.tables` holds them under the title."""
        return {"columns": list(self.columns), "rows": [list(plain(row)) for row in self.rows]}


class Figures(Protocol):
    """What a protocol found."""

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return it for readers."""

    def to_dict(self) -> dict[str, Any]:
        """Return it for programs: plain numbers, None where nothing could be measured."""


def measures(title: str, rows: Mapping[str, Cell], notes: Sequence[str] = ()) -> FiguresTable:
    """Lay single measures out, one a line."""
    return FiguresTable(title, ("measure", "value"), tuple(rows.items()), tuple(notes))


def plain(value: Any) -> Any:
    """Turn figures into what JSON holds: four significant digits, None for NaN.

    Parameters
    ----------
    value
        Numbers, words, sequences, mappings and dataclasses of them; a dataclass loses the fields
        that are curves, which are drawn and not listed.
    """
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return plain({name: each for name, each in named.items() if not _is_curve(each)})
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return value


def _is_curve(value: Any) -> bool:
    """Tell a dataclass of arrays."""
    return is_dataclass(value) and any(
        isinstance(getattr(value, field.name), np.ndarray) for field in fields(value)
    )


def _words(cell: Cell) -> str:
    """Write a cell as a reader wants it: three places, thousands parted."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int):
        return f"{cell:,}"
    if np.isnan(cell):
        return "–"
    return f"{cell:.3f}" if cell == 0 or abs(cell) >= 0.001 else f"{cell:.1e}"
