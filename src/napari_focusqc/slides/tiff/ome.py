"""What the OME-XML of a TIFF file says, once it is seen to claim nothing impossible.

Room: slides. tifffile makes a list entry for every plane that the XML claims, so the claims are
counted before tifffile sees them.

References
----------
.. [1] Open Microscopy Environment, "OME Data Model", schema 2016-06, elements Pixels, Plane and
   TiffData.
"""

from math import prod
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPageSeries

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.resolution import as_number, length_um

MOST_PLANES = 100_000
"""XML that claims more planes is taken for damaged or hostile."""

MOST_PAGES = 10_000_000
"""So many of the smallest page of a file may fit into an image at most."""

_RED, _GREEN, _BLUE = -16776961, 16711935, 65535
"""RGBA colours as signed 32-bit integers."""

_RGB_NAMES = {("red", "green", "blue"), ("r", "g", "b")}


def ome_root(tiff: TiffFile, name: str) -> ElementTree.Element | None:
    """Parse the OME-XML of a file; None where it has none.

    Parameters
    ----------
    tiff
        The open file, its series not looked at yet; `refuse_entities` has passed its XML.
    name
        The file's name.

    Raises
    ------
    NotASlideError
        The XML claims sizes below one, more than `MOST_PLANES` planes, or planes in other files.
    xml.etree.ElementTree.ParseError
        It is no XML.
    """
    text = tiff.ome_metadata if tiff.is_ome else None
    if text is None:
        return None
    root = ElementTree.fromstring(text)  # noqa: S314 - refuse_entities passed it
    _refuse_other_files(root, tiff, name)
    if _claimed_planes(root, tiff, name) > MOST_PLANES:
        raise _impossible(name, "more planes than any slide has")
    return root


def _refuse_other_files(root: ElementTree.Element, tiff: TiffFile, name: str) -> None:
    """Refuse a file whose planes lie in others, before those are opened."""
    for uuid in root.iterfind("{*}Image/{*}Pixels/{*}TiffData/{*}UUID"):
        ours = uuid.get("FileName", "").lower() == tiff.filename.lower()
        if uuid.text != root.get("UUID") and not ours:
            raise NotASlideError(
                f"the planes of {name} lie in several files; export them into one OME-TIFF"
            )


def _claimed_planes(root: ElementTree.Element, tiff: TiffFile, name: str) -> int:
    """Count the planes that the XML claims, in each of the ways in which it can claim them."""
    smallest = min(int(page.aspage().imagelength * page.aspage().imagewidth) for page in tiff.pages)
    claimed = 0
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        sizes = [as_number(pixels.get(f"Size{axis}")) for axis in "XYZCT"]
        if any(size is None or size < 1 for size in sizes):
            raise _impossible(name, "an image without a size")
        if prod(size or 1 for size in sizes) / max(smallest, 1) > MOST_PAGES:
            raise _impossible(name, "more pixels than any slide has")
        claimed += prod(int(size or 1) for size in sizes[2:])
        claimed += sum(_planes_of(data, tiff) for data in pixels.iterfind("{*}TiffData"))
    return claimed + sum(_modulo(along) for along in root.iter() if "Along" in str(along.tag))


def _planes_of(data: ElementTree.Element, tiff: TiffFile) -> int:
    """Return how many planes a TiffData element claims."""
    count = as_number(data.get("PlaneCount", data.get("NumPlanes")))
    if count is not None:
        return int(abs(count))
    return 1 if "IFD" in data.attrib else len(tiff.pages)


def _modulo(along: ElementTree.Element) -> int:
    """Return how many positions a ModuloAlong element claims."""
    start, end, step = (as_number(along.get(key, "1")) for key in ("Start", "End", "Step"))
    if start is None or end is None or not step:
        return 0
    return int(abs(end - start) / abs(step))


def _impossible(name: str, what: str) -> NotASlideError:
    """Return the refusal of OME-XML that claims what cannot be."""
    return NotASlideError(
        f"the OME-XML of {name} claims {what}: it is damaged; export the slide again"
    )


def ome_image(root: ElementTree.Element, series: TiffPageSeries) -> ElementTree.Element | None:
    """Return the Image element that a series was made from: the one that begins with its page."""
    images = [image for image in root.iterfind("{*}Image") if image.find("{*}Pixels") is not None]
    first = series.pages[0]
    for image in images:
        data = image.iterfind("{*}Pixels/{*}TiffData")
        starts = {as_number(element.get("IFD", "0")) for element in data}
        if first is not None and first.index in starts:
            return image
    return images[0] if len(images) == 1 else None


def ome_power(root: ElementTree.Element, image: ElementTree.Element | None) -> float | None:
    """Return the power of the objective that an image names, or else of the only one there is."""
    objectives = list(root.iterfind(".//{*}Objective"))
    used = None if image is None else image.find("{*}ObjectiveSettings")
    named = None if used is None else used.get("ID")
    for objective in objectives:
        if named == objective.get("ID") or (named is None and len(objectives) == 1):
            return as_number(objective.get("NominalMagnification"))
    return None


def is_rgb(pixels: ElementTree.Element) -> bool:
    """Say whether the channels of an image are called or coloured red, green and blue."""
    channels = pixels.findall("{*}Channel")
    names = tuple((channel.get("Name") or "").strip().lower() for channel in channels)
    colours = [as_number(channel.get("Color")) for channel in channels]
    return names in _RGB_NAMES or colours == [_RED, _GREEN, _BLUE]


def ome_heights(pixels: ElementTree.Element) -> tuple[float, ...] | None:
    """Return the height of every plane, µm: where each stood, or else by their distance.

    Writers that know nothing put every plane at 0; such places are no heights.
    """
    planes = range(int(as_number(pixels.get("SizeZ")) or 1))
    heights: dict[int, float] = {}
    for plane in pixels.iterfind("{*}Plane"):
        z, of = as_number(plane.get("PositionZ")), as_number(plane.get("TheZ", "0"))
        unit = length_um("1", plane.get("PositionZUnit", "reference frame"))
        first = plane.get("TheT", "0") == plane.get("TheC", "0") == "0"
        if first and z is not None and of is not None and unit is not None:
            heights.setdefault(int(of), z * unit)
    if len({heights.get(plane) for plane in planes} - {None}) == len(planes):
        return tuple(heights[plane] for plane in planes)
    step_um = length_um(pixels.get("PhysicalSizeZ"), pixels.get("PhysicalSizeZUnit"))
    return None if step_um is None else tuple(plane * step_um for plane in planes)
