"""A JSON file that people and programs read, written beside its place and renamed.

Room: results.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_focusqc.errors import OutputError
from napari_focusqc.results.beside import file_beside


def write_json(values: Mapping[str, Any], path: str | Path) -> Path:
    """Write plain values, indented, UTF-8; return the path.

    Parameters
    ----------
    values
        What JSON can hold.
    path
        File to make or replace.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, `path` is a folder, or a value is none that JSON
        can hold, such as a NaN.
    """
    path = Path(path)
    try:
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"{path.name} cannot be stored as JSON ({error}); it must hold plain finite values"
        ) from error
    with file_beside(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return path
