"""Whether a TIFF file holds all of the directories it promises.

Room: slides. tifffile passes over a directory that was cut off, and the slide would lose levels
without a word; so the chain is walked here first. Reads only directories, never pixels.

References
----------
.. [1] Adobe, "TIFF Revision 6.0", 1992, section 2.
.. [2] "BigTIFF file format", libtiff.gitlab.io/libtiff/specification/bigtiff.html
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from napari_focusqc.errors import EmptyLevelError, NotASlideError, TruncatedSlideError
from napari_focusqc.slides.tiff.byte_source import ByteSource

MOST_DIRECTORIES = 100_000
"""A file with more directories than this is taken for a hostile one."""

MOST_TAGS = 4096
"""A directory with more tags than this is taken for a damaged one."""

_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TYPE_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SIZES = {256: "width", 257: "height", 322: "tile width", 323: "tile height"}
_SUBIFDS = 330
# Tags without which a page cannot be read; private ones may point anywhere.
_NEEDED = {256, 257, 258, 259, 262, 270, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325}
_NEEDED |= {_SUBIFDS, 338, 347, 530}


DAMAGED = (
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    OSError,
    SyntaxError,  # xml.etree's ParseError
    struct.error,
)
"""What tifffile raises when a damaged file leads it astray."""


@dataclass(frozen=True, slots=True)
class _Tag:
    """One tag: its number, its integers (structural tags only) and where its values end."""

    code: int
    values: tuple[int, ...]
    end: int


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How numbers are written: byte order, and 4-byte (classic) or 8-byte (big) offsets."""

    order: str
    big: bool

    def header(self) -> tuple[int, str]:
        """Return the place and the struct format of the first directory's offset."""
        return (8, self.order + "Q") if self.big else (4, self.order + "I")

    def count(self) -> str:
        """Return the struct format of the number of tags."""
        return self.order + ("Q" if self.big else "H")

    def tag(self) -> str:
        """Return the struct format of a tag: number, type, count, value or offset."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    def offset(self) -> str:
        """Return the struct format of an offset."""
        return self.order + ("Q" if self.big else "I")


def is_tiff(path: Path) -> bool:
    """Say whether a file begins as a TIFF or BigTIFF does."""
    with path.open("rb") as file:
        return _dialect(file.read(4)) is not None


def check_directories(path: Path) -> None:
    """Walk every directory and sub-directory of a TIFF file.

    Raises
    ------
    TruncatedSlideError
        A directory, or a value that a page needs, lies beyond the end of the file.
    EmptyLevelError
        A page has a height or width of zero.
    NotASlideError
        There are too many directories.
    """
    source = ByteSource(path)
    dialect = _dialect(source.read(0, 4))
    if dialect is None:
        raise NotASlideError(f"{path.name} is no TIFF file; give a whole-slide image")
    place, code = dialect.header()
    waiting = [_unpack(source, place, code, path.name)[0]]
    if waiting == [0]:
        raise TruncatedSlideError(
            f"{path.name} has no directory: it was never finished; copy or export it again"
        )
    seen: set[int] = set()
    while waiting:
        offset = waiting.pop()
        if offset in seen:  # also right: sub-directories may be listed and chained at once
            continue
        if len(seen) > MOST_DIRECTORIES:
            raise NotASlideError(
                f"the directories of {path.name} have no end; copy or export it again"
            )
        seen.add(offset)
        waiting += [found for found in _walk(source, dialect, offset, path.name) if found]


def _dialect(start: bytes) -> _Dialect | None:
    """Return how a file that starts so writes its numbers, or None where it is no TIFF."""
    known = {
        b"II*\0": _Dialect("<", False),
        b"MM\0*": _Dialect(">", False),
        b"II+\0": _Dialect("<", True),
        b"MM\0+": _Dialect(">", True),
    }
    return known.get(start)


def _walk(source: ByteSource, dialect: _Dialect, offset: int, name: str) -> list[int]:
    """Check one directory; return the offsets of its sub-directories and of the next one."""
    number = _unpack(source, offset, dialect.count(), name)[0]
    if not 1 <= number <= MOST_TAGS:
        raise NotASlideError(
            f"a directory of {name} claims {number} tags: it is damaged; copy or export it again"
        )
    place = offset + struct.calcsize(dialect.count())
    step = struct.calcsize(dialect.tag())
    following = _unpack(source, place + number * step, dialect.offset(), name)[0]
    found = [following]
    table = source.read(place, number * step)
    for at in range(0, number * step, step):
        tag = _tag(source, dialect, table[at : at + step])
        if tag is None:
            continue
        if tag.end > source.size:
            raise _cut(name, source.size)
        if tag.code in _SIZES and tag.values[:1] == (0,):
            raise EmptyLevelError(
                f"a level of {name} has a {_SIZES[tag.code]} of 0 px; copy or export it again"
            )
        if tag.code == _SUBIFDS:
            found += tag.values
    return found


def _tag(source: ByteSource, dialect: _Dialect, entry: bytes) -> _Tag | None:
    """Read one tag; None where a page can do without it."""
    code, kind, count, inline = struct.unpack(dialect.tag(), entry)
    if code not in _NEEDED or kind not in _TYPE_BYTES:
        return None
    length = count * _TYPE_BYTES[kind]
    place, end = None, 0
    if length > len(inline):
        place = struct.unpack(dialect.offset(), inline)[0]
        end = place + length
    wanted = code in {*_SIZES, _SUBIFDS} and kind in _INTEGERS and count <= MOST_DIRECTORIES
    if end > source.size or not wanted:
        return _Tag(code, (), end)
    form = f"{dialect.order}{count}{_INTEGERS[kind]}"
    raw = inline[:length] if place is None else source.read(place, length)
    return _Tag(code, struct.unpack(form, raw), end)


def _unpack(source: ByteSource, offset: int, form: str, name: str) -> tuple[int, ...]:
    """Read numbers of a directory.

    Raises
    ------
    TruncatedSlideError
        They lie beyond the end of the file.
    """
    length = struct.calcsize(form)
    if offset + length > source.size:
        raise _cut(name, source.size)
    return struct.unpack(form, source.read(offset, length))


def _cut(name: str, size: int) -> TruncatedSlideError:
    """Return the refusal of a file that ends too early."""
    return TruncatedSlideError(
        f"{name} ends after {size} bytes, but its directory points beyond; copy it again"
    )
