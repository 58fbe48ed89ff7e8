"""Where the nuclei of an image are, from the file in which somebody marked them.

Room: annotation. Three kinds of file are known, and the first that is there counts:

- Outlines from Aperio ImageScope, XML. They count from the corner of the first pixel, so half a
  pixel is taken off: in MoNuSeg's 13 fields the outlines lie best on the edges of the nuclei when
  they are moved by −0.40 px in y and −0.54 px in x (means; each field by its steepest edges).
- A label image: 0 is no nucleus, every other number one nucleus.
- A table of centres, CSV with the columns image, y_px and x_px.

Centres are (y, x) px, and the centre of the first pixel is (0, 0).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from napari_focusqc.errors import AnnotationError

MAX_FILE_BYTES = 1 << 26
"""A larger XML file or table is refused; MoNuSeg's are 4 MB for a megapixel."""
MAX_LABELS_PX = 1 << 26
"""A larger label image is refused: it is held in memory."""
CORNER_PX = 0.5
"""From the corner of a pixel, where ImageScope counts from, to its centre."""
LABEL_SUFFIXES = (".png", ".tif", ".tiff")
_LABEL_MODES = frozenset({"L", "I;16", "I;16L", "I;16B", "I"})
"""Pillow's names of grey integers."""
_COLUMNS = ("image", "y_px", "x_px")

Table = dict[str, list[tuple[float, float]]]
"""Centres by the name of their image."""


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """The nuclei of one image.

    Parameters
    ----------
    path
        The file that says so.
    centres
        float64 (N, 2), px of the image; N is 0 only where a label image is 0 everywhere.
    shape
        (height, width) of the image that was annotated, px; None where the file is silent.
    """

    path: Path
    centres: NDArray[np.float64]
    shape: tuple[int, int] | None = None


class Annotations:
    """Finds what belongs to an image; a table is read once for all its images.

    For ``images/NAME.png`` that is ``annotations/NAME.xml``, ``labels/NAME.png`` (or .tif) or
    ``centres.csv`` beside ``images``; for any image also ``NAME.xml``, a grey ``NAME.png`` (or
    .tif), ``centres.csv`` or ``NAME.csv`` next to it.
    """

    def __init__(self) -> None:
        self._tables: dict[Path, Table] = {}

    def of(self, image: Path) -> Annotation | None:
        """Read the annotation of an image; None where nobody marked anything in it.

        Outlines without a region, and tables without a row for the image, mark nothing.

        Raises
        ------
        AnnotationError
            The annotation is damaged or too large.
        """
        here, name = image.parent, image.stem
        home = here.parent if here.name == "images" else here
        for path in (home / "annotations" / f"{name}.xml", here / f"{name}.xml"):
            if path.is_file() and len(outlined := outline_centres(path)):
                return Annotation(path, outlined)
        for suffix in LABEL_SUFFIXES:
            if (path := home / "labels" / f"{name}{suffix}").is_file():
                return read_labels(path)
        for path in _siblings(image):
            if _is_grey(path):
                return read_labels(path)
        for path in (home / "centres.csv", here / "centres.csv", here / f"{name}.csv"):
            if path.is_file() and (rows := self._rows(path, image)):
                return Annotation(path, np.array(rows, np.float64))
        return None

    def _rows(self, path: Path, image: Path) -> list[tuple[float, float]]:
        """Return the centres that a table gives for an image, named with or without ending."""
        if path not in self._tables:
            self._tables[path] = read_table(path)
        table = self._tables[path]
        return table.get(image.name, []) + table.get(image.stem, [])


def is_label(image: Path) -> bool:
    """Tell label images from fields: in a folder ``labels``, or grey beside one of the same name.

    Parameters
    ----------
    image
        What `find_data_sets` takes for a field: it takes every TIFF.
    """
    if image.parent.name == "labels":
        return True
    return bool(_siblings(image)) and _is_grey(image)


def outline_centres(path: Path) -> NDArray[np.float64]:
    """Read the area centroids of the regions in a file of Aperio ImageScope.

    All layers count; regions that take away (``NegativeROA``) do not.

    Returns
    -------
    float64 (N, 2), px.

    Raises
    ------
    AnnotationError
        The file is too large, no such XML, declares entities, or has a vertex without a place.
    """
    text = _text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise AnnotationError(
            f"{path} declares entities, which outlines never need; export it from ImageScope again"
        )
    try:
        centres = [polygon_centre(vertices) for vertices in _regions(text) if len(vertices)]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise AnnotationError(
            f"{path} cannot be read as outlines ({error}); export it from ImageScope again"
        ) from error
    return np.array(centres, np.float64).reshape(-1, 2) - CORNER_PX


