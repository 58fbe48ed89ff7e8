"""Nuclei as detections that QuPath opens: GeoJSON, plain or gzip.

Room: results. QuPath's dialect [1]_, of version 0.5 and later, has x before y and its origin at the
outer corner of the first pixel: a nucleus at (y, x) of pixel centres lies at [x + 0.5, y + 0.5].
Coordinates are level-0 px with two decimals, as QuPath itself writes them. A number that is not
finite is a text such as "NaN"; versions before stop at it, and may mistake classes below another.

Each nucleus is a small circle. QuPath takes a point for a detection too, but zoomed out by more
than 4 it fills a detection's bounds instead of its outline, and a point has none: nuclei would be
gone from every overview [2]_. GeoJSON has no circle; QuPath's is a polygon with the same bounds,
here a square on its corner, flagged as an ellipse. All circles are alike: no size is measured.

References
----------
.. [1] QuPath, qupath-core, lib/io: QuPathTypeAdapters, ROITypeAdapters and GsonTools.
.. [2] QuPath, qupath-gui-fx, lib/gui/viewer: PathObjectPainter.
"""

import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from napari_focusqc.results.beside import file_beside
from napari_focusqc.results.nucleus_source import source_json
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusTable

RADIUS_UM = 2.5
"""Radius of the circles, µm: within most nuclei."""

CLASSES = {
    FocusFlag.UNKNOWN: ("Nucleus", (0, 158, 115)),
    FocusFlag.IN_FOCUS: ("Nucleus: in focus", (0, 114, 178)),
    FocusFlag.OUT_OF_FOCUS: ("Nucleus: out of focus", (230, 159, 0)),
}
"""QuPath's class and colour of each flag; what follows the colon is a class below “Nucleus”."""

_CLASSES = [
    json.dumps({"name": name, "color": colour}, separators=(",", ":"))
    for name, colour in (CLASSES[flag] for flag in FocusFlag)
]

PEAK, FOCUS = "Nucleus peak", "Focus score"
"""Names of the measurements."""

_STEP = 1 << 14
_GZIP_LEVEL = 1


def write_qupath_nuclei(nuclei: NucleusTable, path: str | Path) -> Path:
    """Write one detection per nucleus, a part of the table in memory at a time.

    A detection has an id that depends on slide and place only, a class by its flag (so that
    QuPath can hide what is out of focus), the measurements `PEAK` and `FOCUS`, and its plane if it
    is not the first. Where no nucleus has a score, that measurement is left out. Where the nuclei
    come from stands beside the features, under ``focusqc``.

    Parameters
    ----------
    nuclei
        What to write.
    path
        File to make or replace, by custom ending in ``.geojson``; with ``.gz`` it is compressed.

    Returns
    -------
    The path of the file.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, `path` is a folder, or the nuclei's source holds
        a value that JSON cannot hold.
    """
    path = Path(path)
    head = f'{{"type":"FeatureCollection","focusqc":{source_json(nuclei.source)},"features":['
    with file_beside(path) as partial, partial.open("wb") as file:
        if path.suffix.lower() == ".gz":
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
                packed.writelines(_parts(nuclei, head))
        else:
            file.writelines(_parts(nuclei, head))
    return path


def _parts(nuclei: NucleusTable, head: str) -> Iterator[Any]:
    """Yield the bytes of the file, a step of the table at a time."""
    yield head.encode()
    with_focus = not np.isnan(nuclei.focus).all()
    for first in range(0, len(nuclei), _STEP):
        features = _features(nuclei.only(slice(first, first + _STEP)), with_focus)
        # every feature begins with a comma, and the first has none before it
        yield memoryview(features)[0 if first else 1 :]
    yield b"\n]}\n"


def _features(nuclei: NucleusTable, with_focus: bool) -> Any:
    """Return the bytes of some features, each with a comma and a line's end before it.

    Arrow puts the texts together column by column, and keeps them in one piece.
    """
    y, x = nuclei.centres.T.astype(np.float64) + 0.5
    radius = RADIUS_UM / nuclei.source.mpp
    top, middle, bottom = (_decimal(value) for value in (y - radius, y, y + radius))
    left, centre, right = (_decimal(value) for value in (x - radius, x, x + radius))
    high, slide, low = _id_parts(nuclei)
    plane = nuclei.source.plane
    texts = [
        ',\n{"type":"Feature","id":"', high, slide[0], low, slide[1],
        '","geometry":{"type":"Polygon","coordinates":[[[',
        centre, ",", top, "],[", right, ",", middle, "],[",
        centre, ",", bottom, "],[", left, ",", middle, "],[", centre, ",", top,
        ']]],"isEllipse":true', f',"plane":{{"c":-1,"z":{plane},"t":0}}' if plane else "",
        '},"properties":{"objectType":"detection","classification":',
        pa.array(_CLASSES).take(pa.array(nuclei.in_focus)),
        f',"measurements":{{"{PEAK}":', _number(nuclei.peaks),
        *((f',"{FOCUS}":', _number(nuclei.focus)) if with_focus else ()),
        "}}}",
    ]  # fmt: skip
    joined = pc.binary_join_element_wise(*texts, "")
    _, _, characters = joined.buffers()
    return characters


def _decimal(values: NDArray[np.float64]) -> Any:
    """Return numbers as texts with at most two decimals."""
    return pc.cast(pc.round(pa.array(values), 2), pa.string())


def _number(values: NDArray[np.float32]) -> Any:
    """Return numbers as the shortest texts that read back as the same float32."""
    numbers = pa.array(np.ascontiguousarray(values))
    endless = pc.if_else(pc.greater(numbers, 0), '"Infinity"', '"-Infinity"')
    odd = pc.if_else(pc.is_nan(numbers), '"NaN"', endless)
    return pc.if_else(pc.is_finite(numbers), pc.cast(numbers, pa.string()), odd)


def _id_parts(nuclei: NucleusTable) -> tuple[Any, tuple[str, str], Any]:
    """Return what to put together to a UUID: of the place, the slide, the place and the slide.

    UUIDs of version 8 [1]_: 64 bits of the place, mixed [2]_ such that it can be undone, so that
    two places never share an id, and 56 bits of a hash of the slide's name.

    References
    ----------
    .. [1] RFC 9562, section 5.8.
    .. [2] Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    bits = np.ascontiguousarray(nuclei.centres, np.float32).view(np.uint32).astype(np.uint64)
    place = bits[:, 0] << np.uint64(32) | bits[:, 1]
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        place = (place ^ (place >> np.uint64(shift))) * np.uint64(factor)
    of_slide = sha256(f"{nuclei.source.slide}\n{nuclei.source.plane}".encode()).hexdigest()
    middle = f"-{of_slide[:4]}-8{of_slide[4:7]}-8{of_slide[7:10]}-"
    high, low = (place >> np.uint64(32)), place & np.uint64(0xFFFFFFFF)
    return _hexadecimal(high), (middle, of_slide[10:14]), _hexadecimal(low)


def _hexadecimal(values: NDArray[np.uint64]) -> Any:
    """Return numbers below 2³² as texts of eight digits."""
    digits = values.astype(">u4").tobytes().hex().encode()
    ends = np.arange(0, len(digits) + 1, 8, dtype=np.int32)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(digits))
