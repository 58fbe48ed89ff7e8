"""The smallest files that OpenSlide takes for Hamamatsu's VMS, VMU and NDPI."""

import io
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def jpeg(image: Pixels, **options: int) -> bytes:
    """Return a JPEG file with every colour at full resolution."""
    data = io.BytesIO()
    Image.fromarray(image).save(data, "JPEG", quality=92, subsampling=0, **options)
    return data.getvalue()


def write_vms(
    path: Path, levels: list[Pixels], *, planes: int = 1, macro: Pixels | None = None
) -> Path:
    """Write a Hamamatsu VMS of 0.25 µm/px, 40x: two JPEGs side by side and a coarse map.

    The sides of `levels[0]` divide by 64; `levels[-1]` is the map.
    """
    height, width, _ = levels[0].shape
    stem, (left, right) = path.with_suffix(""), np.split(levels[0], 2, axis=1)
    parts = {"_0": left, "_1": right, "_map": levels[-1]}
    for end, pixels in parts.items():
        data = jpeg(pixels, restart_marker_blocks=min(4, pixels.shape[1] // 8))
        path.with_name(f"{stem.name}{end}.jpg").write_bytes(data)
    lines = [
        "[Virtual Microscope Specimen]",
        f"NoLayers={planes}",
        "NoJpegColumns=2",
        "NoJpegRows=1",
        f"ImageFile={stem.name}_0.jpg",
        f"ImageFile(1,0)={stem.name}_1.jpg",
        f"MapFile={stem.name}_map.jpg",
        f"PhysicalWidth={width * 250}",
        f"PhysicalHeight={height * 250}",
        "SourceLens=40",
    ]
    if macro is not None:
        path.with_name(f"{stem.name}_macro.jpg").write_bytes(jpeg(macro))
        lines.append(f"MacroImage={stem.name}_macro.jpg")
    path.write_text("\n".join(lines) + "\n")
    return path


def write_vmu(path: Path, levels: list[Pixels], *, column: int = 64) -> Path:
    """Write a Hamamatsu VMU of 0.25 µm/px, 40x: 12-bit pixels in columns of `column` px.

    `levels[-1]` is the map, and narrower than a column.
    """
    height, width, _ = levels[0].shape
    stem = path.with_suffix("")
    for end, pixels in (("", levels[0]), ("_map", levels[-1])):
        rows, across, _ = pixels.shape
        wide = min(column, across)
        header = b"GN\0\0" + struct.pack("<iiiiii", across, rows, wide, 0, 0, 28)
        columns = np.split(pixels.astype("<u2") << 4, across // wide, axis=1)
        data = header + b"".join(part.tobytes() for part in columns)
        path.with_name(f"{stem.name}{end}.ngr").write_bytes(data)
    lines = [
        "[Uncompressed Virtual Microscope Specimen]",
        "NoLayers=1",
        f"ImageFile={stem.name}.ngr",
        f"MapFile={stem.name}_map.ngr",
        "BitsPerPixel=36",
        "PixelOrder=RGB",
        f"PhysicalWidth={width * 250}",
        f"PhysicalHeight={height * 250}",
        "SourceLens=40",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_ndpi(
    path: Path,
    levels: list[Pixels],
    *,
    heights: Sequence[int] = (0,),
    macro: Pixels | None = None,
) -> Path:
    """Write a Hamamatsu NDPI of 0.25 µm/px, 40x; `heights` of the planes are in nm.

    Its directories are a TIFF's, but offsets between them have 8 bytes and each is followed by
    the upper halves of its values.
    """
    pages = [(pixels if z == 0 else 255 - pixels, 40.0, z) for pixels in levels for z in heights]
    if macro is not None:
        pages.append((macro, -1.0, 0))
    data = bytearray(b"II*\0" + bytes(8))
    link = 4
    for pixels, lens, z in pages:
        start, stream = len(data), jpeg(pixels)
        data += stream
        scale = pages[0][0].shape[1] / pixels.shape[1]
        resolution = len(data)
        data += struct.pack("<II", round(40000 / scale), 1)
        maker = len(data)
        data += b"Hamamatsu\0"
        height, width, _ = pixels.shape
        tags = [
            (256, 4, 1, struct.pack("<I", width)),
            (257, 4, 1, struct.pack("<I", height)),
            (258, 3, 1, struct.pack("<I", 8)),
            (259, 3, 1, struct.pack("<I", 7)),
            (262, 3, 1, struct.pack("<I", 6)),
            (271, 2, 10, struct.pack("<I", maker)),
            (273, 4, 1, struct.pack("<I", start)),
            (277, 3, 1, struct.pack("<I", 3)),
            (278, 4, 1, struct.pack("<I", height)),
            (279, 4, 1, struct.pack("<I", len(stream))),
            (282, 5, 1, struct.pack("<I", resolution)),
            (283, 5, 1, struct.pack("<I", resolution)),
            (296, 3, 1, struct.pack("<I", 3)),
            (65420, 4, 1, struct.pack("<I", 1)),
            (65421, 11, 1, struct.pack("<f", lens)),
            (65424, 9, 1, struct.pack("<i", z)),
        ]
        data[link : link + 8] = struct.pack("<Q", len(data))
        data += struct.pack("<H", len(tags))
        for code, kind, count, value in tags:
            data += struct.pack("<HHI", code, kind, count) + value
        link = len(data)
        data += bytes(8 + 4 * len(tags))
    path.write_bytes(data)
    return path
