"""What napari asks when a file is dropped on it: slides, and focus maps that were saved.

Room: plugin. Finding out is cheap: of a folder one or two small text files are read, nothing else
is opened, and no torch is loaded.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_focusqc.plugin.layers import map_layers, slide_layers
from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.store import is_focus_map
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.zarr.folder import zarr_folder
from napari_focusqc.slides.zarr.image import is_ome_zarr

PathOrPaths = str | Sequence[str]
ReadLayers = Callable[[PathOrPaths], list[LayerData]]


def napari_get_reader(path: PathOrPaths) -> ReadLayers | None:
    """Say who reads a path: napari offers files by their ending, and every folder.

    Returns
    -------
    A function that opens it and returns layers, or None: for folders that are neither a focus map
    of ours nor an OME-Zarr image, and for several files at once, which would be a stack and no
    slide. A metadata file of a Zarr folder stands for the folder.
    """
    if not isinstance(path, str):
        return None
    place = zarr_folder(Path(path))
    if not place.is_dir():
        return read_slide_layers
    if is_focus_map(place):
        return read_map_layers
    return read_slide_layers if is_ome_zarr(place) else None


def read_slide_layers(path: PathOrPaths) -> list[LayerData]:
    """Open a slide as a layer.

    Raises
    ------
    FocusQCError
        It cannot be opened; napari shows the sentence.
    """
    return slide_layers(open_slide(one_path(path)))


def read_map_layers(path: PathOrPaths) -> list[LayerData]:
    """Open a saved focus map as its heatmap and its verdicts.

    Raises
    ------
    MapFileError
        It is damaged; napari shows the sentence.
    """
    return map_layers(FocusMap.load(zarr_folder(Path(one_path(path)))))


def one_path(path: PathOrPaths) -> str:
    """Return the path; napari may hand over a list of one."""
    return path if isinstance(path, str) else path[0]
