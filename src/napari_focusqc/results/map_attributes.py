"""What the JSON of a saved map says, and the checks before any of it is believed.

Room: results. Plain values in, plain values out; opens no array. The layout is documented in
docs/scoring.md, “The map file”.
"""

import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.results.focus_map import FocusMap, MapSource, Reason
from napari_focusqc.tiles.grid import TileGrid

FORMAT = 1
"""Version of the layout; a reader refuses a newer one."""

MAX_TILES = 100_000_000
"""More tiles than this are taken for damage: 640,000 × 640,000 px in steps of 64 px."""

_MAX_JSON_BYTES = 1 << 20
_OWN_ENTRIES = frozenset({"zarr.json", "0", "focusqc", ".DS_Store", "Thumbs.db", "desktop.ini"})
_GRID_LIMITS = {
    "tile_px": (1, 1 << 20),
    "stride_px": (1, 1 << 20),
    "row0": (0, 1 << 31),
    "col0": (0, 1 << 31),
    "rows": (1, MAX_TILES),
    "cols": (1, MAX_TILES),
}


def map_attributes(focus_map: FocusMap) -> dict[str, Any]:
    """Return the attributes of a map's group: NGFF 0.5 under ``ome``, ours under ``focusqc``.

    Raises
    ------
    OutputError
        The map's grid or source holds a value that `load_map` would refuse or JSON cannot hold,
        such as a NaN.
    """
    ours = {
        "format": FORMAT,
        "grid": asdict(focus_map.grid),
        "source": focus_map.source.to_dict(),
        "reasons": {reason.name.lower(): int(reason) for reason in Reason},
    }
    try:
        text = json.dumps({"ome": _ngff(focus_map), "focusqc": ours}, allow_nan=False)
        values = cast(dict[str, Any], json.loads(text))
        parse_attributes(values["focusqc"])
    except MapFileError as error:
        raise OutputError(
            f"the map cannot be saved, as it could not be read again: {error}"
        ) from error
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"the map's source cannot be stored as JSON ({error}); it must hold plain finite values"
        ) from error
    return values


def _ngff(focus_map: FocusMap) -> dict[str, Any]:
    """Return OME-Zarr 0.5 metadata; see https://ngff.openmicroscopy.org/0.5/.

    A coordinate is that of a pixel's centre, as in NGFF and napari: zero is the centre of the
    slide's first pixel, half a pixel inside its outer corner.
    """
    half_px = focus_map.source.mpp / 2
    first = [centre - half_px for centre in focus_map.first_centre_um]
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": f"focus of {focus_map.source.slide}",
                "axes": [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [
                            {"type": "scale", "scale": [focus_map.stride_um] * 2},
                            {"type": "translation", "translation": first},
                        ],
                    }
                ],
            }
        ],
    }


def is_focus_map(path: str | Path) -> bool:
    """Say whether a folder says of itself that it is a focus map; reads one small JSON file."""
    try:
        focusqc_attributes(Path(path))
    except MapFileError:
        return False
    return True


def is_only_a_focus_map(path: Path) -> bool:
    """Say whether a folder is a focus map and holds nothing that `save_map` did not write."""
    if path.is_symlink() or not is_focus_map(path):
        return False
    return _OWN_ENTRIES.issuperset(entry.name for entry in path.iterdir())


