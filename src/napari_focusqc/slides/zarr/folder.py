"""The JSON files of a Zarr folder: what each folder of it is, and its attributes.

Room: slides. Reads small text files only; knows Zarr 2 and 3, and no OME.
"""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from napari_focusqc.errors import NotASlideError

MOST_JSON_BYTES = 1 << 24
"""A larger metadata file is not read."""

MOST_SAID = 200
"""Characters of a text from a file that are repeated in a sentence."""

_V3, _V2_GROUP, _V2_ARRAY, _V2_ATTRIBUTES = "zarr.json", ".zgroup", ".zarray", ".zattrs"
_METADATA_FILES = (_V3, _V2_GROUP, _V2_ARRAY, _V2_ATTRIBUTES, ".zmetadata")


@dataclass(frozen=True, slots=True)
class ZarrNode:
    """One folder of a Zarr hierarchy.

    Parameters
    ----------
    folder
        Where it lies.
    zarr_format
        The version of Zarr it is written in.
    kind
        Whether it holds pixels, or other folders.
    file
        Its metadata file; without it there is no such node.
    document
        What that file says.
    attributes
        What its writer says of it.
    """

    folder: Path
    zarr_format: Literal[2, 3]
    kind: Literal["group", "array"]
    file: Path
    document: dict[str, Any]
    attributes: dict[str, Any]


def zarr_folder(path: Path) -> Path:
    """Return the folder that a metadata file speaks of; any other path as it is."""
    return path.parent if path.name in _METADATA_FILES and stands(path) else path


def is_zarr(folder: Path) -> bool:
    """Say whether a folder is a Zarr group or array, by the names in it."""
    return any(stands(folder / name) for name in (_V3, _V2_GROUP, _V2_ARRAY))


def stands(file: Path) -> bool:
    """Say whether a file is there; on a disk that does not answer it is not."""
    try:
        return file.is_file()
    except OSError:
        return False


def read_node(folder: Path) -> ZarrNode:
    """Read what a folder of a Zarr hierarchy is.

    Raises
    ------
    NotASlideError
        It is none, or its JSON is damaged or larger than `MOST_JSON_BYTES`.
    """
    if stands(folder / _V3):
        document = _read_json(folder / _V3)
        attributes = document.get("attributes")
        return ZarrNode(
            folder=folder,
            zarr_format=3,
            kind="array" if document.get("node_type") == "array" else "group",
            file=folder / _V3,
            document=document,
            attributes=attributes if isinstance(attributes, dict) else {},
        )
    for file in (folder / _V2_ARRAY, folder / _V2_GROUP):
        if stands(file):
            own = folder / _V2_ATTRIBUTES
            return ZarrNode(
                folder=folder,
                zarr_format=2,
                kind="array" if file.name == _V2_ARRAY else "group",
                file=file,
                document=_read_json(file),
                attributes=_read_json(own) if stands(own) else {},
            )
    raise NotASlideError(
        f"{folder.name} has no zarr.json, .zgroup or .zarray, so a part of the image is missing; "
        "copy the whole folder again"
    )


def inside(folder: Path, path: object, name: str) -> Path:
    """Return a folder named by a path in the metadata.

    Parameters
    ----------
    folder
        The folder that the path starts from.
    path
        As the metadata gives it, with ``/``.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        The path is none, or leads out of the folder.
    """
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    if not parts or any(part in ("/", "..") or "\\" in part or ":" in part for part in parts):
        raise NotASlideError(
            f"{name} names a level {one_line(repr(path))}, which is no folder inside it; "
            "export it again"
        )
    return folder.joinpath(*parts)


def one_line(found: object) -> str:
    """Return what a file or an error says, short and on one line, for a sentence."""
    text = " ".join(str(found).split())
    return text if len(text) <= MOST_SAID else f"{text[:MOST_SAID]} …"


def _read_json(path: Path) -> dict[str, Any]:
    """Read one metadata file.

    Raises
    ------
    NotASlideError
        It is too large, or no JSON object.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise NotASlideError(
                f"{name} is larger than {MOST_JSON_BYTES >> 20} MiB, which no image needs; "
                "export it again"
            )
        values = json.loads(path.read_text(encoding="utf-8"))
    except NotASlideError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise NotASlideError(
            f"{name} cannot be read as JSON ({one_line(error)}); copy the folder again"
        ) from error
    if not isinstance(values, dict):
        raise NotASlideError(f"{name} holds no JSON object; copy the folder again")
    return values
