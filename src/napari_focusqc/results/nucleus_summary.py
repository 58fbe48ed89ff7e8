"""The nuclei of a slide in a few numbers: how many, how dense, how many of them in focus.

Room: results.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_focusqc.results.json_file import write_json
from napari_focusqc.results.nucleus_source import source_json
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusTable

FORMAT = 1
"""Version of the summary's JSON."""


@dataclass(frozen=True, slots=True)
class NucleusSummary:
    """What a table says of its slide as a whole.

    Parameters
    ----------
    nuclei
        Their number.
    per_mm2
        Number per mm² searched; None where nothing was searched, as on a slide of glass.
    searched_mm2, unreadable_mm2
        `NucleusSource.searched_px2` and `NucleusSource.unreadable_px2` as mm².
    focus
        Number of nuclei of each `FocusFlag`, by the flag's words; every flag is there.
    """

    nuclei: int
    per_mm2: float | None
    searched_mm2: float
    unreadable_mm2: float
    focus: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return the summary as sentences for people, one per line."""
        density = "" if self.per_mm2 is None else f", {self.per_mm2:,.0f} per mm²"
        lines = [f"nuclei: {self.nuclei:,}{density} ({self.searched_mm2:.3g} mm² searched)"]
        if self.unreadable_mm2:
            lines.append(
                f"{self.unreadable_mm2:.2g} mm² could not be decoded, and nothing is known of them"
            )
        if self.focus[FocusFlag.UNKNOWN.words] < self.nuclei:
            lines += [f"{words}: {count:,}" for words, count in self.focus.items()]
        return lines


def summarise_nuclei(nuclei: NucleusTable) -> NucleusSummary:
    """Count and measure a table."""
    source, counts = nuclei.source, np.bincount(nuclei.in_focus, minlength=len(FocusFlag))
    mm2 = (source.mpp / 1000) ** 2
    return NucleusSummary(
        nuclei=len(nuclei),
        per_mm2=nuclei.per_mm2(source.searched_px2) if source.searched_px2 else None,
        searched_mm2=source.searched_px2 * mm2,
        unreadable_mm2=source.unreadable_px2 * mm2,
        focus={flag.words: int(counts[flag]) for flag in FocusFlag},
    )


def write_nucleus_summary(nuclei: NucleusTable, path: str | Path) -> Path:
    """Write the summary of a table as JSON, with where its nuclei come from inside.

    Parameters
    ----------
    nuclei
        The table.
    path
        JSON file to make or replace.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, `path` is a folder, or the nuclei's source holds
        a value that JSON cannot hold.
    """
    values = {
        "format": FORMAT,
        "summary": summarise_nuclei(nuclei).to_dict(),
        "source": json.loads(source_json(nuclei.source)),
    }
    return write_json(values, path)
