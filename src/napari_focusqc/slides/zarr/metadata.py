"""What the OME metadata of an OME-Zarr image says: axes, levels, µm, colours.

Room: slides. Pure functions over the JSON of the specification, versions 0.4 and 0.5; opens no
file. What the metadata leaves open is None, never a guess.

References
----------
.. [1] OME-Zarr 0.4 and 0.5, https://ngff.openmicroscopy.org/0.4/ and /0.5/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.resolution import UM_PER_UNIT
from napari_focusqc.slides.zarr.channels import Channel, read_channels
from napari_focusqc.slides.zarr.folder import one_line

VERSIONS = ("0.4", "0.5")

_LETTERS = "tczyx"
_LETTER_OF_TYPE = {"time": "t", "channel": "c"}
_UM_PER_NAME = {
    "angstrom": 1e-4,
    "picometer": 1e-6,
    "nanometer": 1e-3,
    "micrometer": 1.0,
    "micron": 1.0,
    "millimeter": 1e3,
    "centimeter": 1e4,
    "decimeter": 1e5,
    "meter": 1e6,
    "inch": 25400.0,
}
"""Micrometres in each length of UDUNITS-2 that an image can be measured in."""


@dataclass(frozen=True, slots=True)
class OmeZarrMetadata:
    """What the metadata of one image says.

    Parameters
    ----------
    version
        Of OME-Zarr.
    axes
        One letter of ``tczyx`` per axis of the arrays, in their order.
    paths
        Of each level inside the image's folder, finest first.
    mpp
        µm/px of level 0 along (y, x), or None.
    z_um
        Height of the first plane and distance of the next, µm, or None.
    channels
        How each channel is to be shown; empty where the metadata is silent.
    notes
        What is odd, one sentence each.
    mpp_notes
        Why there is no µm/px, one sentence or none.
    """

    version: str
    axes: tuple[str, ...]
    paths: tuple[Any, ...]
    mpp: tuple[float, float] | None
    z_um: tuple[float, float] | None
    channels: tuple[Channel, ...]
    notes: tuple[str, ...]
    mpp_notes: tuple[str, ...]


def ome_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the OME part of a folder's attributes: under ``ome`` since 0.5, at the top before."""
    ome = attributes.get("ome")
    return ome if isinstance(ome, dict) else attributes


def read_metadata(attributes: dict[str, Any], name: str) -> OmeZarrMetadata:
    """Read the metadata of one image.

    Parameters
    ----------
    attributes
        Of the image's folder; they have ``multiscales``.
    name
        The slide's name.

    Raises
    ------
    NotASlideError
        The version or the axes are not those of a slide, or the metadata is damaged.
    """
    ome = ome_attributes(attributes)
    images = ome.get("multiscales")
    if not isinstance(images, list) or not images or not isinstance(images[0], dict):
        raise _damaged(name, "its multiscales list holds no image")
    image = images[0]
    axes = _axes(image.get("axes"), name)
    datasets = image.get("datasets")
    if not isinstance(datasets, list) or not all(isinstance(part, dict) for part in datasets):
        raise _damaged(name, "its levels are no list")
    if not datasets:
        raise _damaged(name, "it lists no level")
    mpp, z_um, mpp_notes = _lengths(image, axes, datasets[0])
    notes = [f"it holds {len(images)} images; the first is read"] * (len(images) > 1)
    return OmeZarrMetadata(
        version=_version(ome.get("version") or image.get("version"), ome is attributes, name),
        axes=axes,
        paths=tuple(dataset.get("path") for dataset in datasets),
        mpp=mpp,
        z_um=z_um,
        channels=read_channels(ome.get("omero")),
        notes=tuple(notes),
        mpp_notes=mpp_notes,
    )


def _damaged(name: str, why: str) -> NotASlideError:
    """Return the refusal of metadata that is not as the specification wants it."""
    return NotASlideError(f"the OME-Zarr metadata of {name} are damaged ({why}); export it again")


def _version(stated: object, at_the_top: bool, name: str) -> str:
    """Return the version of OME-Zarr; where it is left out, the place of the metadata tells.

    Raises
    ------
    NotASlideError
        It is none of `VERSIONS`.
    """
    version = str(stated or (VERSIONS[0] if at_the_top else VERSIONS[1]))
    if ".".join(version.split("-")[0].split(".")[:2]) not in VERSIONS:
        raise NotASlideError(
            f"{name} is OME-Zarr {one_line(version)}, and {' and '.join(VERSIONS)} are read here; "
            "convert it"
        )
    return version