def focusqc_attributes(folder: Path) -> dict[str, Any]:
    """Read the ``focusqc`` attributes of a map's group.

    Raises
    ------
    MapFileError
        There is no such folder, or it is not a focus map.
    """
    if not folder.exists():
        raise MapFileError(f"there is no focus map at {folder}; check the name")
    values = read_json(folder / "zarr.json").get("attributes")
    ours = values.get("focusqc") if isinstance(values, dict) else None
    if not isinstance(ours, dict) or "format" not in ours:
        raise MapFileError(
            f"{folder} is not a focus map; open the folder that “focusqc score” wrote"
        )
    return ours


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON object from a map's folder.

    Raises
    ------
    MapFileError
        The file is missing, larger than 1 MiB, or no JSON object.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise MapFileError(f"{path} is larger than 1 MiB, so it is not part of a focus map")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, MapFileError):
            raise
        raise MapFileError(
            f"{path} is missing or no JSON, so this is not a focus map or a damaged one; open the "
            "folder that “focusqc score” wrote"
        ) from error
    if not isinstance(values, dict):
        raise MapFileError(f"{path} holds no JSON object, so {path.parent} is not a focus map")
    return values


def parse_attributes(ours: dict[str, Any]) -> tuple[TileGrid, MapSource]:
    """Turn the ``focusqc`` attributes back into a grid and a source.

    Raises
    ------
    MapFileError
        The layout is newer than this program, or a value is missing, of the wrong kind or absurd.
    """
    version = ours.get("format")
    _check_whole("format", version, 1, 1 << 31)
    if cast(int, version) > FORMAT:
        raise MapFileError(
            f"the map was written by a newer napari-focusqc (format {version}, this one knows "
            f"{FORMAT}); update napari-focusqc to open it"
        )
    if ours.get("reasons") != {reason.name.lower(): int(reason) for reason in Reason}:
        raise MapFileError("the map's names of reasons are not those of this format; save it again")
    return _parse_grid(_object(ours, "grid")), _parse_source(_object(ours, "source"))


def _parse_grid(values: dict[str, Any]) -> TileGrid:
    shape = values.get("shape")
    if not isinstance(shape, list) or len(shape) != 2:
        raise MapFileError(f"the map's grid has the shape {shape!r}; it must be [height, width]")
    for side in shape:
        _check_whole("shape", side, 1, 1 << 31)
    for name, (low, high) in _GRID_LIMITS.items():
        _check_whole(name, values.get(name), low, high)
    if values["rows"] * values["cols"] > MAX_TILES:
        raise MapFileError(
            f"the map claims {values['rows']} × {values['cols']} tiles; at most {MAX_TILES} "
            "are believed"
        )
    scale = _number("scale", values.get("scale"), 1e-3, 1e6)
    whole = {name: values[name] for name in _GRID_LIMITS}
    return TileGrid(shape=(shape[0], shape[1]), scale=scale, **whole)


def _parse_source(values: dict[str, Any]) -> MapSource:
    texts = [field.name for field in fields(MapSource) if field.type is str]
    for name in texts:
        if not isinstance(values.get(name), str):
            raise MapFileError(f"the map says {name} = {values.get(name)!r}; it must be text")
    plane = values.get("plane")
    _check_whole("plane", plane, 0, 1 << 31)
    return MapSource(
        **{name: values[name] for name in texts},
        mpp=_number("mpp", values.get("mpp"), 1e-6, 1e6),
        plane=cast(int, plane),
        weights=_object(values, "weights"),
        threshold=_number_or_none("threshold", values, -math.inf),
        min_structure=_number_or_none("min_structure", values, 0.0),
    )


def _number_or_none(name: str, values: dict[str, Any], low: float) -> float | None:
    """Check a number that may be null, or missing in maps of versions that did not know it."""
    value = values.get(name)
    return None if value is None else _number(name, value, low, math.inf)


def _object(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise MapFileError(f"the map's {name} is missing or no JSON object; the map is damaged")
    return value


def _number(name: str, value: object, low: float, high: float) -> float:
    """Check a JSON number; NaN lies in no range."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= cast(float, value) <= high:
        raise MapFileError(
            f"the map says {name} = {value!r}; it must be a number in {low:g}…{high:g}"
        )
    return cast(float, value)


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    """Check a JSON integer; true and false are none."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not low <= cast(int, value) <= high:
        raise MapFileError(
            f"the map says {name} = {value!r}; it must be a whole number in {low}…{high}"
        )
