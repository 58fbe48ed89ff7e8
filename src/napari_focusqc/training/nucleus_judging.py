"""Fields whose nuclei are known, and every peak that a network finds in them.

Room: training. The split is that of training, so weights are measured on what they never saw.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.annotation.nucleus_annotations import Annotation, Annotations, is_label
from napari_focusqc.errors import TrainingError
from napari_focusqc.evaluation.judged_nuclei import JudgedImage
from napari_focusqc.evaluation.nucleus_metrics import XI
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.inference.peaks import distance_at, find_peaks
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.progress import Progress
from napari_focusqc.settings.measuring import EvaluateNuclei
from napari_focusqc.training.fields import DataSet, find_data_sets
from napari_focusqc.training.nucleus_fields import NucleusField, read_nucleus_field

LEAST_PX = 48
"""A field smaller than this along an axis is left out."""


def read_judged_fields(
    settings: EvaluateNuclei,
) -> Generator[Progress[None], None, tuple[NucleusField, ...]]:
    """Read the annotated images that are to be measured; no other image is decoded.

    Parameters
    ----------
    settings
        Folder, µm/px, and whether all images or only those kept out of training.

    Raises
    ------
    TrainingError
        No annotated image serves, or one is damaged.
    """
    wanted: list[tuple[DataSet, Path, Annotation]] = []
    files = Annotations()
    for data_set in find_data_sets(settings.data, settings.data_mpp):
        marked = {
            path: annotation
            for path in data_set.paths
            if not is_label(path) and (annotation := files.of(path)) is not None
        }
        paths = tuple(marked)
        if paths and settings.images == "unseen":
            known = replace(data_set, paths=paths)
            paths = known.split(settings.validation, settings.seed)[1]
        wanted += [(data_set, path, marked[path]) for path in paths]
    fields = []
    for done, (data_set, path, annotation) in enumerate(wanted):
        yield Progress(done, len(wanted), "reading images")
        field = read_nucleus_field(data_set, path, annotation, settings.mpp)
        if field is not None and min(field.pixels.shape[:2]) >= LEAST_PX:
            fields.append(field)
    if not fields:
        raise TrainingError(
            f"none of {len(wanted)} images with annotated nuclei below {settings.data} is as fine "
            f"as {settings.mpp:g} µm/px and then {LEAST_PX} px on both sides; give finer ones"
        )
    return tuple(fields)


def judge_fields(
    network: MicroNet, fields: Sequence[NucleusField], mpp: float
) -> Generator[Progress[None], None, tuple[JudgedImage, ...]]:
    """Find every peak of each field.

    Parameters
    ----------
    network
        Its output is proximity.
    fields
        At the resolution of the network.
    mpp
        Their µm/px.
    """
    judged = []
    for done, field in enumerate(fields):
        yield Progress(done, len(fields), "finding nuclei")
        centres, peaks = all_peaks(proximity_of(network, field.pixels), mpp)
        name = field.path.stem
        judged.append(JudgedImage(field.data_set, name, mpp, centres, peaks, field.centres))
    return tuple(judged)


def all_peaks(
    proximity: NDArray[np.float32], mpp: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the peaks of a map down to the lowest threshold that a curve is drawn to.

    Parameters
    ----------
    proximity
        float32 (h, w).
    mpp
        Its µm/px.

    Returns
    -------
    As `find_peaks`.
    """
    least = min(XI[0] * float(proximity.max()), XI[0])
    return find_peaks(proximity, least=least, distance_px=distance_at(mpp))
