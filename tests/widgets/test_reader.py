"""Slides dropped on the window: opened in a thread, the overview with them."""

import threading

import numpy as np
import pytest

from napari_focusqc.errors import NotASlideError
from napari_focusqc.plugin import opened
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.pyramid import read_overview
from napari_focusqc.widgets.reader import napari_get_reader, open_in_thread

PLUGIN = "napari-focusqc"


@pytest.fixture
def flat(tmp_path, write_tiff, tissue_image):
    """A slide of one level, which has to be decoded whole for its overview."""
    return write_tiff(tmp_path / "flat ü.tif", tissue_image(1500, 1800))


def test_a_dropped_slide_is_opened_and_its_overview_read_in_another_thread(
    make_napari_viewer, flat, monkeypatch
):
    threads = []

    def overview(levels):
        threads.append(threading.current_thread())
        return read_overview(levels)

    monkeypatch.setattr(opened, "read_overview", overview)
    viewer = make_napari_viewer()
    (layer,) = viewer.open(flat, plugin=PLUGIN)
    assert layer.name == "flat ü.tif"
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
    assert np.array_equal(layer.data[0].compute(), open_slide(flat).pyramid()[0].compute())


def test_a_refusal_reaches_napari(qtbot, tmp_path):
    (tmp_path / "a.svs").write_text("no slide")
    with pytest.raises(NotASlideError, match="no slide that can be read here"):
        open_in_thread(str(tmp_path / "a.svs"))


def test_what_is_no_slide_is_left_to_others(tmp_path):
    assert napari_get_reader(str(tmp_path)) is None
    assert napari_get_reader(["a.svs", "b.svs"]) is None
