"""What the directories of a scanner maker's TIFF say that OpenSlide does not pass on.

Room: slides. Read through tifffile, once and without pixels; what cannot be read is unknown, and
the slide is opened all the same.

References
----------
.. [1] "Hamamatsu format", openslide.org/formats/hamamatsu: tags 65421 and 65424.
.. [2] "Leica format", openslide.org/formats/leica: the `z` of a dimension.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

from tifffile import TiffFile, TiffFrame, TiffPage

from napari_focusqc.slides.openslide.unseen_planes import MOST_PLANES
from napari_focusqc.slides.tiff.directory import DAMAGED, is_tiff
from napari_focusqc.slides.tiff.pixels import COMPRESSIONS

MOST_PAGES = 1024
"""Further directories are not looked at; 20 planes of 10 levels are 200."""

MOST_XML_CHARS = 1 << 22

_LENS, _HEIGHT_NM = 65421, 65424
_LEICA = "http://www.leica-microsystems.com/scn/"
_FURTHER_COMPRESSIONS = {6: "JPEG", 22610: "JPEG XR", 33003: "JPEG 2000", 33004: "JPEG 2000"}


@dataclass(frozen=True, slots=True)
class VendorTiff:
    """What a maker's TIFF says of its pixels.

    Parameters
    ----------
    compression
        Of the largest image, in words; None where it is not known.
    planes
        Number of focal planes, at least 1.
    """

    compression: str | None = None
    planes: int = 1


def read_vendor_tiff(path: Path) -> VendorTiff:
    """Look through the directories of a file; nothing is known of one that is no TIFF or damaged.

    Parameters
    ----------
    path
        The file.
    """
    try:
        if not is_tiff(path):
            return VendorTiff()
        with TiffFile(path) as tiff:
            pages = list(islice(_pages(tiff), MOST_PAGES))
            largest = max(pages, key=lambda page: page.imagewidth * page.imagelength)
            depths = [int(page.imagedepth) for page in pages]
            planes = max(
                _ndpi_planes(pages),
                leica_planes(pages[0].description),
                *(depth for depth in depths if depth <= MOST_PLANES),
            )
            code = int(largest.compression)
            return VendorTiff((COMPRESSIONS | _FURTHER_COMPRESSIONS).get(code), planes)
    except DAMAGED:
        return VendorTiff()


def _pages(tiff: TiffFile) -> Iterator[TiffPage]:
    """Yield the directories of a file, tags and all."""
    for page in tiff.pages:
        yield page.aspage() if isinstance(page, TiffFrame) else page


def _ndpi_planes(pages: list[TiffPage]) -> int:
    """Return the number of heights that the levels of an NDPI were taken at."""
    levels = [page for page in pages if (page.tags.valueof(_LENS) or -1) > 0]
    return max(len({page.tags.valueof(_HEIGHT_NM) for page in levels}), 1)


def leica_planes(description: str) -> int:
    """Return the number of focal planes of a Leica SCN.

    Parameters
    ----------
    description
        Its XML; 1 for any other text, for one that declares entities, and for a longer one than
        `MOST_XML_CHARS`.
    """
    if _LEICA not in description or len(description) > MOST_XML_CHARS:
        return 1
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        return 1
    try:
        root = ElementTree.fromstring(description)  # noqa: S314 - without entities, as just seen
    except ElementTree.ParseError:
        return 1
    planes = [
        len({dimension.get("z", "0") for dimension in image.iterfind(".//{*}dimension")})
        for image in root.iterfind(".//{*}image")
    ]
    return max([1, *planes])
