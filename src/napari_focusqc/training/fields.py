"""Sharp fields to train on: found in a folder, read at one resolution, split by image.

Room: training. A field is one RGB image; its data set is the folder it lies in, directly under
the data folder.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError
from napari_focusqc.geometry import model_scale, same_resolution
from napari_focusqc.progress import Progress
from napari_focusqc.settings.images import ImageSettings
from napari_focusqc.training.field_images import SUFFIXES, is_rgb, read_image, shrink


@dataclass(frozen=True, slots=True)
class DataSet:
    """Images that share a source and a licence.

    Parameters
    ----------
    name, licence, note
        From the folder's ``dataset.json``; else the folder's name, “not stated” and nothing.
    mpp
        µm/px of the images whose file does not say.
    paths
        The images, in order of their names.
    held_out
        Whether all of them are kept out of training.
    """

    name: str
    licence: str
    note: str
    mpp: float
    paths: tuple[Path, ...]
    held_out: bool = False

    def split(self, share: float, seed: int) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
        """Part the images as `split_paths` does, unless all of them are held out."""
        return ((), self.paths) if self.held_out else split_paths(self.paths, share, seed)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One sharp image at the resolution of the training.

    Parameters
    ----------
    data_set
        Name of its `DataSet`.
    path
        Where it was read.
    pixels
        uint8 (H, W, 3), RGB.
    """

    data_set: str
    path: Path
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFields:
    """Fields parted by image.

    Parameters
    ----------
    training, validation
        Fields to train on and to measure on.
    used
        One dict per data set for the weights' card: name, licence, µm/px, images.
    """

    training: tuple[Field, ...]
    validation: tuple[Field, ...]
    used: tuple[dict[str, Any], ...]


def read_fields(
    settings: ImageSettings, tile_px: int
) -> Generator[Progress[None], None, TrainingFields]:
    """Find, part and read every image that serves; the others are left out and counted.

    Parameters
    ----------
    settings
        Folder, resolutions, validation share and seed.
    tile_px
        Least height and width at the resolution of the training, px.

    Raises
    ------
    TrainingError
        A data set has one image only, or too few images of all serve.
    """
    data_sets = find_data_sets(settings.data, settings.data_mpp)
    done, total = 0, sum(len(data_set.paths) for data_set in data_sets)
    training: list[Field] = []
    validation: list[Field] = []
    used: list[dict[str, Any]] = []
    for data_set in data_sets:
        before = len(training), len(validation)
        split = data_set.split(settings.validation, settings.seed)
        for part, paths in zip((training, validation), split, strict=True):
            for path in paths:
                field = read_field(data_set, path, settings.mpp)
                part += [field] if field and min(field.pixels.shape[:2]) >= tile_px else []
                done += 1
                yield Progress(done, total, "reading images")
        counts = len(training) - before[0], len(validation) - before[1]
        used += [_entry(data_set, *counts)] if any(counts) else []
    if not (training and validation):
        raise TrainingError(
            f"too few images below {settings.data} are as fine as {settings.mpp:g} µm/px and then "
            f"{tile_px} px on both sides; give finer or larger images"
        )
    return TrainingFields(tuple(training), tuple(validation), tuple(used))


def find_data_sets(folder: Path, data_mpp: float) -> tuple[DataSet, ...]:
    """List the images below a folder, data set by data set.

    A folder directly below is a data set; images lying loose form one named like `folder`. Its
    ``dataset.json`` may say its name, its licence, its mpp, a note for the weights' card, and with
    ``"held_out": true`` that none of its images is trained on.

    Parameters
    ----------
    folder
        Where to look.
    data_mpp
        µm/px where neither the file nor ``dataset.json`` says anything.

    Raises
    ------
    TrainingError
        The folder is missing or has no images, or a ``dataset.json`` cannot be read.
    """
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}; give one that holds sharp images")
    homes = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [_data_set(home, data_mpp, deep=home != folder) for home in homes]
    sets = tuple(data_set for data_set in found if data_set.paths)
    if not sets:
        raise TrainingError(
            f"{folder} holds no RGB images; give a folder of .tif, .svs, .png or .jpg fields"
        )
    return sets


def read_field(data_set: DataSet, path: Path, mpp: float) -> Field | None:
    """Read an image and bring it to the resolution of the training.

    Parameters
    ----------
    data_set
        What the image belongs to; its `mpp` counts where the file is silent.
    path
        The image.
    mpp
        µm/px wanted; an image within 15 % is used as it is, a finer one is area-averaged.

    Returns
    -------
    None for an image coarser than wanted.

    Raises
    ------
    TrainingError
        The image is too large to be one field.
    FocusQCError
        The image cannot be read.
    """
    pixels, file_mpp = read_image(path)
    found = file_mpp or data_set.mpp
    if found > mpp and not same_resolution(found, mpp):
        return None
    factor = model_scale(found, mpp)
    return Field(data_set.name, path, shrink(pixels, factor))


def split_paths(
    paths: Sequence[Path], share: float, seed: int
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Part images, never patches, into training and validation.

    Parameters
    ----------
    paths
        Images of one data set.
    share
        Share for validation, 0 to 1; at least one image goes to either side.
    seed
        The same seed gives the same split.

    Returns
    -------
    Paths for training and for validation, each in order.

    Raises
    ------
    TrainingError
        There are fewer than two images.
    """
    if len(paths) < 2:
        raise TrainingError(
            f"the data set of {paths[0]} has one image; at least two are needed, one to train on "
            "and one to validate on"
        )
    held = min(max(round(share * len(paths)), 1), len(paths) - 1)
    order = np.random.default_rng(seed).permutation(len(paths))
    validation = set(order[:held].tolist())
    return (
        tuple(path for i, path in enumerate(paths) if i not in validation),
        tuple(path for i, path in enumerate(paths) if i in validation),
    )


def _entry(data_set: DataSet, training: int, validation: int) -> dict[str, Any]:
    """Describe for the card what was used."""
    return {
        "name": data_set.name,
        "licence": data_set.licence,
        "mpp": data_set.mpp,
        "images_training": training,
        "images_validation": validation,
        "images_left_out": len(data_set.paths) - training - validation,
        **({"note": data_set.note} if data_set.note else {}),
    }


def _data_set(home: Path, data_mpp: float, deep: bool) -> DataSet:
    """Describe the images in one folder, and below it when `deep`."""
    known = sorted(
        path
        for path in (home.rglob("*") if deep else home.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file()
    )
    notes_path = home / "dataset.json"
    notes: dict[str, object] = {}
    paths = tuple(path for path in known if is_rgb(path))
    try:
        if notes_path.is_file():
            notes = dict(json.loads(notes_path.read_text(encoding="utf-8")))
        return DataSet(
            name=str(notes.get("name", home.name)),
            licence=str(notes.get("licence", "not stated")),
            note=str(notes.get("note", "")),
            mpp=float(str(notes.get("mpp", data_mpp))),
            paths=paths,
            held_out=notes.get("held_out", False) is True,
        )
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{notes_path} cannot be read ({error}); it must be a JSON object with name, licence "
            "and mpp (a number)"
        ) from error
