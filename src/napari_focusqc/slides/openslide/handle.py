"""OpenSlide's handle on a file: where its other files lie, why it is refused, its colour profile.

Room: slides. Used by `slide` alone.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from openslide import OpenSlide, OpenSlideError
from PIL import ImageCms

from napari_focusqc.errors import NotASlideError
from napari_focusqc.slides.colour import MOST_PROFILE_BYTES
from napari_focusqc.slides.openslide.mirax_folder import is_mirax, mirax_file
from napari_focusqc.slides.resolution import as_number

_SEVERAL_PLANES = re.compile(r"TotalPixelMatrixFocalPlanes value (\d+) != 1")


def open_handle(path: Path) -> tuple[OpenSlide, Path]:
    """Open a file, and say under which path.

    OpenSlide looks for the other files of a VMS or DICOM slide beside a link, not beside what it
    leads to. A link is opened at both places, and the one with more levels and pictures is taken.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The handle, and the path to open it again.

    Raises
    ------
    NotASlideError
        OpenSlide does not read it, with its own words; or the folder of an MRXS slide is missing.
    TruncatedSlideError
        Data files of an MRXS slide are missing.
    """
    if is_mirax(path):
        places = [mirax_file(path)]
    else:
        places = [path, path.resolve()] if path.is_symlink() else [path]
    found: list[tuple[OpenSlide, Path]] = []
    refusals: list[OpenSlideError] = []
    for place in places:
        try:
            found.append((OpenSlide(place), place))
        except OpenSlideError as error:
            refusals.append(error)
    if not found:
        raise _refusal(path.name, str(refusals[0])) from refusals[0]
    found.sort(key=lambda pair: -pair[0].level_count - len(pair[0].associated_images))
    for handle, _ in found[1:]:
        handle.close()
    return found[0]


def _refusal(name: str, words: str) -> NotASlideError:
    """Return the sentence for a file that OpenSlide does not open for the reason in its words."""
    planes = _SEVERAL_PLANES.search(words)
    if planes is not None:
        return NotASlideError(
            f"{name} has {planes[1]} focal planes, and OpenSlide opens DICOM files of one only; "
            "convert it to OME-TIFF"
        )
    return NotASlideError(
        f"{name} cannot be opened: OpenSlide says “{words}”; convert it to OME-TIFF"
    )


def read_profile(
    handle: OpenSlide, properties: Mapping[str, str]
) -> tuple[bytes | None, str | None]:
    """Return a file's colour profile, and a sentence where it has one that is of no use.

    Parameters
    ----------
    handle
        Open.
    properties
        Its properties.
    """
    size = as_number(properties.get("openslide.icc-size")) or 0
    if size > MOST_PROFILE_BYTES:
        return None, f"its colour profile claims {size:.0f} bytes and is left out"
    try:
        profile = handle.color_profile
    except (ImageCms.PyCMSError, OSError) as error:
        return None, f"its colour profile is damaged ({error}) and is left out"
    return (None if profile is None else bytes(profile.tobytes())), None
