"""What a TIFF file says of itself: µm/px, plane heights, scanner.

Room: slides. Aperio's description, OME-XML, PerkinElmer's XML and resolution tags; a file that is
silent gives None.

References
----------
.. [1] PerkinElmer, "Image format", the description of QPTIFF files.
"""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPage, TiffPageSeries

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.resolution import as_number, both_axes, length_um, tag_mpp
from napari_focusqc.slides.tiff.ome import is_rgb, ome_heights, ome_image, ome_power

_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 1e4}  # inch, centimetre
_QPI = "<PerkinElmer-QPI-ImageDescription"
_POWER = re.compile(r"(\d+(?:\.\d+)?)\s*[xX]")


@dataclass(frozen=True, slots=True)
class TiffFacts:
    """What the descriptions and tags of a TIFF file say.

    Parameters
    ----------
    format
        The kind of TIFF in words.
    stated_mpp
        µm/px of level 0 along (y, x), or None.
    z_um
        Height of each plane, µm, in the order of the planes; None where the file is silent.
    objective
        Nominal power, or None.
    vendor
        The scanner's maker, or None.
    rgb_channels
        Whether its channels are called red, green and blue.
    """

    format: str
    stated_mpp: tuple[float, float] | None
    z_um: tuple[float, ...] | None = None
    objective: float | None = None
    vendor: str | None = None
    rgb_channels: bool = False


def read_facts(
    tiff: TiffFile, series: TiffPageSeries, ome: ElementTree.Element | None
) -> TiffFacts:
    """Read what the file says of one of its images.

    Parameters
    ----------
    tiff
        The open file.
    series
        The image.
    ome
        The root of its OME-XML, or None.

    Raises
    ------
    NotASlideError
        The levels of the image list its planes in different orders.
    """
    page = series.keyframe
    if tiff.is_svs:
        return _aperio(series, tiff.filename)
    if ome is not None:
        return _ome(ome, series)
    if tiff.is_qpi or _QPI in page.description:
        return _qptiff(page)
    return TiffFacts("ImageJ TIFF" if tiff.is_imagej else "TIFF", _resolution_tags(page))


def refuse_entities(text: str, name: str) -> None:
    """Refuse XML that declares entities, before anything parses it.

    Raises
    ------
    NotASlideError
        The text has a document type or an entity declaration.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotASlideError(
            f"the XML of {name} declares entities, which slides never need; export the slide again"
        )


def _aperio(series: TiffPageSeries, name: str) -> TiffFacts:
    """Read Aperio's descriptions."""
    values = _aperio_values(series.keyframe)
    mpp = as_number(values.get("MPP"))
    heights = [_aperio_heights(level) for level in series.levels]
    if any(other not in (None, heights[0]) for other in heights[1:]):
        raise NotASlideError(
            f"the levels of {name} order their planes differently; export it again"
        )
    return TiffFacts(
        "Aperio SVS",
        both_axes(mpp, mpp) or _resolution_tags(series.keyframe),
        z_um=heights[0],
        objective=as_number(values.get("AppMag")) or None,  # 0 is what scanners write who know none
        vendor="Aperio",
    )


def _aperio_values(page: TiffPage) -> dict[str, str]:
    """Read a description of the form ``key = value | key = value``."""
    pairs = (part.split("=", 1) for part in page.description.split("|") if "=" in part)
    return {key.strip(): value.strip() for key, value in pairs}


def _aperio_heights(series: TiffPageSeries) -> tuple[float, ...] | None:
    """Return the heights of the planes of a level, µm; the first is the zero of the others.

    Every page but the first states ``OffsetZ``; the first may state ``TotalDepth`` instead.
    """
    pages = [page.aspage() for page in series.pages if page is not None]
    stated = [as_number(_aperio_values(page).get("OffsetZ")) for page in pages]
    if len(stated) == 1:
        return None
    stated[0] = stated[0] or 0.0
    heights = tuple(height for height in stated if height is not None)
    return heights if len(heights) == len(stated) else None


def _ome(root: ElementTree.Element, series: TiffPageSeries) -> TiffFacts:
    """Read one image's sizes from OME-XML."""
    image = ome_image(root, series)
    pixels = None if image is None else image.find("{*}Pixels")
    found = {} if pixels is None else pixels.attrib
    y, x = (
        length_um(found.get(f"PhysicalSize{axis}"), found.get(f"PhysicalSize{axis}Unit"))
        for axis in "YX"
    )
    return TiffFacts(
        "OME-TIFF",
        both_axes(y, x) or _resolution_tags(series.keyframe),
        z_um=None if pixels is None else ome_heights(pixels),
        objective=ome_power(root, image) or None,
        rgb_channels=pixels is not None and is_rgb(pixels),
    )


def _qptiff(page: TiffPage) -> TiffFacts:
    """Read PerkinElmer's XML, whose encoding is misstated."""
    try:
        root = ElementTree.fromstring(page.description.lstrip("\ufeff").strip())  # noqa: S314
    except ElementTree.ParseError:
        root = ElementTree.Element("none")
    power = _POWER.search(root.findtext("Objective") or "")
    mpp = _only_number(root, "PixelSizeMicrons")
    return TiffFacts(
        "PerkinElmer QPTIFF",
        _resolution_tags(page) or both_axes(mpp, mpp),
        objective=_only_number(root, "Magnification") if power is None else float(power[1]),
        vendor="PerkinElmer",
    )


def _only_number(root: ElementTree.Element, name: str) -> float | None:
    """Return the number in the elements of a name, where there is one and no other."""
    numbers = {as_number(element.text) for element in root.iter(name)} - {None}
    return numbers.pop() if len(numbers) == 1 else None


def _resolution_tags(page: TiffPage) -> tuple[float, float] | None:
    """Return the µm/px of the resolution tags along (y, x), or None where they have no unit."""
    unit = _UM_PER_RESOLUTION_UNIT.get(int(page.resolutionunit))
    across, down = page.resolution
    return both_axes(tag_mpp(down, unit), tag_mpp(across, unit))
