"""The images that bioformats2raw lays side by side: the slide, its label and its overview.

Room: slides. Names and instrument are in ``OME/METADATA.ome.xml`` beside them; decodes nothing.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.resolution import as_number
from napari_focusqc.slides.tiff.metadata import refuse_entities
from napari_focusqc.slides.zarr.folder import (
    ZarrNode,
    inside,
    is_zarr,
    one_line,
    read_node,
    stands,
)
from napari_focusqc.slides.zarr.image import is_collection
from napari_focusqc.slides.zarr.metadata import ome_attributes

MOST_XML_BYTES = 1 << 26
"""A larger OME-XML is not read."""

_LAYOUT = 3
_PICTURE = re.compile(r"(label|macro|overview|thumbnail|barcode|macro mask)( image)?( #?\d+)?")


@dataclass(frozen=True, slots=True)
class Collection:
    """Which folder holds the slide, and what lies beside it.

    Parameters
    ----------
    image
        The folder of the slide.
    pictures
        Folders of the pictures beside it, by name.
    objective
        Nominal power, or None.
    vendor
        The scanner's maker, or None.
    notes
        What is odd, one sentence each.
    """

    image: ZarrNode
    pictures: dict[str, Path]
    objective: float | None = None
    vendor: str | None = None
    notes: tuple[str, ...] = ()


def read_collection(node: ZarrNode, name: str) -> Collection:
    """Find the slide in a folder: the folder itself, or the first image that is no picture of it.

    Parameters
    ----------
    node
        The folder that the user gave.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        It is laid out in another way, holds no image, or its OME-XML declares entities.
    """
    if not is_collection(node):
        return Collection(node, {})
    layout = ome_attributes(node.attributes)["bioformats2raw.layout"]
    if layout != _LAYOUT:
        raise NotASlideError(
            f"{name} has the layout {one_line(layout)} of bioformats2raw, and {_LAYOUT} is read "
            "here; convert it again with bioformats2raw 0.5 or newer"
        )
    folders = _folders(node, name)
    if not folders:
        raise NotASlideError(f"{name} holds no image 0, 1, 2 …; copy the whole folder again")
    root, notes = _ome_xml(node.folder / "OME" / "METADATA.ome.xml", name)
    images = [] if root is None else root.findall("{*}Image")
    titles = [(image.get("Name") or "").strip().lower() for image in images]
    titles += [""] * (len(folders) - len(titles))
    pictures: dict[str, Path] = {}
    others = []
    for place, (folder, title) in enumerate(zip(folders, titles, strict=False)):
        if _PICTURE.fullmatch(title):
            pictures.setdefault(title.replace(" image", ""), folder)
        else:
            others.append(place)
    main = others[0] if others else 0
    if len(others) > 1:
        more = ", ".join(folders[place].name for place in others[1:])
        notes += (f"it holds further images ({more}); open each by its own folder",)
    image = images[main] if main < len(images) else None
    objective, vendor = (None, None) if root is None else _instrument(root, image)
    return Collection(read_node(folders[main]), pictures, objective, vendor, notes)


def _folders(node: ZarrNode, name: str) -> list[Path]:
    """Return the images' folders, in the order of the OME-XML."""
    beside = node.folder / "OME"
    if is_zarr(beside):
        series = ome_attributes(read_node(beside).attributes).get("series")
        if isinstance(series, list):
            found = [inside(node.folder, path, name) for path in series]
            return [folder for folder in found if is_zarr(folder)]
    found = []
    while is_zarr(node.folder / str(len(found))):
        found.append(node.folder / str(len(found)))
    return found


def _ome_xml(path: Path, name: str) -> tuple[ElementTree.Element | None, tuple[str, ...]]:
    """Read the OME-XML; None where there is none, and a sentence where it cannot be read.

    Raises
    ------
    NotASlideError
        It declares entities.
    """
    if not stands(path):
        return None, ()
    try:
        if path.stat().st_size > MOST_XML_BYTES:
            raise ValueError(f"larger than {MOST_XML_BYTES >> 20} MiB")
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return None, (_unread(error),)
    refuse_entities(text, name)
    try:
        return ElementTree.fromstring(text), ()  # noqa: S314 - refuse_entities passed it
    except (ElementTree.ParseError, ValueError) as error:
        return None, (_unread(error),)


def _unread(error: Exception) -> str:
    """Return the note of an OME-XML that says nothing."""
    return (
        f"its OME-XML cannot be read ({one_line(error)}), so its pictures and its objective are "
        "unknown"
    )


def _instrument(
    root: ElementTree.Element, image: ElementTree.Element | None
) -> tuple[float | None, str | None]:
    """Return the power of the objective that took the image, and the microscope's maker."""
    settings = None if image is None else image.find("{*}ObjectiveSettings")
    used = None if settings is None else settings.get("ID")
    objectives = {part.get("ID"): part for part in root.iterfind("{*}Instrument/{*}Objective")}
    objective = objectives.get(used)
    microscope = root.find("{*}Instrument/{*}Microscope")
    power = None if objective is None else as_number(objective.get("NominalMagnification"))
    return power, None if microscope is None else microscope.get("Manufacturer")
