"""Fields with the centres of their nuclei: found in a folder, brought to one resolution, parted.

Room: training. The folder is laid out as for `fields`; `annotation.nucleus_annotations` says
where the annotations lie. An image without one is left out and counted: it is never taken as empty.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.annotation.nucleus_annotations import Annotation, Annotations, is_label
from napari_focusqc.errors import TrainingError
from napari_focusqc.geometry import model_scale, same_resolution
from napari_focusqc.progress import Progress
from napari_focusqc.training.field_images import read_image, shrink
from napari_focusqc.training.fields import DataSet, find_data_sets


@dataclass(frozen=True, slots=True, eq=False)
class NucleusField:
    """One image with its nuclei, at the resolution of the training.

    Parameters
    ----------
    data_set
        Name of its `DataSet`.
    path
        Where the image was read.
    pixels
        uint8 (H, W, 3), RGB.
    centres
        float32 (N, 2), (y, x) px of `pixels`; the centre of the first pixel is (0, 0). Where
        area averaging left out a remainder, a nucleus may lie up to one pixel beyond.
    """

    data_set: str
    path: Path
    pixels: NDArray[np.uint8]
    centres: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NucleusFields:
    """Annotated fields parted by image.

    Parameters
    ----------
    training, validation
        Fields to train on and to measure on.
    used
        One dict per data set for the weights' card: name, licence, µm/px, images, nuclei.
    """

    training: tuple[NucleusField, ...]
    validation: tuple[NucleusField, ...]
    used: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Marked:
    """A data set whose paths are its annotated images, with the number of the others."""

    data_set: DataSet
    annotations: dict[Path, Annotation]
    unannotated: int


def read_nucleus_fields(
    folder: Path, *, mpp: float, data_mpp: float, crop_px: int, validation: float, seed: int
) -> Generator[Progress[None], None, NucleusFields]:
    """Find, part and read every annotated image that serves; the others are counted.

    Parameters
    ----------
    folder
        Where to look; `find_data_sets` says how it is laid out.
    mpp
        µm/px of the training; an image within 15 % is used as it is, a finer one is
        area-averaged, a coarser one left out.
    data_mpp
        µm/px of images where neither the file nor ``dataset.json`` says it.
    crop_px
        Least height and width at the resolution of the training, px.
    validation
        Share of each data set's annotated images that is measured on, 0 to 1.
    seed
        The same seed gives the same split.

    Raises
    ------
    TrainingError
        A file is damaged, a data set has one annotated image only, or too few images serve.
    """
    found = yield from _find_annotations(find_data_sets(folder, data_mpp))
    done, total = 0, sum(len(marked.annotations) for marked in found)
    training: list[NucleusField] = []
    measured: list[NucleusField] = []
    used: list[dict[str, Any]] = []
    for marked in found:
        new: tuple[list[NucleusField], list[NucleusField]] = ([], [])
        for part, paths in zip(new, _split(marked, validation, seed), strict=True):
            for path in paths:
                annotation = marked.annotations[path]
                field = read_nucleus_field(marked.data_set, path, annotation, mpp)
                part += [field] if field and min(field.pixels.shape[:2]) >= crop_px else []
                done += 1
                yield Progress(done, total, "reading images")
        training, measured = training + new[0], measured + new[1]
        used += [_entry(marked, *new)] if any(new) else []
    if not (training and measured):
        raise TrainingError(
            f"too few images with annotated nuclei below {folder} are as fine as {mpp:g} µm/px and "
            f"then {crop_px} px on both sides; annotate more, or give finer or larger ones"
        )
    return NucleusFields(tuple(training), tuple(measured), tuple(used))


def read_nucleus_field(
    data_set: DataSet, path: Path, annotation: Annotation, mpp: float
) -> NucleusField | None:
    """Read an image and bring it and its nuclei to the resolution of the training.

    Parameters
    ----------
    data_set
        What the image belongs to; its `mpp` counts where the file is silent.
    path
        The image.
    annotation
        Its nuclei.
    mpp
        µm/px wanted.

    Returns
    -------
    None for an image coarser than wanted.

    Raises
    ------
    TrainingError
        The image is too large, or the annotation is of another image: its size differs, or a
        nucleus lies outside.
    FocusQCError
        The image cannot be read.
    """
    pixels, file_mpp = read_image(path)
    _check_same_image(annotation, path, (pixels.shape[0], pixels.shape[1]))
    found = file_mpp or data_set.mpp
    if found > mpp and not same_resolution(found, mpp):
        return None
    factor = model_scale(found, mpp)
    centres = shrink_centres(annotation.centres, factor).astype(np.float32)
    return NucleusField(data_set.name, path, shrink(pixels, factor), centres)


def shrink_centres(centres: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """Move centres as area averaging moves what they mark.

    Pixels are areas, and positions count from the centre of the first one; its corner, at −0.5,
    is what stays in place.

    Parameters
    ----------
    centres
        (N, 2), px.
    factor
        Old pixels per new pixel, at least 1.

    Returns
    -------
    (N, 2), new px.
    """
    return (centres + 0.5) / factor - 0.5


def _find_annotations(
    data_sets: tuple[DataSet, ...],
) -> Generator[Progress[None], None, list[_Marked]]:
    """Read every annotation; data sets without one are dropped."""
    known = [
        replace(data_set, paths=tuple(path for path in data_set.paths if not is_label(path)))
        for data_set in data_sets
    ]
    done, total = 0, sum(len(data_set.paths) for data_set in known)
    found = []
    for data_set in known:
        files, annotations = Annotations(), {}
        for path in data_set.paths:
            if (annotation := files.of(path)) is not None:
                annotations[path] = annotation
            done += 1
            yield Progress(done, total, "reading annotations")
        unannotated = len(data_set.paths) - len(annotations)
        if annotations:
            only = replace(data_set, paths=tuple(annotations))
            found.append(_Marked(only, annotations, unannotated))
    return found


def _split(marked: _Marked, share: float, seed: int) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Part the annotated images of a data set."""
    data_set = marked.data_set
    if len(data_set.paths) == 1 and not data_set.held_out:
        raise TrainingError(
            f"of the data set {data_set.name} one image is annotated, {data_set.paths[0]}; at "
            "least two are needed, one to train on and one to validate on"
        )
    return data_set.split(share, seed)


