"""One OME-Zarr image: its metadata and its levels, checked and open.

Room: slides. Used for the slide itself and for the pictures beside it; decodes nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_focusqc.errors import NotASlideError
from napari_focusqc.geometry import levels_shrink
from napari_focusqc.slides.zarr.channels import check_channels
from napari_focusqc.slides.zarr.folder import ZarrNode, inside, is_zarr, one_line, read_node
from napari_focusqc.slides.zarr.level import ZarrLevel, open_level, pixel_type
from napari_focusqc.slides.zarr.metadata import OmeZarrMetadata, ome_attributes, read_metadata


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An image, open.

    Parameters
    ----------
    metadata
        What its metadata says.
    levels
        Finest first.
    notes
        What is odd, one sentence each.
    """

    metadata: OmeZarrMetadata
    levels: tuple[ZarrLevel, ...]
    notes: tuple[str, ...]

    @property
    def z_um(self) -> tuple[float, ...] | None:
        """Height of every plane as the metadata states it, µm, or None."""
        if self.metadata.z_um is None:
            return None
        first, step = self.metadata.z_um
        return tuple(first + plane * step for plane in range(self.levels[0].size("z")))


def open_image(node: ZarrNode, name: str) -> ZarrImage:
    """Open an image; decodes nothing.

    Parameters
    ----------
    node
        Its folder.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        It is no image, no 8-bit grey or RGB, no pyramid, or it is damaged.
    EmptyLevelError
        A level has no pixels.
    """
    refuse_other_kinds(node, name)
    metadata = read_metadata(node.attributes, name)
    levels = tuple(
        open_level(inside(node.folder, path, name), metadata.axes, name) for path in metadata.paths
    )
    _check_pyramid(levels, name)
    check_channels(levels[0].size("c"), metadata.channels, name)
    times = levels[0].size("t")
    later = (f"it has {times} time points; the first is read",) if times > 1 else ()
    return ZarrImage(metadata, levels, (*metadata.notes, *later))


def refuse_other_kinds(node: ZarrNode, name: str) -> None:
    """Refuse what lies in a Zarr folder and is no image.

    Raises
    ------
    NotASlideError
        Saying what it is, and what would do.
    """
    why = _other_kind(node, ome_attributes(node.attributes))
    if why is not None:
        raise NotASlideError(f"{name} {why}")


def _other_kind(node: ZarrNode, ome: dict[str, Any]) -> str | None:
    """Say what a folder is that is no image, and what would do; None for an image."""
    if "focusqc" in node.attributes:
        return "is a saved focus map, no slide; drop it on napari to see it, or give the slide"
    if "plate" in ome:
        return f"is a plate of many wells, no slide; give one of its images{_example(ome)}"
    if "well" in ome:
        return "is one well of a plate, no slide; give one of the images inside it"
    if "image-label" in ome:
        return "holds labels, no slide; give the image that they belong to"
    if "multiscales" in ome:
        return None
    if node.kind == "group":
        return "is a Zarr group without an OME-Zarr image (multiscales); give the image's folder"
    stated = node.document.get("shape")
    shape = one_line(" × ".join(map(str, stated)) if isinstance(stated, list) else stated)
    above = node.folder.resolve().parent
    where = f"give {above}, the folder above it" if is_zarr(above) else "write it as OME-Zarr 0.5"
    return f"is a plain Zarr array ({pixel_type(node)}, {shape}) without OME metadata; {where}"


def _example(ome: dict[str, Any]) -> str:
    """Name the first image of a plate, where it says which wells it has."""
    plate = ome["plate"]
    wells = plate.get("wells") if isinstance(plate, dict) else None
    first = wells[0] if isinstance(wells, list) and wells else None
    path = first.get("path") if isinstance(first, dict) else None
    return f", such as {one_line(path)}/0 inside it" if isinstance(path, str) else ""


def is_ome_zarr(folder: Path) -> bool:
    """Say whether a folder holds an OME-Zarr image, or several as bioformats2raw lays them out.

    Reads one or two small files; plates, labels, focus maps and plain arrays are none.
    """
    try:
        node = read_node(folder) if is_zarr(folder) else None
    except NotASlideError:
        return False
    return node is not None and (
        is_collection(node) or _other_kind(node, ome_attributes(node.attributes)) is None
    )


def is_collection(node: ZarrNode) -> bool:
    """Say whether a folder holds several images, as bioformats2raw lays them out."""
    ome = ome_attributes(node.attributes)
    return "bioformats2raw.layout" in ome and not {"multiscales", "plate"} & ome.keys()


def _check_pyramid(levels: tuple[ZarrLevel, ...], name: str) -> None:
    """Refuse levels that do not shrink, or differ in anything but height and width.

    Raises
    ------
    NotASlideError
        Naming the shapes found.
    """
    if (
        not levels_shrink([level.shape for level in levels])
        or len({(level.size("z"), level.size("c")) for level in levels}) > 1
    ):
        sizes = ", ".join(" × ".join(map(str, level.array.shape)) for level in levels)
        raise NotASlideError(
            f"the levels of {name} ({sizes}) are no pyramid of the same planes, finest first; "
            "export it again"
        )
