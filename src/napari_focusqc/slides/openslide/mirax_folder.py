"""Whether the folder of a 3DHISTECH slide is whole, before OpenSlide opens it.

Room: slides. An .mrxs file is only a preview; the pixels lie in a folder of its name beside it.
OpenSlide opens such a slide without its data files and stumbles over the holes later.
"""

from configparser import ConfigParser
from configparser import Error as NoIniError
from itertools import count, takewhile
from pathlib import Path

from napari_focusqc.errors import NotASlideError, TruncatedSlideError
from napari_focusqc.slides.tiff.directory import is_tiff

MIRAX = "mirax"
"""What OpenSlide calls the format."""

SUFFIX = ".mrxs"
"""OpenSlide takes no other spelling."""

SLIDEDAT = "Slidedat.ini"
MOST_SLIDEDAT_BYTES = 1 << 20
"""OpenSlide refuses a longer one itself."""

MOST_NAMED = 12
"""Of more missing files than these, the sentence counts the rest."""


def is_mirax(path: Path) -> bool:
    """Say whether a file is named as an MRXS slide is, in capitals or not, and is no TIFF.

    Its own bytes say nothing: it begins as any JPEG does. OpenSlide knows it only while the folder
    is beside it, and what is left would pass for a picture.

    Parameters
    ----------
    path
        An existing file.
    """
    return path.suffix.lower() == SUFFIX and not is_tiff(path)


def mirax_file(path: Path) -> Path:
    """Return the file whose neighbour is the slide's folder, once nothing in the folder is missing.

    Parameters
    ----------
    path
        A file for which `is_mirax` is true. OpenSlide looks for the folder beside a link, so a
        link without a folder is followed.

    Raises
    ------
    NotASlideError
        There is no folder or no Slidedat.ini in it, or its ending is in capitals.
    TruncatedSlideError
        Files that Slidedat.ini lists are missing; they are named.
    """
    if path.suffix != SUFFIX:
        raise NotASlideError(
            f"{path.name} ends in {path.suffix}, and OpenSlide knows {SUFFIX} only; rename it"
        )
    file, folder = path, path.with_suffix("")
    if not folder.is_dir() and path.resolve().suffix == SUFFIX:
        file = path.resolve()
        folder = file.with_suffix("")
    if not folder.is_dir():
        raise NotASlideError(
            f"{path.name} has no folder {folder.name} beside it, where its pixels lie; "
            "copy the folder too"
        )
    if not (folder / SLIDEDAT).is_file():
        raise NotASlideError(
            f"{path.name} misses {SLIDEDAT} in the folder {folder.name}; "
            "copy the whole folder again"
        )
    index, data = listed_files(folder / SLIDEDAT)
    missing = [name for name in data if not (folder / name).is_file()]
    among = f" of {len(data)} data files" if missing else ""
    if index is not None and not (folder / index).is_file():
        missing.insert(0, index)
    if missing:
        raise TruncatedSlideError(
            f"{path.name} misses {_named(missing)}{among} in the folder {folder.name}; "
            "copy the whole folder again"
        )
    return file


def listed_files(slidedat: Path) -> tuple[str | None, tuple[str, ...]]:
    """Return the index file and the data files that a Slidedat.ini names.

    Parameters
    ----------
    slidedat
        The file. One that cannot be understood names nothing: OpenSlide then says why.
    """
    with slidedat.open("rb") as file:
        data = file.read(MOST_SLIDEDAT_BYTES + 1)
    if len(data) > MOST_SLIDEDAT_BYTES:
        return None, ()
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    ini = ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    try:
        ini.read_string(text)
    except NoIniError:
        return None, ()
    listed = (ini.get("DATAFILE", f"FILE_{number}", fallback="") for number in count())
    return (
        ini.get("HIERARCHICAL", "INDEXFILE", fallback=None) or None,
        tuple(takewhile(bool, listed)),
    )


def _named(names: list[str]) -> str:
    """Return names for a sentence, the last of many only counted; unprintable bytes escaped."""
    shown = [name.encode("utf-8", "backslashreplace").decode() for name in names[:MOST_NAMED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