def polygon_centre(vertices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area centroid of a polygon, or the mean of its vertices where that makes no sense.

    Lines, points and outlines that cross themselves have an area of about 0, which throws the
    centroid out of the polygon's bounding box.

    Parameters
    ----------
    vertices
        float64 (K, 2), K at least 1; the last is joined to the first.

    Returns
    -------
    float64 (2,).
    """
    mean: NDArray[np.float64] = vertices.mean(axis=0)
    here = vertices - mean
    following = np.roll(here, -1, axis=0)
    with np.errstate(all="ignore"):
        cross = here[:, 1] * following[:, 0] - following[:, 1] * here[:, 0]
        centre = mean + cross @ (here + following) / (3 * cross.sum())
    inside = (vertices.min(axis=0) <= centre) & (centre <= vertices.max(axis=0))
    return centre if inside.all() else mean


def read_labels(path: Path) -> Annotation:
    """Read the centre of mass of every label above 0.

    Raises
    ------
    AnnotationError
        The image is damaged, too large or not of grey integers, or it is a mask: one number for
        many nuclei.
    """
    try:
        with Image.open(path) as image:
            _check_labels(path, image)
            labels = np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise AnnotationError(
            f"{path} cannot be read as a label image ({error}); replace it or take it away"
        ) from error
    y, x = np.nonzero(labels > 0)
    _, nucleus, area = np.unique(labels[y, x], return_inverse=True, return_counts=True)
    if len(area) == 1 and (parts := ndimage.label(labels > 0)[1]) > 1:
        raise AnnotationError(
            f"{path} has one label in {parts} places; give each nucleus a number of its own"
        )
    sums = np.stack([np.bincount(nucleus, y), np.bincount(nucleus, x)], axis=1)
    return Annotation(path, sums / area[:, None], (labels.shape[0], labels.shape[1]))


def read_table(path: Path) -> Table:
    """Read a table of centres, px; columns other than image, y_px and x_px are passed over.

    Raises
    ------
    AnnotationError
        The file is too large, has not these columns, or a place in it is no finite number.
    """
    table: Table = {}
    rows = csv.DictReader(StringIO(_text(path), newline=""))
    try:
        if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            raise ValueError(f"no column {missing[0]}")
        for row in rows:
            y, x = float(row["y_px"]), float(row["x_px"])
            if not (isfinite(y) and isfinite(x)):
                raise ValueError(f"a nucleus at {y}, {x}")
            table.setdefault(row["image"], []).append((y, x))
    except (ValueError, TypeError, csv.Error) as error:
        raise AnnotationError(
            f"{path}, line {rows.line_num}, cannot be read as centres of nuclei ({error}); it must "
            "have the columns image, y_px and x_px, the last two finite numbers"
        ) from error
    return table


def _regions(text: str) -> Iterator[NDArray[np.float64]]:
    """Yield the vertices (y, x) of one region after the other, float64 (K, 2).

    Raises
    ------
    ValueError, KeyError
        The XML is of another kind, or a vertex has no finite place.
    """
    root = ""
    for event, element in ElementTree.iterparse(StringIO(text), ("start", "end")):  # noqa: S314
        root = root or element.tag
        if root != "Annotations":
            raise ValueError(f"its root is {root[:40]!r}")
        if event == "end" and element.tag == "Region":
            found = element.iter("Vertex")
            places = [(float(each.attrib["Y"]), float(each.attrib["X"])) for each in found]
            if not np.isfinite(places).all():
                raise ValueError("a vertex lies nowhere")
            if element.get("NegativeROA") != "1":
                yield np.array(places, np.float64).reshape(-1, 2)
            element.clear()


def _text(path: Path) -> str:
    """Read a text file; what is not UTF-8 in it becomes a question mark."""
    try:
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise AnnotationError(
                f"{path} has {size:,} bytes; annotations of one field have at most "
                f"{MAX_FILE_BYTES:,}, so cut the field into smaller ones"
            )
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise AnnotationError(
            f"{path} cannot be read ({error}); replace it or take it away"
        ) from error


def _siblings(image: Path) -> list[Path]:
    """List the other images of the same name in the same folder that could be of either kind."""
    paths = (image.with_name(image.stem + suffix) for suffix in (*LABEL_SUFFIXES, ".jpg", ".jpeg"))
    return [path for path in paths if path != image and path.is_file()]


def _is_grey(path: Path) -> bool:
    """Say whether Pillow knows an image as grey integers; what it does not know is no label."""
    try:
        with Image.open(path) as image:
            return image.mode in _LABEL_MODES
    except (OSError, SyntaxError, Image.DecompressionBombError):
        return False


def _check_labels(path: Path, image: Image.Image) -> None:
    """Refuse what is too large or no label image, before it is decoded."""
    if image.height * image.width > MAX_LABELS_PX:
        raise AnnotationError(
            f"{path} is {image.height} × {image.width} px; cut it into fields of at most "
            f"{MAX_LABELS_PX >> 20} megapixels"
        )
    if image.mode not in _LABEL_MODES:
        raise AnnotationError(
            f"{path} is of mode {image.mode}, not of grey integers; save it with one number for "
            "each nucleus"
        )
