"""What a file says of where its nuclei come from, and the checks before any of it is believed.

Room: results. JSON in, JSON out; opens nothing.
"""

import json
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, get_origin

from napari_focusqc.errors import NucleusFileError, OutputError
from napari_focusqc.results.nucleus_table import NucleusSource

FORMAT = 1
"""Version of the JSON, and of the files that hold it; a reader refuses a newer one."""

MAX_JSON_BYTES = 1 << 20
"""More than this is not read."""

_RANGES = {
    "mpp": (1e-6, 1e6),
    "least": (-1e6, 1e6),
    "plane": (0, 1 << 31),
    "searched_px2": (0, 1e18),
    "unreadable_px2": (0, 1e18),
    "deleted": (0, 1 << 31),
    "added": (0, 1 << 31),
}


def source_json(source: NucleusSource) -> str:
    """Return a source as one JSON object: its fields, and ``format``.

    Raises
    ------
    OutputError
        It holds a value that JSON cannot hold, such as a NaN, or that would not be read again.
    """
    try:
        text = json.dumps({"format": FORMAT, **source.to_dict()}, allow_nan=False)
        parse_source(text.encode(), Path(source.slide))
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"the source of the nuclei cannot be stored as JSON ({error}); it must hold plain "
            "finite values"
        ) from error
    return text


def parse_source(text: bytes, path: Path) -> NucleusSource:
    """Turn what `source_json` gave back into a source.

    Parameters
    ----------
    text
        The JSON, UTF-8; empty where the file has none.
    path
        The file, for the refusal.

    Raises
    ------
    NucleusFileError
        There is none, it is of a newer version, or a value is missing, of the wrong kind or absurd.
    """
    values = _object(text)
    version = values.get("format")
    if type(version) is not int:
        raise NucleusFileError(
            f"{path} does not say where its nuclei come from, so it is no table of ours; open the "
            "file that “focusqc nuclei” wrote"
        )
    if version > FORMAT:
        raise NucleusFileError(
            f"{path} was written by a newer napari-focusqc (format {version}, this one knows "
            f"{FORMAT}); update napari-focusqc to open it"
        )
    for field in fields(NucleusSource):
        if not _fits(field, values.get(field.name)):
            raise NucleusFileError(
                f"{path} says {field.name} = {values.get(field.name)!r} of its nuclei, which "
                "cannot be; find the nuclei again"
            )
    return NucleusSource(**{field.name: values[field.name] for field in fields(NucleusSource)})


def _object(text: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one where there is none."""
    if len(text) > MAX_JSON_BYTES:
        return {}
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _fits(field: Field[Any], value: Any) -> bool:
    """Say whether a value is of a field's kind and range; true, false and NaN are no numbers."""
    kind = get_origin(field.type) or field.type
    if type(value) is not kind and not (kind is float and type(value) is int):
        return False
    if field.name not in _RANGES:
        return True
    low, high = _RANGES[field.name]
    return bool(low <= value <= high)
