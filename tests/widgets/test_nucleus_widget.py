"""The Find nuclei widget, used as a person uses it: real buttons.

A window takes seconds to open, so most tests have napari's viewer without one: its layers, their
events and the camera are the real ones. What is drawn is asked of a window.
"""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer
from napari.layers.base import ActionType
from qtpy.QtCore import Qt

from napari_focusqc.annotation.reviewed_fields import load_reviewed
from napari_focusqc.errors import InferenceError
from napari_focusqc.plugin.layers import heatmap_layer
from napari_focusqc.plugin.placing import METADATA_KEY
from napari_focusqc.progress import Progress
from napari_focusqc.results.focus_map import FocusMap, MapSource
from napari_focusqc.results.nucleus_files import load_nuclei
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable
from napari_focusqc.results.slide_values import SlideValues
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.widgets import nucleus_reviewing, nucleus_widget
from napari_focusqc.widgets.micrometres import give_micrometres
from napari_focusqc.widgets.nucleus_widget import NucleusWidget

Make = Callable[..., Any]
PARTS, EACH, HEIGHT, WIDTH = 4, 25, 800, 1000
LEAST = 0.4


def table(slide: str = "slide.svs", least: float = 0.1) -> NucleusTable:
    """Make 100 nuclei on a slide of 800 × 1000 px, every other one above 0.4."""
    rng = np.random.default_rng(0)
    centres = rng.uniform((0, 0), (HEIGHT - 1, WIDTH - 1), (PARTS * EACH, 2))
    peaks = np.where(np.arange(PARTS * EACH) % 2, 0.7, 0.2)
    source = NucleusSource(
        slide, 0.5, "file", "micronet", {"threshold": LEAST}, least, "cpu", "0", "2026-01-01"
    )
    return NucleusTable.found(centres, peaks, replace(source, searched_px2=4e5))


@dataclass
class SteppedSearch:
    """Stand where `find_nuclei` does: the same contract, but a part only when allowed."""

    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    calls: list[NucleusSettings] = field(default_factory=list)
    fails_with: Exception | None = None

    def __call__(
        self, slide: Slide, settings: NucleusSettings
    ) -> Generator[Progress[Any], None, NucleusTable]:
        self.calls.append(settings)
        yield Progress(0, 0, "finding tissue")
        found = table(slide.name, settings.least or 0.0)
        part = replace(found.source, searched_px2=1e5)
        none = replace(found.only(slice(0)), source=replace(part, searched_px2=0.0))
        yield Progress(0, PARTS, "finding nuclei", none)
        for number in range(PARTS):
            while not self.allowed.acquire(timeout=0.005):
                yield Progress(number, PARTS, "finding nuclei")
            if self.fails_with is not None:
                raise self.fails_with
            nuclei = found.only(slice(number * EACH, (number + 1) * EACH))
            yield Progress(number + 1, PARTS, "finding nuclei", replace(nuclei, source=part))
        return found

    def allow(self, parts: int = PARTS) -> None:
        self.allowed.release(parts)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[SteppedSearch]:
    """The run of `NucleusWidget`; what is reviewed goes into a scratch folder."""
    stepped = SteppedSearch()
    monkeypatch.setattr(nucleus_widget, "find_nuclei", stepped)
    card = SimpleNamespace(card=SimpleNamespace(threshold=LEAST))
    monkeypatch.setattr(nucleus_widget, "find_weights", lambda *_: card)
    monkeypatch.setattr(nucleus_reviewing, "reviewed_path", lambda name: tmp_path / f"{name}.json")
    yield stepped
    stepped.allow(10 * PARTS)


@dataclass
class Dock:
    """A viewer with a slide, and the docked widget."""

    viewer: Any
    slide_layer: Any
    widget: Any

    @property
    def points(self) -> Any:
        return self.widget.result.points

    @property
    def layer(self) -> Any:
        return self.points.layer

    def headline(self) -> str:
        return str(self.widget.result.figures.headline.text())

    def cell(self, row: int, column: int = 0) -> str:
        return str(self.widget.result.figures.table.item(row, column).text())


