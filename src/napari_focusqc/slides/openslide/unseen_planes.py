"""How many focal planes a file has of which OpenSlide reads one.

Room: slides. OpenSlide has no word for focal planes: it reads one and says nothing, so we do.
"""

from collections.abc import Mapping

from napari_focusqc.slides.resolution import as_number

MOST_PLANES = 10_000
"""A file that states more has a damaged count, which is left out."""

_COUNTS = (
    "hamamatsu.NoLayers",
    "ventana.Z-layers",
    "dicom.TotalPixelMatrixFocalPlanes",
    "zeiss.Information.Image.SizeZ",
)
_MIRAX_LAYER = "mirax.HIERARCHICAL.HIER_"
_MIRAX_FOCUS = "Microscope focus level"
_MOST_LAYERS = 64


def stated_planes(properties: Mapping[str, str]) -> int:
    """Return the number of focal planes that OpenSlide's properties tell of, at least 1.

    Parameters
    ----------
    properties
        Of an open slide.
    """
    counts = [_count(properties.get(key)) for key in _COUNTS]
    return max(1, *counts, _mirax_planes(properties), _dicom_planes(properties))


def unseen_planes_note(planes: int) -> str | None:
    """Return the sentence for a file with more planes than one, or None.

    Parameters
    ----------
    planes
        Number of focal planes in the file.
    """
    if planes < 2:
        return None
    return (
        f"the file has {planes} focal planes, of which OpenSlide reads one; "
        "export it as OME-TIFF to see all"
    )


def _mirax_planes(properties: Mapping[str, str]) -> int:
    """Return the number of focus levels of a 3DHISTECH slide."""
    for layer in range(min(_count(properties.get(f"{_MIRAX_LAYER}COUNT")), _MOST_LAYERS)):
        if properties.get(f"{_MIRAX_LAYER}{layer}_NAME") == _MIRAX_FOCUS:
            return _count(properties.get(f"{_MIRAX_LAYER}{layer}_COUNT"))
    return 1


def _dicom_planes(properties: Mapping[str, str]) -> int:
    """Return how many times the frames of a DICOM file cover its level.

    A file that lists where each frame lies need not state its planes. One with gaps has fewer
    frames than this counts on, and may have planes that are not found.
    """
    keys = ("TotalPixelMatrixRows", "Rows", "TotalPixelMatrixColumns", "Columns")
    height, tall, width, wide = (_whole(properties.get(f"dicom.{key}")) for key in keys)
    if not (height and tall and width and wide):
        return 1
    paths = max(_count(properties.get("dicom.NumberOfOpticalPaths")), 1)
    cover = -(-height // tall) * -(-width // wide) * paths
    return -(-_whole(properties.get("dicom.NumberOfFrames")) // cover)


def _count(text: str | None) -> int:
    """Return a count written in a file; 0 where it is none or beyond `MOST_PLANES`."""
    number = _whole(text)
    return number if number <= MOST_PLANES else 0


def _whole(text: str | None) -> int:
    """Return a whole number written in a file, 0 where there is none or it lies below."""
    return max(int(as_number(text) or 0), 0)
