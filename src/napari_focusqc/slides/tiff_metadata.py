"""What a TIFF file says of itself: µm/px, plane heights, scanner.

Room: slides. Aperio's description, OME-XML and resolution tags, in that order; a file that is
silent gives None.
"""

from dataclasses import dataclass
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPage

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.resolution import as_number, both_axes, length_um, tag_mpp

_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 1e4}  # inch, centimetre


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
    """

    format: str
    stated_mpp: tuple[float, float] | None
    z_um: tuple[float, ...] | None = None
    objective: float | None = None
    vendor: str | None = None


def read_facts(tiff: TiffFile, page: TiffPage) -> TiffFacts:
    """Read what the file says of its first image.

    Parameters
    ----------
    tiff
        The open file.
    page
        The first page of level 0.
    """
    if tiff.is_svs:
        return _aperio(page)
    ome = tiff.ome_metadata if tiff.is_ome else None
    if ome is not None:
        return _ome(ome, page)
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
            f"the OME-XML of {name} declares entities, which slides never need; "
            "export the slide again"
        )


def _aperio(page: TiffPage) -> TiffFacts:
    """Read Aperio's ``key = value | key = value`` description."""
    pairs = (part.split("=", 1) for part in page.description.split("|") if "=" in part)
    values = {key.strip(): value.strip() for key, value in pairs}
    mpp = as_number(values.get("MPP"))
    return TiffFacts(
        "Aperio SVS",
        both_axes(mpp, mpp) or _resolution_tags(page),
        objective=as_number(values.get("AppMag")),
        vendor="Aperio",
    )


def _ome(text: str, page: TiffPage) -> TiffFacts:
    """Read the first image's pixel sizes from OME-XML."""
    root = ElementTree.fromstring(text)  # noqa: S314 - refuse_entities passed it
    pixels = root.find(".//{*}Pixels")
    found = {} if pixels is None else pixels.attrib
    sizes = {
        axis: length_um(found.get(f"PhysicalSize{axis}"), found.get(f"PhysicalSize{axis}Unit"))
        for axis in "YXZ"
    }
    objective = root.find(".//{*}Objective")
    power = None if objective is None else as_number(objective.get("NominalMagnification"))
    return TiffFacts(
        "OME-TIFF",
        both_axes(sizes["Y"], sizes["X"]) or _resolution_tags(page),
        z_um=_ome_heights(pixels, sizes["Z"]),
        objective=power,
    )


def _ome_heights(
    pixels: ElementTree.Element | None, step_um: float | None
) -> tuple[float, ...] | None:
    """Return the height of every plane, µm: where each stood, or else by their distance."""
    if pixels is None or as_number(pixels.get("SizeZ")) is None:
        return None
    heights: dict[int, float] = {}
    for plane in pixels.iterfind("{*}Plane"):
        z = as_number(plane.get("PositionZ"))
        unit = length_um("1", plane.get("PositionZUnit", "reference frame"))
        if z is not None and unit is not None:
            heights.setdefault(int(plane.get("TheZ", "0")), z * unit)
    planes = range(int(pixels.get("SizeZ", "1")))
    if all(plane in heights for plane in planes):
        return tuple(heights[plane] for plane in planes)
    return None if step_um is None else tuple(plane * step_um for plane in planes)


def _resolution_tags(page: TiffPage) -> tuple[float, float] | None:
    """Return the µm/px of the resolution tags along (y, x), or None where they have no unit."""
    unit = _UM_PER_RESOLUTION_UNIT.get(int(page.resolutionunit))
    across, down = page.resolution
    return both_axes(tag_mpp(down, unit), tag_mpp(across, unit))
