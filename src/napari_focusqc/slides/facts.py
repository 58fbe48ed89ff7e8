"""What a slide says of itself, for people and for programs.

Room: slides. Decodes nothing.
"""

from typing import Any

from napari_focusqc.slides.associated import offered, withheld
from napari_focusqc.slides.slide import Slide

UNKNOWN = "unknown"


def describe(slide: Slide) -> dict[str, Any]:
    """Return everything there is to know of a slide, in plain JSON types.

    Parameters
    ----------
    slide
        Open.

    Returns
    -------
    Shapes are (height, width), px; what is not known is None. Pictures whose names say that they
    may carry a patient's name stand under ``"withheld"``.
    """
    info = slide.info
    return {
        "name": slide.name,
        "path": None if info.path is None else str(info.path),
        "format": info.format,
        "reader": info.reader,
        "compression": info.compression,
        "vendor": info.vendor,
        "objective": info.objective,
        "shape": list(slide.shape),
        "levels": [list(shape) for shape in slide.level_shapes],
        "mpp": slide.mpp,
        "mpp_source": slide.mpp_source,
        "stated_mpp": None if info.stated_mpp is None else list(info.stated_mpp),
        "planes": len(slide.z_um),
        "z_um": list(slide.z_um),
        "z_source": info.z_source,
        "icc_profile": slide.icc_profile is not None,
        "pictures": list(offered(slide)),
        "withheld": list(withheld(slide)),
        "notes": list(info.notes),
    }


def facts(slide: Slide) -> list[tuple[str, str]]:
    """Return what a user wants to know of a slide, as label and value.

    Parameters
    ----------
    slide
        Open.
    """
    info = slide.info
    height, width = slide.shape
    rows = [
        ("name", slide.name),
        ("format", info.format),
        ("read by", info.reader),
        ("compression", info.compression or UNKNOWN),
        ("vendor", info.vendor or UNKNOWN),
        ("objective", UNKNOWN if info.objective is None else f"{info.objective:g}x"),
        ("size", f"{width:,} × {height:,} px{_extent(slide)}"),
        ("levels", levels_in_words(slide)),
        ("µm per pixel", resolution_in_words(slide)),
        ("planes", planes_in_words(slide)),
        ("colours", "with an ICC profile" if slide.icc_profile else "no ICC profile"),
        ("pictures", pictures_in_words(slide)),
    ]
    return rows + [("note", note[:1].upper() + note[1:] + ".") for note in info.notes]


def _extent(slide: Slide) -> str:
    """Return a slide's size in millimetres, where its µm/px is known."""
    if slide.mpp is None:
        return ""
    height, width = (side * slide.mpp / 1000 for side in slide.shape)
    return f" ({width:.3g} × {height:.3g} mm)"


def levels_in_words(slide: Slide) -> str:
    """Say how many levels are stored, and their sizes."""
    sizes = ", ".join(f"{width:,} × {height:,}" for height, width in slide.level_shapes)
    return f"{len(slide.level_shapes)} ({sizes} px)"


def resolution_in_words(slide: Slide) -> str:
    """Say the µm/px and where it is from."""
    if slide.mpp is None:
        stated = slide.info.stated_mpp
        return "not in the file" if stated is None else "not known (see the note)"
    where = "from the file" if slide.mpp_source == "file" else "given"
    return f"{slide.mpp:.4g} ({where})"


def planes_in_words(slide: Slide) -> str:
    """Say how many planes there are and how high they lie."""
    if len(slide.z_um) == 1:
        return "1"
    heights = ", ".join(f"{z:g}" for z in slide.z_um)
    source = slide.info.z_source
    if source is None:
        return f"{len(slide.z_um)} (heights unknown, counted {heights})"
    return f"{len(slide.z_um)} (z = {heights} µm{', given' if source == 'given' else ''})"


def pictures_in_words(slide: Slide) -> str:
    """Name the pictures beside the slide, and those that are withheld."""
    parts = [*offered(slide), *(f"{name} (withheld)" for name in withheld(slide))]
    return ", ".join(parts) or "none"