@pytest.fixture
def docked(add_slide: Make, search: SteppedSearch, qtbot: Any) -> Dock:
    """The widget beside a viewer without a window."""
    return beside(ViewerModel(), add_slide, qtbot)


def beside(viewer: Any, add_slide: Make, qtbot: Any, mpp: float | None = 0.5) -> Dock:
    layer, widget = add_slide(viewer, mpp=mpp), NucleusWidget(viewer)
    qtbot.addWidget(widget)
    return Dock(viewer, layer, widget)


@pytest.fixture
def window(make_napari_viewer: Make, add_slide: Make, search: SteppedSearch) -> Dock:
    """The widget docked through napari's own plugin machinery."""
    viewer = make_napari_viewer()
    layer = add_slide(viewer)
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Find nuclei")
    return Dock(viewer, layer, widget)


def click(qtbot: Any, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def finish(qtbot: Any, docked: Dock) -> None:
    qtbot.waitUntil(lambda: not docked.widget.run.running, timeout=20_000)


@pytest.fixture
def found(docked: Dock, search: SteppedSearch, qtbot: Any) -> Dock:
    """The dock after a run."""
    search.allow()
    click(qtbot, docked.widget.find_button)
    finish(qtbot, docked)
    return docked


def settled(qtbot: Any, docked: Dock) -> None:
    """Let the points catch up."""
    qtbot.waitUntil(lambda: not docked.points.catching_up, timeout=5000)


def add_map(docked: Dock, slide: str = "slide.svs", blurred: bool = True) -> Any:
    """Add a heatmap whose right half is out of focus."""
    grid = TileGrid((HEIGHT, WIDTH), 1.0, 100, 100, 0, 0, 8, 10)
    scores = np.where(np.arange(10) < 5, 1.0, 20.0 if blurred else 2.0)
    scores = np.broadcast_to(scores, (8, 10)).astype(np.float32)
    source = MapSource(
        slide, 0.5, "file", 0, "focuslitenn", {"threshold": 8.0}, 8.0, "none", "cpu", "0", ""
    )
    focus_map = FocusMap(
        scores.copy(), np.zeros((8, 10), np.uint8), np.ones((8, 10), np.float32), grid, source
    )
    return docked.viewer.add_layer(Layer.create(*heatmap_layer(focus_map)))


def test_points_appear_while_the_run_goes_on(
    window: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    click(qtbot, window.widget.find_button)
    search.allow(1)
    qtbot.waitUntil(lambda: len(window.viewer.layers) == 2, timeout=10_000)
    layer = window.viewer.layers[1]
    qtbot.waitUntil(lambda: len(layer.data) == EACH // 2, timeout=10_000)
    search.allow()
    finish(qtbot, window)
    assert window.layer == layer
    assert len(layer.data) == PARTS * EACH // 2
    assert layer.name == "slide.svs · nuclei"
    assert layer.units == window.slide_layer.units
    assert window.slide_layer.world_to_data(layer.data_to_world(layer.data[7])) == pytest.approx(
        layer.data[7], abs=1e-4
    )


def test_a_window_draws_whatever_becomes_of_the_points(
    window: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    window.viewer.show()
    search.allow()
    click(qtbot, window.widget.find_button)
    finish(qtbot, window)
    add_map(window)
    result = window.widget.result
    result.focus.maps.setCurrentIndex(1)
    look_at(window, 200, 250, 2)
    pictures = []
    for change in (
        lambda: None,
        lambda: result.threshold.put(0.1),
        lambda: result.focus.rules.setCurrentIndex(1),
        lambda: window.layer.add((400.0, 500.0)),
        lambda: window.layer.remove(range(50)),
        lambda: click(qtbot, result.density_button),
        lambda: click(qtbot, result.reviewing.review_button),
    ):
        change()
        settled(qtbot, window)
        pictures.append(window.viewer.screenshot(flash=False))
    same = [(before == after).all() for before, after in pairwise(pictures)]
    assert same == [False] * 6


def test_peaks_far_below_the_threshold_are_kept(found: Dock, search: SteppedSearch) -> None:
    assert search.calls[0].least == 0.1
    assert found.widget.result.threshold.value == LEAST
    assert len(found.layer.data) == 50
    assert "50 nuclei" in found.headline()
    assert "500 per mm² in 0.1 mm²" in found.headline()


def test_the_slider_thresholds_without_a_run(
    found: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    threshold = found.widget.result.threshold
    threshold.slider.setValue(0)
    assert "100 nuclei" in found.headline()
    settled(qtbot, found)
    assert len(found.layer.data) == 100
    threshold.number.setValue(0.8)
    assert "0 nuclei" in found.headline()
    settled(qtbot, found)
    assert len(found.layer.data) == 0
    qtbot.mouseDClick(threshold.strip, Qt.MouseButton.LeftButton)
    assert threshold.value == LEAST
    threshold.put(0.9)
    click(qtbot, threshold.reset_button)
    assert threshold.value == LEAST
    settled(qtbot, found)
    assert len(found.layer.data) == 50
    assert len(search.calls) == 1


def test_a_click_on_the_histogram_is_a_threshold(found: Dock, qtbot: Any) -> None:
    threshold = found.widget.result.threshold
    threshold.strip.moved.emit(0.5)
    assert threshold.value == pytest.approx(0.55)


def test_the_least_peak_is_chosen_by_the_slider_alone(docked: Dock) -> None:
    with pytest.raises(KeyError):
        docked.widget.form.widget("least")


def test_a_threshold_below_the_floor_is_the_floor(
    docked: Dock, search: SteppedSearch, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    card = SimpleNamespace(card=SimpleNamespace(threshold=0.05))
    monkeypatch.setattr(nucleus_widget, "find_weights", lambda *_: card)
    search.allow()
    click(qtbot, docked.widget.find_button)
    finish(qtbot, docked)
    assert search.calls[0].least == 0.05
    assert docked.widget.result.threshold.value == 0.05


def test_nuclei_out_of_focus_are_counted_marked_and_hidden(found: Dock, qtbot: Any) -> None:
    focus = found.widget.result.focus
    assert focus.maps.count() == 1
    assert not focus.rules.isEnabled()
    add_map(found, slide="other.svs")
    assert focus.maps.count() == 1
    add_map(found)
    assert focus.maps.count() == 2
    assert found.cell(3) == "50"
    focus.maps.setCurrentIndex(1)
    right = found.points.found.centres[:, 1] >= 499.5
    strong = found.points.found.peaks > 0.5
    assert [found.cell(row) for row in range(4)] == [
        "50",
        str((strong & ~right).sum()),
        str((strong & right).sum()),
        "0",
    ]
    focus.rules.setCurrentIndex(1)
    blurred = right[strong]
    assert {str(symbol) for symbol in found.layer.symbol[blurred]} == {"x"}
    assert {str(symbol) for symbol in found.layer.symbol[~blurred]} == {"disc"}
    np.testing.assert_array_equal(found.layer.features["in_focus"], (~blurred).astype(float))
    focus.rules.setCurrentIndex(2)
    np.testing.assert_array_equal(found.layer.data, found.points.found.centres[strong & ~right])
    assert found.cell(0) == "50"
    focus.maps.setCurrentIndex(0)
    assert found.cell(3) == "50"
    assert len(found.layer.data) == 50


def test_a_map_that_is_scored_anew_counts_at_once(found: Dock) -> None:
    layer = add_map(found)
    found.widget.result.focus.maps.setCurrentIndex(1)
    assert found.cell(2) != "0"
    ours = layer.metadata[METADATA_KEY]
    sharp = add_map(found, blurred=False).metadata[METADATA_KEY]["map"]
    layer.metadata[METADATA_KEY] = {**ours, "map": sharp}
    layer.name = "scored again"
    assert found.cell(2) == "0"


def test_what_the_user_adds_and_deletes_survives_the_slider(found: Dock, qtbot: Any) -> None:
    buttons = found.widget.result.corrections
    click(qtbot, buttons.add_button)
    assert str(found.layer.mode) == "add"
    assert found.viewer.layers.selection.active == found.layer
    found.layer.add((400.0, 500.0))
    found.layer.remove([1, 3])
    settled(qtbot, found)
    assert buttons.counted.text() == "1 added, 2 deleted"
    assert "49 nuclei" in found.headline()
    threshold = found.widget.result.threshold
    threshold.put(0.9)
    settled(qtbot, found)
    assert np.asarray(found.layer.data).tolist() == [[400, 500]]
    assert "1 nuclei" in found.headline()
    threshold.reset()
    settled(qtbot, found)
    assert len(found.layer.data) == 49
    assert found.layer.features["added"].sum() == 1
    assert found.layer.features["peak"].iloc[-1] == 1


def test_corrections_are_taken_back_one_by_one(found: Dock, qtbot: Any) -> None:
    buttons, before = found.widget.result.corrections, found.layer.data.copy()
    assert not buttons.undo_button.isEnabled()
    found.layer.add((400.0, 500.0))
    settled(qtbot, found)
    found.layer.remove([1, 3])
    settled(qtbot, found)
    click(qtbot, buttons.undo_button)
    assert buttons.counted.text() == "1 added, 0 deleted"
    assert str(found.layer.symbol[-1]) == "diamond"
    click(qtbot, buttons.undo_button)
    assert buttons.counted.text() == "0 added, 0 deleted"
    assert not buttons.undo_button.isEnabled()
    np.testing.assert_array_equal(found.layer.data, before)


def test_a_drag_is_one_correction_and_leaves_the_table_alone(found: Dock, qtbot: Any) -> None:
    centres = found.points.found.centres.copy()
    for _ in range(3):  # as napari does it
        found.layer.data[1] += 2
        found.layer.events.data(
            value=found.layer.data,
            action=ActionType.CHANGED,
            data_indices=(1,),
            vertex_indices=((),),
        )
    settled(qtbot, found)
    np.testing.assert_array_equal(found.points.found.centres, centres)
    assert found.widget.result.corrections.counted.text() == "1 added, 1 deleted"
    click(qtbot, found.widget.result.corrections.undo_button)
    assert not found.points.can_undo
    np.testing.assert_array_equal(found.layer.data, centres[found.points.found.peaks > 0.5])


def test_one_mode_at_a_time_and_napari_may_choose_it(found: Dock, qtbot: Any) -> None:
    buttons = found.widget.result.corrections
    for button, other, mode in (
        (buttons.add_button, buttons.delete_button, "add"),
        (buttons.delete_button, buttons.add_button, "select"),
        (buttons.add_button, buttons.delete_button, "add"),
    ):
        click(qtbot, button)
        assert (button.isChecked(), other.isChecked(), str(found.layer.mode)) == (True, False, mode)
    found.layer.mode = "pan_zoom"
    assert not buttons.add_button.isChecked()
    click(qtbot, buttons.delete_button)
    click(qtbot, buttons.delete_button)
    assert str(found.layer.mode) == "pan_zoom"


def test_a_click_deletes_once_the_mouse_is_let_go(found: Dock, qtbot: Any) -> None:
    buttons = found.widget.result.corrections
    click(qtbot, buttons.delete_button)
    event = SimpleNamespace(type="mouse_press")
    drag = buttons._on_drag(found.layer, event)
    next(drag)
    found.layer.selected_data = {5}
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(drag)
    qtbot.waitUntil(lambda: len(found.layer.data) == 49, timeout=5000)
    settled(qtbot, found)
    assert found.points.corrections.deleted.tolist() == [11]


def look_at(docked: Dock, y_um: float, x_um: float, zoom: float) -> None:
    docked.viewer.scene.camera.center = (0, y_um, x_um)
    docked.viewer.scene.camera.zoom = zoom


def test_a_reviewed_view_is_framed_and_kept(found: Dock, tmp_path: Path, qtbot: Any) -> None:
    panel = found.widget.result.reviewing
    assert not panel.tune_button.isEnabled()
    look_at(found, 200, 250, 6)
    click(qtbot, panel.review_button)
    kept = load_reviewed(tmp_path / "slide.svs.json")
    (view,) = kept.fields
    assert (kept.slide, kept.mpp, kept.plane) == ("slide.svs", 0.5, 0)
    inside = found.points.chosen.in_region(view.region).centres
    np.testing.assert_array_equal(view.centres, inside)
    frames = [layer for layer in found.viewer.layers if layer.name.endswith("reviewed")]
    assert len(frames) == 1
    assert found.viewer.layers.selection.active == found.layer
    look_at(found, 50, 60, 6)
    click(qtbot, panel.review_button)
    assert panel.counted.text().startswith("2 views reviewed")
    assert panel.tune_button.isEnabled()
    click(qtbot, panel.forget_button)
    assert len(load_reviewed(tmp_path / "slide.svs.json").fields) == 1


def test_reviewed_views_are_there_again_after_another_run(
    found: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    look_at(found, 200, 250, 6)
    click(qtbot, found.widget.result.reviewing.review_button)
    search.allow()
    click(qtbot, found.widget.find_button)
    finish(qtbot, found)
    assert found.widget.result.reviewing.counted.text().startswith("1 view reviewed")


def test_nothing_in_view_cannot_be_reviewed(found: Dock, qtbot: Any) -> None:
    look_at(found, 9000, 9000, 6)
    click(qtbot, found.widget.result.reviewing.review_button)
    assert "nothing of" in found.widget.run.status.text().lower()


@pytest.mark.parametrize("worse", [False, True])
def test_better_weights_are_chosen_for_the_next_run(
    found: Dock, monkeypatch: pytest.MonkeyPatch, qtbot: Any, worse: bool
) -> None:
    outcome = SimpleNamespace(
        path=Path("/w/tuned.safetensors"), name="tuned", worse=worse, verdict="F1 was measured"
    )
    calls: list[Any] = []

    def stand_in(*values: Any) -> Generator[Progress[Any], None, Any]:
        calls.append(values)
        yield Progress(0, 1, "training")
        return outcome

    monkeypatch.setattr(nucleus_widget, "tuned", stand_in)
    panel = found.widget.result.reviewing
    for y in (50, 300):
        look_at(found, y, 250, 6)
        click(qtbot, panel.review_button)
    panel.form.widget("name").setText(" mine ")
    panel.form.widget("freeze").setValue(3)
    click(qtbot, panel.tune_button)
    finish(qtbot, found)
    _, reviewed, settings = calls[0]
    assert len(reviewed.fields) == 2
    assert (settings.name, settings.freeze, settings.model) == ("mine", 3, "micronet")
    assert found.widget.run.status.text().startswith("F1 was measured")
    chosen = found.widget.form.settings().weights
    assert chosen == (None if worse else outcome.path)


def test_a_name_that_is_none_is_refused(found: Dock, qtbot: Any) -> None:
    panel = found.widget.result.reviewing
    for y in (50, 300):
        look_at(found, y, 250, 6)
        click(qtbot, panel.review_button)
    panel.form.widget("name").setText("../x")
    click(qtbot, panel.tune_button)
    assert "is not one for weights" in found.widget.run.status.text()


@pytest.mark.parametrize("ending", ["parquet", "csv", "geojson.gz"])
def test_what_is_seen_is_exported(found: Dock, tmp_path: Path, qtbot: Any, ending: str) -> None:
    found.layer.add((400.0, 500.0))
    settled(qtbot, found)
    button = found.widget.result.export_button
    assert button.stem == "slide.svs.corrected"
    path = tmp_path / f"out.{ending}"
    button.wanted.emit(str(path))
    finish(qtbot, found)
    assert "Wrote 51 nuclei" in found.widget.run.status.text()
    if ending == "parquet":
        written = load_nuclei(path)
        assert written.source.least == LEAST
        assert written.centres[-1].tolist() == [400, 500]
    elif ending == "csv":
        assert len(path.read_text().splitlines()) == 52


def test_a_missing_ending_is_added(
    found: Dock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "napari_focusqc.widgets.nucleus_exports.QFileDialog.getSaveFileName",
        lambda *values: (asked.append(values[2]), (str(tmp_path / "mine"), ""))[1],
    )
    paths: list[str] = []
    button = found.widget.result.export_button
    button.wanted.disconnect()
    button.wanted.connect(paths.append)
    for action in button.formats.actions():
        action.trigger()
    endings = [path.removeprefix(str(tmp_path / "mine")) for path in paths]
    assert endings == [".nuclei.csv", ".nuclei.parquet", ".nuclei.geojson.gz"]
    assert asked[0].endswith("slide.svs.nuclei.csv")


def test_density_lies_below_the_points(found: Dock, qtbot: Any) -> None:
    click(qtbot, found.widget.result.density_button)
    names = [layer.name for layer in found.viewer.layers]
    assert names == ["slide.svs", "slide.svs · nuclei per mm²", "slide.svs · nuclei"]
    picture = found.viewer.layers[1]
    before = picture.data.sum()
    found.widget.result.threshold.put(0.1)
    click(qtbot, found.widget.result.density_button)
    assert len(found.viewer.layers) == 3
    assert picture.data.sum() > before


def test_a_proximity_map_of_the_view(
    found: Dock, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    asked: list[NucleusSettings] = []

    def stand_in(
        _slide: Slide, settings: NucleusSettings
    ) -> Generator[Progress[Any], None, SlideValues]:
        asked.append(settings)
        yield Progress(0, 1, "drawing")
        return SlideValues(np.ones((3, 4), np.float32), 1.0, (10.0, 20.0), 0.5)

    monkeypatch.setattr(nucleus_widget, "proximity_map", stand_in)
    look_at(found, 200, 250, 6)
    click(qtbot, found.widget.result.proximity_button)
    finish(qtbot, found)
    assert asked[0].region is not None
    assert asked[0].region.height < HEIGHT
    picture = found.viewer.layers["slide.svs · proximity"]
    assert picture.data_to_world((0, 0)) == pytest.approx((5, 10))


def test_a_cancelled_run_keeps_what_it_found(
    docked: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    click(qtbot, docked.widget.find_button)
    search.allow(2)
    qtbot.waitUntil(lambda: docked.widget.run.bar.value() == 2, timeout=10_000)
    click(qtbot, docked.widget.run.cancel_button)
    finish(qtbot, docked)
    assert docked.widget.run.status.text() == "Cancelled; the 25 nuclei found so far are kept."
    assert len(docked.layer.data) == 25
    assert "25 nuclei" in docked.headline()
    assert "in 0.05 mm²" in docked.headline()


def test_another_run_takes_the_place_of_points_nobody_corrected(
    found: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    first = found.layer
    search.allow()
    click(qtbot, found.widget.find_button)
    finish(qtbot, found)
    assert first not in found.viewer.layers
    found.layer.add((1.0, 1.0))
    settled(qtbot, found)
    corrected = found.layer
    search.allow()
    click(qtbot, found.widget.find_button)
    finish(qtbot, found)
    assert corrected in found.viewer.layers
    assert not corrected.visible
    assert found.layer != corrected


def test_a_refused_run_brings_the_earlier_points_back(
    found: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    first = found.layer
    search.fails_with = InferenceError("no memory; take a smaller region")
    search.allow(1)
    click(qtbot, found.widget.find_button)
    finish(qtbot, found)
    assert found.widget.run.status.text() == "No memory; take a smaller region"
    assert first in found.viewer.layers
    assert first.visible
    assert len(found.viewer.layers) == 2


def test_the_visible_region_is_what_is_searched(
    docked: Dock, search: SteppedSearch, qtbot: Any
) -> None:
    where = docked.widget.form.where
    where.setCurrentIndex(where.findData("visible"))
    look_at(docked, 200, 250, 6)
    search.allow()
    click(qtbot, docked.widget.find_button)
    finish(qtbot, docked)
    region = search.calls[0].region
    assert region is not None
    assert 0 < region.height < HEIGHT
    look_at(docked, 100, 250, 6)
    click(qtbot, docked.widget.result.reviewing.review_button)
    assert "a part of this view" in docked.widget.run.status.text()


def test_removing_the_points_ends_their_panel(found: Dock, qtbot: Any) -> None:
    assert not found.widget.result.isHidden()
    found.viewer.layers.remove(found.layer)
    assert found.widget.result.isHidden()
    assert found.points is None


def test_removing_the_slide_stops_the_run(docked: Dock, search: SteppedSearch, qtbot: Any) -> None:
    click(qtbot, docked.widget.find_button)
    search.allow(1)
    qtbot.waitUntil(lambda: len(docked.viewer.layers) == 2, timeout=10_000)
    docked.viewer.layers.remove(docked.slide_layer)
    finish(qtbot, docked)
    assert not docked.widget.find_button.isEnabled()


def test_a_slide_in_pixels_is_brought_into_micrometres(
    add_slide: Make, search: SteppedSearch, qtbot: Any
) -> None:
    docked = beside(ViewerModel(), add_slide, qtbot, mpp=None)
    widget, layer = docked.widget, docked.slide_layer
    assert "µm/px not known" in widget.form.facts.text()
    widget.form.widget("mpp").setText("0.5")
    search.allow()
    click(qtbot, widget.find_button)
    finish(qtbot, docked)
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert layer.scale[-1] == 0.5


def test_nuclei_stay_on_their_pixels_when_the_slide_gets_other_lengths(found: Dock) -> None:
    look_at(found, 200, 250, 6)
    found.widget.result.reviewing.review_button.click()
    found.widget.result.density_button.click()
    laid = list(found.viewer.layers)[1:]
    before = [found.slide_layer.world_to_data(each.data_to_world((3, 4))) for each in laid]
    give_micrometres(found.viewer, found.slide_layer, 0.25)
    now = [found.slide_layer.world_to_data(each.data_to_world((3, 4))) for each in laid]
    assert len(laid) == 3
    np.testing.assert_allclose(now, before)


def test_every_control_says_what_it_does(found: Dock) -> None:
    result = found.widget.result
    controls = [
        found.widget.find_button,
        found.widget.form.layer_choice,
        found.widget.form.where,
        result.threshold.slider,
        result.threshold.strip,
        result.threshold.number,
        result.threshold.reset_button,
        result.figures.table,
        result.focus.maps,
        result.focus.rules,
        result.density_button,
        result.proximity_button,
        result.export_button,
        result.corrections.add_button,
        result.corrections.delete_button,
        result.corrections.undo_button,
        result.reviewing.review_button,
        result.reviewing.forget_button,
        result.reviewing.tune_button,
        *map(result.reviewing.form.widget, ("name", "iterations", "freeze", "learning_rate")),
    ]
    assert all(len(control.toolTip()) > 10 for control in controls)


def test_200_000_points_follow_the_slider(
    docked: Dock, search: SteppedSearch, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting takes no longer than a person notices; drawing is the graphics card's."""
    rng = np.random.default_rng(1)
    many = NucleusTable.found(
        rng.uniform(0, 800, (200_000, 2)), rng.uniform(0.1, 1, 200_000), table().source
    )

    def at_once(*_: Any) -> Generator[Progress[Any], None, NucleusTable]:
        yield Progress(0, 1, "finding nuclei", many)
        return many

    monkeypatch.setattr(nucleus_widget, "find_nuclei", at_once)
    click(qtbot, docked.widget.find_button)
    finish(qtbot, docked)
    began = time.perf_counter()
    docked.widget.result.threshold.put(0.5)
    counted = time.perf_counter() - began
    settled(qtbot, docked)
    assert len(docked.layer.data) == (many.peaks >= np.float32(0.5)).sum()
    assert counted < 0.5
