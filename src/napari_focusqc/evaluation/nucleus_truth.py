"""The true nuclei of a slide, from whatever file somebody kept them in.

Room: evaluation. Reads; measures nothing.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.annotation.nucleus_annotations import (
    LABEL_SUFFIXES,
    Annotation,
    outline_centres,
    read_labels,
    read_table,
)
from napari_focusqc.errors import EvaluationError
from napari_focusqc.geometry import Region
from napari_focusqc.results.nucleus_files import load_nuclei

KINDS = (".xml", ".csv", *LABEL_SUFFIXES, ".parquet")
"""Endings of files that may hold a truth."""


def read_truth(path: Path, image: str) -> Annotation:
    """Read the true nuclei of a slide or image.

    Parameters
    ----------
    path
        Outlines of Aperio ImageScope (.xml), a table of centres (.csv), a label image (.png, .tif)
        or a table of nuclei of ours, such as a corrected one (.parquet).
    image
        Name of the slide, for a table of several images; one of a single image needs no name.

    Returns
    -------
    Px of the image that was annotated; a shape only from a label image.

    Raises
    ------
    EvaluationError
        The file is of another kind, or says nothing of this slide.
    AnnotationError, NucleusFileError
        It cannot be read.
    """
    kind = path.suffix.lower()
    if kind == ".xml":
        return Annotation(path, outline_centres(path))
    if kind == ".csv":
        return Annotation(path, _rows(path, image))
    if kind in LABEL_SUFFIXES:
        return read_labels(path)
    if kind == ".parquet":
        return Annotation(path, load_nuclei(path).centres.astype(np.float64))
    raise EvaluationError(f"{path} is no truth known here; give one of {', '.join(KINDS)}")


def within(points: NDArray[np.floating], region: Region | None) -> NDArray[np.bool_]:
    """Say of each point, float (N, 2) px, whether it lies in a region; in none, all do."""
    if region is None:
        return np.ones(len(points), bool)
    y, x = np.asarray(points, np.float64).T + 0.5
    rows = (y >= region.y) & (y < region.bottom)
    return np.asarray(rows & (x >= region.x) & (x < region.right))


def _rows(path: Path, image: str) -> NDArray[np.float64]:
    """Return the centres that a table gives for an image."""
    table = read_table(path)
    named = [name for name in table if Path(name).stem == Path(image).stem]
    if not named and len(table) == 1:
        named = list(table)
    if not named:
        raise EvaluationError(
            f"{path} has nuclei of {len(table)} images and none of {image}; give the table that "
            "has this image"
        )
    return np.array([place for name in named for place in table[name]], np.float64).reshape(-1, 2)
