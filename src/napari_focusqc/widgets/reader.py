"""Files dropped on napari: slides are opened in a thread, so that the window stays alive.

Room: widgets. Who reads what is decided in `plugin.reader`.
"""

from functools import partial
from pathlib import Path

from qtpy.QtWidgets import QApplication

from napari_focusqc.plugin import reader
from napari_focusqc.plugin.opened import OpenRequest, open_layer
from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.plugin.reader import PathOrPaths, ReadLayers
from napari_focusqc.widgets.waiting import wait_for


def napari_get_reader(path: PathOrPaths) -> ReadLayers | None:
    """Say who reads a path; see `plugin.reader.napari_get_reader`."""
    found = reader.napari_get_reader(path)
    return open_in_thread if found is reader.read_slide_layers else found


def open_in_thread(path: PathOrPaths) -> list[LayerData]:
    """Open a slide as a layer, behind a dialog where it takes a while.

    Raises
    ------
    FocusQCError
        It cannot be opened, or the user pressed Cancel; napari shows the sentence.
    """
    if QApplication.instance() is None:  # a script that reads files without a window
        return reader.read_slide_layers(path)
    file = Path(reader.one_path(path))
    return [wait_for(f"Opening {file.name}", partial(open_layer, OpenRequest(file)))]