def _axes(axes: object, name: str) -> tuple[str, ...]:
    """Return one letter per axis.

    Raises
    ------
    NotASlideError
        An axis is not one of `_LETTERS`, there twice, or y or x is missing.
    """
    if not isinstance(axes, list) or not all(isinstance(axis, dict) for axis in axes):
        raise NotASlideError(
            f"{name} does not name its axes as OME-Zarr 0.4 and 0.5 do; convert it to one of these"
        )
    names = [str(axis.get("name")) for axis in axes]
    letters = [
        word.lower() if word.lower() in tuple(_LETTERS) else _LETTER_OF_TYPE.get(axis.get("type"))
        for axis, word in zip(axes, names, strict=True)
    ]
    known = tuple(letter for letter in letters if letter is not None)
    if len(known) < len(axes) or len(set(known)) < len(known) or not {"y", "x"} <= set(known):
        raise NotASlideError(
            f"the axes of {name} are {one_line(', '.join(names))}; a slide has y and x, and at "
            "most t, c and z beside them"
        )
    return known


def _lengths(
    image: dict[str, Any], axes: tuple[str, ...], dataset: dict[str, Any]
) -> tuple[tuple[float, float] | None, tuple[float, float] | None, tuple[str, ...]]:
    """Return µm/px along (y, x), first height and distance of planes, and why there are none."""
    placed = _placed(dataset, image, len(axes))
    if placed is None:
        return None, None, ("the size of its pixels is not in the metadata",)
    scale, offset = placed
    units = {axis: part.get("unit") for axis, part in zip(axes, image["axes"], strict=True)}
    um = {axis: unit_um(unit) for axis, unit in units.items()}
    step = {axis: scale[place] * (um[axis] or 0.0) for place, axis in enumerate(axes)}
    z_um = None
    if um.get("z") is not None and step["z"] > 0:
        z_um = (offset[axes.index("z")] * (um["z"] or 0.0), step["z"])
    if min(step["y"], step["x"]) > 0 and all(map(isfinite, (step["y"], step["x"]))):
        return (step["y"], step["x"]), z_um, ()
    sizes = f"{scale[axes.index('y')]:.4g} × {scale[axes.index('x')]:.4g}"
    if um["y"] is not None and um["x"] is not None:
        return None, z_um, (f"the size of its pixels, {sizes}, is no length above 0",)
    given = [units[axis] for axis in "yx" if um[axis] is None and units[axis] is not None]
    why = f"the unit “{one_line(given[0])}”, which is no length" if given else "no unit"
    note = f"its axes y and x have {why}, so their scale {sizes} is not read as µm per pixel"
    return None, z_um, (note,)


def unit_um(unit: object) -> float | None:
    """Return the micrometres in a unit of length, or None where it is none.

    Parameters
    ----------
    unit
        A name of UDUNITS-2, such as ``"micrometer"``, or its symbol.
    """
    if not isinstance(unit, str):
        return None
    symbol = unit.strip().replace("\u03bc", "\u00b5")
    if symbol in UM_PER_UNIT or symbol == "um":
        return UM_PER_UNIT.get(symbol, 1.0)
    return _UM_PER_NAME.get(symbol.lower().replace("metre", "meter").removesuffix("s"))


def _placed(
    dataset: dict[str, Any], image: dict[str, Any], axes: int
) -> tuple[list[float], list[float]] | None:
    """Return the scale and the offset of level 0 per axis; None where the metadata has no scale."""
    own = _transform(dataset.get("coordinateTransformations"), axes)
    shared = _transform(image.get("coordinateTransformations") or [], axes)
    if own is None or shared is None or not dataset.get("coordinateTransformations"):
        return None
    scale = [fine * whole for fine, whole in zip(own[0], shared[0], strict=True)]
    moved = zip(own[1], shared[0], shared[1], strict=True)
    return scale, [first * whole + more for first, whole, more in moved]


def _transform(steps: object, axes: int) -> tuple[list[float], list[float]] | None:
    """Return the scale and the offset of a list of transformations; None where one is unknown."""
    scale, offset = [1.0] * axes, [0.0] * axes
    for step in steps if isinstance(steps, list) else [None]:
        fields = step if isinstance(step, dict) else {}
        kind = fields.get("type")
        if kind == "identity":
            continue
        values = _numbers(fields.get(kind), axes) if kind in ("scale", "translation") else None
        if values is None:
            return None
        if kind == "scale":
            scale = [old * new for old, new in zip(scale, values, strict=True)]
            offset = [old * new for old, new in zip(offset, values, strict=True)]
        else:
            offset = [old + new for old, new in zip(offset, values, strict=True)]
    return scale, offset


def _numbers(values: Any, count: int) -> Sequence[float] | None:
    """Return a list of finite numbers of the right length, or None."""
    if not isinstance(values, list) or len(values) != count:
        return None
    plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if not plain or not all(abs(v) < 1e300 and isfinite(v) for v in values):
        return None
    return [float(v) for v in values]
