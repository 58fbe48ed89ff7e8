"""A measured stack on disk: an OME-Zarr 0.5 image of the heights of focus, with our own arrays.

Room: results. In the group stand ``0``, the height of focus (y, x) as any OME-Zarr reader shows it,
and under ``stack`` what it was worked out from: ``distances`` (pair, y, x), ``merits`` (figure,
plane, y, x), ``found`` (y, x). Attributes: NGFF's under ``ome``, ours under ``focusqc_stack``.
"""

import json
from dataclasses import asdict, fields
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.storage import LocalStore

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.results.beside import folder_beside
from napari_focusqc.results.distance_map import DistanceMap, StackSource
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.results.map_attributes import MAX_TILES, read_json
from napari_focusqc.results.stored_arrays import read_array, write_array
from napari_focusqc.slides.planes import rising
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.sharpness import FIGURES

FORMAT = 1
"""Version of the layout; a reader refuses a newer one."""
MAX_PLANES = 10_000
_KEY = "focusqc_stack"
_FOCUS, _DISTANCES, _MERITS, _FOUND = "0", "stack/distances", "stack/merits", "stack/found"
_OWN_ENTRIES = frozenset({"zarr.json", "0", "stack", ".DS_Store", "Thumbs.db", "desktop.ini"})


def save_distance_map(distance_map: DistanceMap, path: str | Path) -> Path:
    """Write a measured stack without loss, beside `path` first, then renamed.

    Parameters
    ----------
    distance_map
        What to save.
    path
        Folder to make, by custom ending in ``.ome.zarr``. A measured stack that stands there is
        replaced once the new one is complete; anything else is left alone.

    Returns
    -------
    The path of the folder.

    Raises
    ------
    OutputError
        The parent folder is missing, read-only or full; something else stands at `path`; or the
        source holds what JSON cannot.
    """
    path, source = Path(path), distance_map.source
    ours = {
        "format": FORMAT,
        "grid": asdict(distance_map.grid),
        "source": source.to_dict(),
        "figures": list(FIGURES),
        "reasons": _reasons(),
    }
    try:
        text = json.dumps({"ome": _ngff(distance_map), _KEY: ours}, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"the source of the stack cannot be stored as JSON ({error}); it must hold plain "
            "finite values"
        ) from error
    with folder_beside(path, _is_only_a_distance_map) as partial:
        store = LocalStore(partial)
        group = zarr.create_group(store, zarr_format=3, attributes=json.loads(text))
        group.create_group("stack")
        write_array(group, _FOCUS, distance_map.focus_um, ("y", "x"))
        if source.pairs:
            write_array(group, _DISTANCES, distance_map.distances_um, ("pair", "y", "x"))
        write_array(group, _MERITS, distance_map.merits, ("figure", "plane", "y", "x"))
        write_array(group, _FOUND, distance_map.found, ("y", "x"))
    return path


def load_distance_map(path: str | Path) -> DistanceMap:
    """Read a measured stack that `save_distance_map` wrote, exactly as it was.

    Raises
    ------
    MapFileError
        There is none at `path`, it was written by a newer version, or it is damaged.
    """
    path = Path(path)
    try:
        grid, source = _parsed(_attributes(path))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, MapFileError):
            raise
        raise MapFileError(
            f"{path} is damaged: its attributes are not those of a measured stack ({error!r}); "
            "measure again"
        ) from error
    tiles, planes = (grid.rows, grid.cols), len(source.planes)
    pairs = (len(source.pairs), *tiles)
    distances = np.empty((0, *tiles), np.float32)
    if source.pairs:
        distances = read_array(path, _DISTANCES, pairs, np.float32)
    merits = read_array(path, _MERITS, (len(FIGURES), planes, *tiles), np.float32)
    found = read_array(path, _FOUND, tiles, np.uint8)
    if int(found.max()) > StackReason.NOT_RUN:
        raise MapFileError(f"{path} is damaged: it holds reasons that have no name")
    return DistanceMap.of(distances, merits, found, grid, source)