def _check_same_image(annotation: Annotation, path: Path, shape: tuple[int, int]) -> None:
    """Refuse an annotation that was made for another image."""
    if annotation.shape is not None and annotation.shape != shape:
        raise TrainingError(
            f"{annotation.path} is {annotation.shape[0]} × {annotation.shape[1]} px, but {path} is "
            f"{shape[0]} × {shape[1]} px; give the labels of this image"
        )
    centres = annotation.centres
    outside = ((centres < -0.5) | (centres > np.array(shape) - 0.5)).any(axis=1)
    if outside.any():
        y, x = centres[outside][0]
        raise TrainingError(
            f"{annotation.path} has a nucleus at y {y:g}, x {x:g} px, outside {path} of "
            f"{shape[0]} × {shape[1]} px; take it away, or give the annotation of this image"
        )


def _entry(
    marked: _Marked, training: list[NucleusField], validation: list[NucleusField]
) -> dict[str, Any]:
    """Describe for the card what was used."""
    data_set = marked.data_set
    return {
        "name": data_set.name,
        "licence": data_set.licence,
        "mpp": data_set.mpp,
        "images_training": len(training),
        "images_validation": len(validation),
        "images_left_out": len(data_set.paths) - len(training) - len(validation),
        "images_not_annotated": marked.unannotated,
        "nuclei_training": sum(len(field.centres) for field in training),
        "nuclei_validation": sum(len(field.centres) for field in validation),
        **({"note": data_set.note} if data_set.note else {}),
    }
