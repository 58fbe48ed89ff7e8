"""A focus map that grows on the disk, block by block, so that a killed run loses nothing.

Room: results. The folder ``NAME.unfinished`` beside the map's place has the layout of a map
(`store`), with tiles that are `Reason.NOT_RUN`. Zarr replaces a chunk's file as a whole, scores
are written before reasons, and a chunk has a checksum: a tile counts as not run or has its score.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_focusqc.errors import FocusQCError, MapFileError
from napari_focusqc.results.beside import as_output_error, check_replaceable, folder_beside, swap
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason
from napari_focusqc.results.map_attributes import is_only_a_focus_map
from napari_focusqc.results.store import create_map, load_map, open_to_write

_ENDING = ".unfinished"


class GrowingMap:
    """The map of a run on its way to the disk.

    Parameters
    ----------
    path
        Where the finished map shall stand, by custom ending in ``.ome.zarr``.
    fingerprint
        What else must be equal for a run to go on: of the slide's file, such as size and time.

    Raises
    ------
    OutputError
        Something stands at `path` that must stay.
    """

    def __init__(self, path: str | Path, fingerprint: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self._fingerprint = fingerprint or {}
        self._folder = self.path.with_name(self.path.name + _ENDING)
        check_replaceable(self.path, is_only_a_focus_map)

    def begin(self, empty: FocusMap) -> FocusMap:
        """Go on with the unfinished map of the same run, or begin a new one.

        Parameters
        ----------
        empty
            The map with nothing scored; the unfinished one must agree with it in all but the time.

        Returns
        -------
        The map to fill, with what was scored before; its `created` is the first run's.

        Raises
        ------
        OutputError
            The folder cannot be written, or something else stands there.
        """
        found = self._unfinished(empty)
        if found is None:
            with folder_beside(self._folder, is_only_a_focus_map) as partial:
                create_map(empty, partial, {"fingerprint": self._fingerprint})
            found = empty
        self._arrays = open_to_write(self._folder)
        return found

    def write(self, update: BlockUpdate) -> None:
        """Store a finished block.

        Raises
        ------
        OutputError
            The disk is full, or the folder is gone.
        """
        rows, cols = update.scores.shape
        at = np.s_[update.row : update.row + rows, update.col : update.col + cols]
        scores, reasons = self._arrays
        with as_output_error(self._folder):
            scores[at] = update.scores
            reasons[at] = update.reasons

    def finish(self) -> Path:
        """Put the map in its place; return the path.

        Raises
        ------
        OutputError
            It cannot be renamed.
        """
        with as_output_error(self.path):
            swap(self._folder, self.path)
        return self.path

    def _unfinished(self, empty: FocusMap) -> FocusMap | None:
        """Return what an earlier run left, where it is of the same run and sound."""
        try:
            told = json.loads((self._folder / "zarr.json").read_text("utf-8"))["attributes"]
            if told.get("fingerprint") != self._fingerprint:
                return None
            return go_on(load_map(self._folder), empty)
        except (FocusQCError, OSError, ValueError, KeyError):
            return None


def go_on(earlier: FocusMap, empty: FocusMap) -> FocusMap:
    """Return an earlier map to be scored further.

    Parameters
    ----------
    earlier
        Scored in part.
    empty
        The map as the run would begin it. What it has scored already is kept as well.

    Returns
    -------
    `empty`, with the scores and reasons of `earlier` and the time it was begun; arrays of its own.

    Raises
    ------
    MapFileError
        The two differ in slide, model, settings, tissue or place.
    """
    glass = [focus_map.reasons == Reason.GLASS for focus_map in (earlier, empty)]
    same = _identity(earlier) == _identity(empty) and np.array_equal(*glass)
    if not (same and np.array_equal(earlier.tissue, empty.tissue)):
        raise MapFileError(
            f"the map of {earlier.source.slide} by {earlier.source.model} was made with another "
            "slide or other settings; score from the beginning"
        )
    fresh = earlier.reasons == Reason.NOT_RUN
    return replace(
        empty,
        scores=np.where(fresh, empty.scores, earlier.scores),
        reasons=np.where(fresh, empty.reasons, earlier.reasons),
        source=replace(empty.source, created=earlier.source.created),
    )


def _identity(focus_map: FocusMap) -> dict[str, Any]:
    """Return all of a map's facts that its scores depend on."""
    source = focus_map.source.to_dict()
    del source["created"]
    plain: dict[str, Any] = json.loads(json.dumps({"grid": asdict(focus_map.grid), **source}))
    return plain


def file_fingerprint(path: Path | None) -> dict[str, Any]:
    """Return size and time of a slide's file, so that another file of its name is told from it."""
    if path is None or not path.is_file():
        return {}
    stat = path.stat()
    return {"bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}
