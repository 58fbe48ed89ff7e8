"""The smallest slide that OpenSlide takes for a 3DHISTECH one: an .mrxs file and its folder."""

import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
TILE = 64
SLIDE_ID = "0123456789ABCDEF0123456789ABCDEF"


def _encoded(image: Pixels, kind: str) -> bytes:
    data = io.BytesIO()
    Image.fromarray(image).save(data, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return data.getvalue()


def write_mrxs(
    path: Path,
    levels: list[Pixels],
    *,
    kind: str = "PNG",
    pictures: dict[str, Pixels] | None = None,
    focus_levels: int = 1,
    spare_files: int = 0,
    hole: int | None = None,
    encoding: str = "utf-8",
) -> Path:
    """Write a slide of 0.25 µm/px, 40x, cut into tiles of 64 px; each level has its own data file.

    `levels` divide by 64; each is half of the one before. `pictures` are named "macro", "label"
    or "thumbnail". `spare_files` are data files that are listed and hold nothing of use. `hole` is
    a tile of level 0 that the scanner left out.
    """
    folder = path.with_suffix("")
    folder.mkdir()
    path.write_bytes(_encoded(levels[-1], "JPEG"))
    across, down = levels[0].shape[1] // TILE, levels[0].shape[0] // TILE
    files = [bytearray() for _ in levels]
    pages = [_cut(image, level, across, files[level], kind) for level, image in enumerate(levels)]
    pages[0] = [entry for entry in pages[0] if entry[0] != hole]
    pictures = pictures or {}
    records = [_append(files[0], _encoded(image, "JPEG")) for image in pictures.values()]
    (folder / "Index.dat").write_bytes(_index(pages, records))
    for number, data in enumerate(files + [bytearray(b"spare")] * spare_files):
        (folder / f"Data{number:04}.dat").write_bytes(data)
    text = _slidedat(
        (across, down), len(levels), kind, list(pictures), focus_levels, len(files) + spare_files
    )
    (folder / "Slidedat.ini").write_bytes(text.encode(encoding))
    return path


def _append(file: bytearray, data: bytes) -> tuple[int, int]:
    place = len(file)
    file += data
    return place, len(data)


def _cut(
    image: Pixels, level: int, across: int, file: bytearray, kind: str
) -> list[tuple[int, int, int, int]]:
    """Append every tile of a level; return (index in tiles of level 0, offset, length, file)."""
    entries = []
    for row in range(image.shape[0] // TILE):
        for column in range(image.shape[1] // TILE):
            y, x = row * TILE, column * TILE
            place = _append(file, _encoded(image[y : y + TILE, x : x + TILE], kind))
            entries.append(((row << level) * across + (column << level), *place, level))
    return entries


def _index(pages: list[list[tuple[int, int, int, int]]], records: list[tuple[int, int]]) -> bytes:
    """Return Index.dat: two roots, a list of pointers under each, and what they point to."""
    data = bytearray(b"01.02" + SLIDE_ID.encode())
    roots = len(data)
    data += bytes(8)

    def put(values: list[int]) -> int:
        return _append(data, struct.pack(f"<{len(values)}i", *values))[0]

    def listed(body: list[int]) -> int:
        return put([0, put(body)])

    levels = [
        listed([len(page), 0, *(value for entry in page for value in entry)]) for page in pages
    ]
    others = [listed([1, 0, 0, 0, offset, length, 0]) for offset, length in records]
    struct.pack_into("<ii", data, roots, put(levels), put([*others, 0]))
    return bytes(data)


_PICTURES = {
    "macro": ("ScanDataLayer_SlideThumbnail", "THUMBNAIL_IMAGE_TYPE"),
    "label": ("ScanDataLayer_SlideBarcode", "BARCODE_IMAGE_TYPE"),
    "thumbnail": ("ScanDataLayer_SlidePreview", "PREVIEW_IMAGE_TYPE"),
}


def _slidedat(
    grid: tuple[int, int],
    levels: int,
    kind: str,
    pictures: list[str],
    focus_levels: int,
    files: int,
) -> str:
    lines = ["[GENERAL]", "SLIDE_VERSION = 01.03", f"SLIDE_ID = {SLIDE_ID}"]
    lines += [f"IMAGENUMBER_X = {grid[0]}", f"IMAGENUMBER_Y = {grid[1]}"]
    lines += ["OBJECTIVE_MAGNIFICATION = 40", "SLIDE_NAME = Gewebe mit 50 % Tumor"]
    lines += ["[HIERARCHICAL]", "INDEXFILE = Index.dat", "HIER_COUNT = 2"]
    lines += [f"NONHIER_COUNT = {int(bool(pictures))}"]
    lines += ["HIER_0_NAME = Slide zoom level", f"HIER_0_COUNT = {levels}"]
    lines += [f"HIER_0_VAL_{n}_SECTION = LAYER_0_LEVEL_{n}_SECTION" for n in range(levels)]
    lines += ["HIER_1_NAME = Microscope focus level", f"HIER_1_COUNT = {focus_levels}"]
    names = ["ExtFocusLevel", *(f"ZStackLevel_({n})" for n in range(1, focus_levels))]
    lines += [f"HIER_1_VAL_{n} = {name}" for n, name in enumerate(names)]
    if pictures:
        lines += ["NONHIER_0_NAME = Scan data layer", f"NONHIER_0_COUNT = {len(pictures)}"]
    for n, name in enumerate(pictures):
        lines += [f"NONHIER_0_VAL_{n} = {_PICTURES[name][0]}"]
        lines += [f"NONHIER_0_VAL_{n}_SECTION = PICTURE_{n}"]
    for n, name in enumerate(pictures):
        lines += [f"[PICTURE_{n}]", f"{_PICTURES[name][1]} = JPEG"]
    lines += ["[DATAFILE]", f"FILE_COUNT = {files}"]
    lines += [f"FILE_{n} = Data{n:04}.dat" for n in range(files)]
    for n in range(levels):
        lines += [f"[LAYER_0_LEVEL_{n}_SECTION]", f"IMAGE_CONCAT_FACTOR = {int(n > 0)}"]
        lines += ["OVERLAP_X = 0", "OVERLAP_Y = 0", f"IMAGE_FORMAT = {kind}"]
        lines += [f"MICROMETER_PER_PIXEL_{axis} = {0.25 * 2**n}" for axis in "XY"]
        lines += ["IMAGE_FILL_COLOR_BGR = 16777215"]
        lines += [f"DIGITIZER_{side} = {TILE}" for side in ("WIDTH", "HEIGHT")]
    return "\r\n".join(lines) + "\r\n"
