"""The nuclei of a slide: all in memory, or written to the disk while they are found.

Room: pipeline.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.pipeline.searching import STAGE, NucleusProgress, Search, begin_search
from napari_focusqc.progress import Progress, finish
from napari_focusqc.results.growing import file_fingerprint
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.slide import Slide

PART_CORES = 32
"""Cores in one file of an unfinished run: what a kill may cost, against many small files."""


def find_nuclei(
    slide: Slide, settings: NucleusSettings
) -> Generator[NucleusProgress, None, NucleusTable]:
    """Find the nuclei of a slide, or of the part of it in `settings.region`.

    Parameters
    ----------
    slide
        From `open_slide`, or an `ArraySlide`.
    settings
        Model, device, tissue rule and the rest.

    Yields
    ------
    Progress in squares of the slide. Its first update is a table without nuclei, whose source is
    known; each later one has those of the square just finished, and its source says what area was
    searched for them. Closing the generator stops its threads.

    Returns
    -------
    NucleusTable
        All of them, square by square; it does not depend on threads, and a region has the nuclei
        that the whole slide has there.

    Raises
    ------
    FocusQCError
        `UnknownModelError`, `MissingMppError`, `TooCoarseError`, `WeightsError`, `DeviceError`,
        `RegionError` or `InferenceError`, each with one sentence.
    """
    search = yield from begin_search(slide, settings)
    total, tables = len(search.cores), []
    yield Progress(0, total, STAGE, NucleusTable.found([], [], search.source))
    with closing(search.tables(search.cores)) as found:
        for table in found:
            tables.append(table)
            yield Progress(len(tables), total, STAGE, table)
    return _together(tables, search)


def find_nuclei_to(
    slide: Slide, settings: NucleusSettings, path: str | Path
) -> Generator[NucleusProgress, None, Path]:
    """Find nuclei as `find_nuclei` does, and write them to the disk as they are found.

    They grow there as ``NAME.unfinished``; a run that was killed goes on from it, with the same
    nuclei as if it had not been. However many there are, few are in memory.

    Parameters
    ----------
    slide, settings
        As for `find_nuclei`.
    path
        Parquet file to make or replace.

    Yields
    ------
    As `find_nuclei`; what a killed run found comes first, many squares at a time.

    Returns
    -------
    The path of the file.

    Raises
    ------
    FocusQCError
        As `find_nuclei`; also `OutputError`.
    """
    # imported late: pyarrow takes a fifth of a second
    from napari_focusqc.results.growing_nuclei import GrowingNuclei

    growing = GrowingNuclei(path)
    search = yield from begin_search(slide, settings)
    total = len(search.cores)
    parts = [search.cores[first : first + PART_CORES] for first in range(0, total, PART_CORES)]
    source = growing.begin(search.source, _run(slide, search))
    yield Progress(0, total, STAGE, NucleusTable.found([], [], source))
    done, missing = 0, []
    for number, part in enumerate(parts):
        if (earlier := growing.part(number)) is None:
            missing.append(number)
            continue
        done += len(part)
        yield Progress(done, total, STAGE, earlier)
    with closing(search.tables(core for number in missing for core in parts[number])) as found:
        for number in missing:
            tables = []
            for _ in parts[number]:
                tables.append(next(found))
                done += 1
                if len(tables) == len(parts[number]):
                    growing.write(number, _together(tables, search))
                yield Progress(done, total, STAGE, tables[-1])
    return growing.finish(len(parts))


def find_nuclei_in_image(
    image: NDArray[np.uint8],
    *,
    mpp: float,
    model: str = "micronet",
    weights: str | Path | None = None,
) -> NucleusTable:
    """Find the nuclei of an image in memory, glass or not.

    Parameters
    ----------
    image
        uint8 (H, W, 3), RGB.
    mpp
        Micrometres per pixel of the image.
    model
        Name of the model; `focusqc models` lists them.
    weights
        A `.safetensors` file, or the name of weights, instead of the shipped ones.

    Returns
    -------
    NucleusTable
        Its `centres` are float32 (N, 2), (y, x) px of the image, its `peaks` float32 (N,).

    Raises
    ------
    FocusQCError
        As `find_nuclei`; also for an image that is not RGB of eight bits.
    """
    own = None if weights is None else Path(weights)
    settings = NucleusSettings(model=model, weights=own, tissue="none")
    return finish(find_nuclei(ArraySlide([image], mpp=mpp), settings))


def _together(tables: list[NucleusTable], search: Search) -> NucleusTable:
    """Put the nuclei of several cores into one table, and the areas searched for them."""
    source = search.source.over(table.source for table in tables)
    return NucleusTable.together(tables, source)


def _run(slide: Slide, search: Search) -> dict[str, Any]:
    """Return what a run's nuclei and its parts depend on beside their source, as plain values."""
    region = search.settings.region
    places = repr(search.cores).encode() + search.area.mask.tobytes()
    return {
        "file": file_fingerprint(slide.info.path),
        "region": None if region is None else astuple(region),
        "cores": [PART_CORES, sha256(places).hexdigest()],
    }
