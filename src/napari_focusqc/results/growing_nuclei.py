"""A table of nuclei that grows on the disk, part by part, so that a killed run loses little.

Room: results. The folder ``NAME.unfinished`` beside the table's place holds ``run.json``, which
says what run this is, and ``NUMBER.parquet`` for each part of the slide that is finished: a table
by itself, whose source says what area was searched for it. A part appears whole or not at all.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_focusqc.errors import NucleusFileError, OutputError
from napari_focusqc.results.beside import as_output_error, folder_beside
from napari_focusqc.results.nucleus_files import NucleusWriter, load_nuclei, save_nuclei
from napari_focusqc.results.nucleus_source import MAX_JSON_BYTES
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

_ENDING, _RUN, _KEY = ".unfinished", "run.json", "focusqc"


class GrowingNuclei:
    """The nuclei of a run on their way to the disk.

    Parameters
    ----------
    path
        Where the finished Parquet file shall stand.

    Raises
    ------
    OutputError
        Something stands at `path`, or where the parts shall be, that must stay.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._folder = self.path.with_name(self.path.name + _ENDING)
        if self.path.is_dir():
            raise OutputError(f"{self.path} is a folder; choose another name for the nuclei")
        if self._folder.exists() and not _is_ours(self._folder):
            raise OutputError(
                f"{self._folder} exists and is not only the nuclei of an unfinished run, so it is "
                "not overwritten; choose another name"
            )

    def begin(self, source: NucleusSource, run: dict[str, Any]) -> NucleusSource:
        """Go on with the unfinished table of the same run, or begin a new one.

        Parameters
        ----------
        source
            Where the nuclei come from; the unfinished one's must agree with it in all but the time.
        run
            What else they depend on, as plain values: the slide's file, its parts, the region.

        Returns
        -------
        `source`, with the time of the first run.

        Raises
        ------
        OutputError
            The folder cannot be written.
        """
        facts = json.loads(json.dumps({"source": source.to_dict() | {"created": ""}, **run}))
        told = _told(self._folder)
        if told.get(_KEY) != facts or not isinstance(told.get("created"), str):
            told = {"created": source.created, _KEY: facts}
            with folder_beside(self._folder, _is_ours) as partial:
                (partial / _RUN).write_text(json.dumps(told), encoding="utf-8")
        self._source = replace(source, created=told["created"])
        return self._source

    def part(self, number: int) -> NucleusTable | None:
        """Return a part that is finished; None where it is not, or is damaged."""
        try:
            return load_nuclei(self._at(number))
        except NucleusFileError:
            return None

    def write(self, number: int, nuclei: NucleusTable) -> None:
        """Store a finished part.

        Raises
        ------
        OutputError
            The disk is full, or the folder is gone.
        """
        save_nuclei(nuclei, self._at(number))

    def finish(self, count: int) -> Path:
        """Put all parts together in their place, one in memory at a time; return the path.

        Parameters
        ----------
        count
            Number of parts; all are finished.

        Raises
        ------
        OutputError
            The file cannot be written.
        NucleusFileError
            A part was taken away or damaged meanwhile.
        """
        sources = (load_nuclei(self._at(number)).source for number in range(count))
        source = self._source.over(sources)
        with NucleusWriter.to(self.path, source) as writer:
            for number in range(count):
                writer.append(replace(load_nuclei(self._at(number)), source=source))
        with as_output_error(self._folder):
            shutil.rmtree(self._folder)
        return self.path

    def _at(self, number: int) -> Path:
        return self._folder / f"{number:06}.parquet"


def _is_ours(folder: Path) -> bool:
    """Say whether a folder holds an unfinished table and nothing else."""
    known = {_RUN, ".parquet"}
    return bool(_told(folder)) and all(
        entry.name in known or entry.suffix in known for entry in folder.iterdir()
    )


def _told(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` says; nothing where there is none of ours."""
    file = folder / _RUN
    try:
        if file.stat().st_size > MAX_JSON_BYTES:
            return {}
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) and isinstance(told.get(_KEY), dict) else {}