def _is_only_a_distance_map(path: Path) -> bool:
    """Say whether a folder is a measured stack and holds nothing that was not written here."""
    if path.is_symlink() or not path.is_dir():
        return False
    try:
        _attributes(path)
    except MapFileError:
        return False
    return _OWN_ENTRIES.issuperset(entry.name for entry in path.iterdir())


def _attributes(folder: Path) -> dict[str, Any]:
    """Read our attributes of a group; what is no measured stack is refused."""
    values = read_json(folder / "zarr.json").get("attributes")
    ours = values.get(_KEY) if isinstance(values, dict) else None
    if not isinstance(ours, dict):
        raise MapFileError(
            f"{folder} is no measured stack; open the folder that “focusqc zstack” wrote"
        )
    return ours


def _parsed(ours: dict[str, Any]) -> tuple[TileGrid, StackSource]:
    """Turn our attributes back into a grid and a source; nothing absurd is believed."""
    if ours["format"] != FORMAT:
        raise MapFileError(
            f"the stack was written by another napari-focusqc (format {ours['format']!r}, this one "
            f"knows {FORMAT}); update napari-focusqc to open it"
        )
    if (ours["figures"], ours["reasons"]) != (list(FIGURES), _reasons()):
        raise MapFileError("the stack's figures and reasons are not those of this format")
    grid = TileGrid(**(ours["grid"] | {"shape": tuple(map(_whole, ours["grid"]["shape"]))}))
    whole = (grid.tile_px, grid.stride_px, grid.rows, grid.cols)
    counts = (*map(_whole, whole), grid.scale, *grid.shape)
    firsts = (_whole(grid.row0), _whole(grid.col0))
    if min(counts) <= 0 or len(counts) != 7 or min(firsts) < 0:
        raise MapFileError(f"the stack's grid {grid} makes no sense; measure again")
    source = _parsed_source(ours["source"])
    if grid.rows * grid.cols * len(source.planes) > MAX_TILES:
        raise MapFileError(
            f"the stack claims {grid.rows} × {grid.cols} tiles in {len(source.planes)} planes; at "
            f"most {MAX_TILES} are believed"
        )
    return grid, source


def _parsed_source(values: dict[str, Any]) -> StackSource:
    """Turn a source's plain values back, its planes and pairs checked."""
    known = {field.name: values[field.name] for field in fields(StackSource)}
    known["planes"] = tuple(map(_whole, known["planes"]))
    known["z_um"] = tuple(map(float, known["z_um"]))
    known["pairs"] = tuple((_whole(first), _whole(second)) for first, second in known["pairs"])
    source = StackSource(**known)
    lengths = (source.mpp, source.depth_of_field_um)
    places = [place for pair in source.pairs for place in pair]
    sound = (
        2 <= len(source.planes) == len(source.z_um) <= MAX_PLANES
        and rising(source.z_um)
        and all(0 <= place < len(source.planes) for place in places)
        and source.merit in FIGURES
        and all(each is None or (isfinite(each) and each > 0) for each in lengths)
    )
    if not sound:
        raise MapFileError("the stack's planes, pairs or lengths make no sense; measure again")
    return source


def _whole(value: object) -> int:
    """Return a JSON integer; true and false are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MapFileError(f"the stack says {value!r} where a whole number must be")
    return value


def _reasons() -> dict[str, int]:
    """Return the names of what is stored in ``found``."""
    return {each.name.lower(): int(each) for each in StackReason if each <= StackReason.NOT_RUN}


def _ngff(distance_map: DistanceMap) -> dict[str, Any]:
    """Return OME-Zarr 0.5 metadata; pixels where µm/px is unknown, as a unit-less length."""
    grid, mpp = distance_map.grid, distance_map.source.mpp
    unit = {} if mpp is None else {"unit": "micrometer"}
    length = mpp or 1.0
    first = [(centre - 0.5) * length for centre in grid.first_centre_level0]
    placed = [
        {"type": "scale", "scale": [grid.stride_level0 * length] * 2},
        {"type": "translation", "translation": first},
    ]
    image = {
        "name": f"height of focus of {distance_map.source.slide}",
        "axes": [{"name": name, "type": "space", **unit} for name in "yx"],
        "datasets": [{"path": "0", "coordinateTransformations": placed}],
    }
    return {"version": "0.5", "multiscales": [image]}
