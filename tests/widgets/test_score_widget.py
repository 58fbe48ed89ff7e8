"""The Score focus widget, used as a person uses it: real buttons, in a real viewer."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QThreadPool, QTimer
from qtpy.QtWidgets import QComboBox

from napari_focusqc.errors import InferenceError
from napari_focusqc.geometry import Region

Make = Callable[..., Any]


def click(qtbot: Any, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def start(qtbot: Any, docked: Any) -> None:
    """Click the button and wait for the empty heatmap."""
    before = len(docked.viewer.layers)
    click(qtbot, docked.widget.score_button)
    assert docked.widget.run.running
    qtbot.waitUntil(lambda: len(docked.viewer.layers) == before + 1, timeout=10_000)


def finish(qtbot: Any, docked: Any) -> None:
    qtbot.waitUntil(lambda: not docked.widget.run.running, timeout=10_000)


def run_through(qtbot: Any, docked: Any, stepped: Any) -> None:
    stepped.allow()
    click(qtbot, docked.widget.score_button)
    finish(qtbot, docked)


def assert_all_stopped(qtbot: Any, stepped: Any) -> None:
    """The generator is closed and no thread works any more."""
    qtbot.waitUntil(stepped.closed.is_set, timeout=10_000)
    assert QThreadPool.globalInstance().waitForDone(5000)
    assert not [t for t in threading.enumerate() if t.name.startswith("focusqc")]


def test_opening_the_widget_offers_the_slide(docked: Make) -> None:
    d = docked()
    assert d.widget.form.layer_choice.layer == d.slide_layer
    assert d.widget.score_button.isEnabled()
    assert "1,000 × 800 px" in d.widget.form.facts.text()
    assert "0.5 µm/px" in d.widget.form.facts.text()


def test_what_the_first_run_needs_is_loaded_while_the_user_looks(
    docked: Make, prepared: list[Any], qtbot: Any
) -> None:
    d = docked()
    qtbot.waitUntil(lambda: bool(prepared), timeout=10_000)
    assert prepared[0].name == "slide.svs"
    assert not d.widget.run.running


def test_without_a_slide_there_is_nothing_to_click(
    make_napari_viewer: Make, add_slide: Make
) -> None:
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    assert not widget.score_button.isEnabled()
    assert "Open a slide" in widget.form.facts.text()
    viewer.add_image(np.zeros((50, 60)), name="grey")
    assert not widget.score_button.isEnabled()
    add_slide(viewer)
    assert widget.score_button.isEnabled()


def test_heatmap_fills_in_while_the_run_goes_on(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    heatmap = d.viewer.layers[-1]
    assert np.isnan(heatmap.data).all()
    assert heatmap.data_to_world((0, 0)) == pytest.approx((58.5, 58.5))
    stepped.allow(2)
    qtbot.waitUntil(lambda: not np.isnan(heatmap.data[:2]).any(), timeout=10_000)
    assert np.isnan(heatmap.data[2:]).all()
    qtbot.waitUntil(lambda: d.widget.run.bar.value() == 2, timeout=10_000)
    stepped.allow(4)
    finish(qtbot, d)
    assert d.names() == [
        "slide.svs",
        "slide.svs · focuslitenn",
        "slide.svs · focuslitenn · verdict",
    ]
    np.testing.assert_array_equal(heatmap.data, np.arange(8) * 3 + np.arange(6)[:, None])
    assert "of 48 scored tiles (score above 8)" in d.widget.result.headline.text()


def test_the_work_is_done_in_another_thread(docked: Make, stepped: Any, qtbot: Any) -> None:
    run_through(qtbot, docked(), stepped)
    assert stepped.thread is not None
    assert stepped.thread is not threading.main_thread()


def test_the_event_loop_beats_while_the_run_goes_on(docked: Make, stepped: Any, qtbot: Any) -> None:
    """Ten beats of a 10 ms timer pass while one row is waited for."""
    d = docked()
    start(qtbot, d)
    beats: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(1))
    timer.start(10)
    qtbot.waitUntil(lambda: len(beats) >= 10, timeout=10_000)
    timer.stop()
    assert d.widget.run.running
    stepped.allow()
    finish(qtbot, d)


def test_layers_share_units_axes_and_place(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    slide, heatmap, verdict = d.viewer.layers
    for layer in (heatmap, verdict):
        assert layer.units == slide.units
        assert layer.axis_labels == slide.axis_labels
        assert slide.world_to_data(layer.data_to_world((1, 2))) == pytest.approx((245, 373))


def test_legend_counts_the_tiles(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    scores = np.arange(8) * 3 + np.arange(6)[:, None]
    texts = [label.text() for label in d.widget.result.findChildren(type(d.widget.form.facts))]
    assert str(int((scores > 8).sum())) in texts
    assert "out of focus" in texts


def test_verdicts_are_shown_when_asked_for(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    _, heatmap, verdict = d.viewer.layers
    assert (heatmap.visible, verdict.visible) == (True, False)
    d.widget.result.verdict_box.click()
    assert (heatmap.visible, verdict.visible) == (False, True)
    d.widget.result.verdict_box.click()
    assert (heatmap.visible, verdict.visible) == (True, False)


def test_a_second_click_while_running_is_impossible(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    assert not d.widget.score_button.isEnabled()
    click(qtbot, d.widget.score_button)
    d.widget._on_score()
    stepped.allow()
    finish(qtbot, d)
    assert len(stepped.calls) == 1
    assert d.widget.score_button.isEnabled()


def cancel_after(rows: int, qtbot: Any, d: Any, stepped: Any) -> None:
    """Start a run and cancel it."""
    start(qtbot, d)
    stepped.allow(rows)
    qtbot.waitUntil(lambda: d.widget.run.bar.value() == rows, timeout=10_000)
    click(qtbot, d.widget.run.cancel_button)
    assert not d.widget.run.cancel_button.isEnabled()
    finish(qtbot, d)
    assert_all_stopped(qtbot, stepped)


def test_cancel_leaves_no_thread_and_keeps_what_is_scored(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked()
    cancel_after(2, qtbot, d, stepped)
    assert d.names() == [
        "slide.svs",
        "slide.svs · focuslitenn",
        "slide.svs · focuslitenn · verdict",
    ]
    assert np.isfinite(d.viewer.layers[1].data[:2]).all()
    assert np.isnan(d.viewer.layers[1].data[2:]).all()
    assert d.widget.run.status.text() == "Cancelled; 16 of 48 tiles are scored and kept."
    assert d.widget.score_button.isEnabled()


def test_a_cancelled_run_goes_on_where_it_stood(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    assert d.widget.continue_button.isHidden()
    cancel_after(2, qtbot, d, stepped)
    assert not d.widget.continue_button.isHidden()
    stepped.allow(4)
    click(qtbot, d.widget.continue_button)
    assert d.widget.continue_button.isHidden()
    finish(qtbot, d)
    assert stepped.begun == 2
    assert len(d.viewer.layers) == 3
    expected = np.arange(8) * 3 + np.arange(6)[:, None]
    np.testing.assert_array_equal(d.viewer.layers[1].data, expected)
    assert "of 48 scored tiles" in d.widget.result.headline.text()


def test_a_cancel_before_the_first_tile_leaves_nothing(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked()
    cancel_after(0, qtbot, d, stepped)
    assert d.names() == ["slide.svs"]
    assert d.widget.run.status.text() == "Cancelled; nothing of this run was kept."
    assert d.widget.continue_button.isHidden()


def test_a_slide_that_is_gone_cannot_be_continued(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    cancel_after(2, qtbot, d, stepped)
    d.viewer.layers.remove(d.slide_layer)
    assert d.widget.continue_button.isHidden()


def test_a_failure_keeps_what_is_scored(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    stepped.allow(2)
    qtbot.waitUntil(lambda: d.widget.run.bar.value() == 2, timeout=10_000)
    stepped.fails_with = InferenceError("the GPU is full; choose a smaller batch, or the cpu")
    stepped.allow(1)
    finish(qtbot, d)
    assert "The GPU is full" in d.widget.run.status.text()
    assert np.isfinite(d.viewer.layers[1].data[:2]).all()
    assert not d.widget.continue_button.isHidden()


def test_after_a_cancel_the_next_run_works(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    click(qtbot, d.widget.run.cancel_button)
    finish(qtbot, d)
    run_through(qtbot, d, stepped)
    assert len(d.viewer.layers) == 3


@pytest.mark.parametrize("which", [0, 1], ids=["slide", "heatmap"])
def test_removing_a_layer_stops_the_run(docked: Make, stepped: Any, qtbot: Any, which: int) -> None:
    d = docked()
    start(qtbot, d)
    stepped.allow(1)
    d.viewer.layers.pop(which)
    finish(qtbot, d)
    assert_all_stopped(qtbot, stepped)
    assert d.names() == (["slide.svs"] if which else [])


def test_removing_another_layer_does_not(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    d.viewer.add_points([[1, 1]], name="dots")
    start(qtbot, d)
    d.viewer.layers.remove("dots")
    stepped.allow()
    finish(qtbot, d)
    assert len(d.viewer.layers) == 3


def test_closing_the_dock_stops_the_run(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    d.viewer.window.remove_dock_widget(d.dock)
    assert_all_stopped(qtbot, stepped)
    assert d.names() == ["slide.svs"]
    qtbot.wait(100)
    assert d.names() == ["slide.svs"]


def test_floating_or_hiding_the_dock_lets_the_run_go_on(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked(show=True)
    start(qtbot, d)
    d.dock.setFloating(True)
    qtbot.wait(50)
    d.dock.setFloating(False)
    d.dock.hide()
    qtbot.wait(50)
    assert d.widget.run.running
    stepped.allow()
    finish(qtbot, d)
    assert len(d.viewer.layers) == 3


def test_a_closed_dock_no_longer_listens(docked: Make, add_slide: Make, qtbot: Any) -> None:
    d = docked()
    d.viewer.window.remove_dock_widget(d.dock)
    choice = d.widget.form.layer_choice
    add_slide(d.viewer, "other.svs")
    assert choice.count() == 1


def test_a_widget_deleted_mid_run_stops_it(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    d.viewer.window.remove_dock_widget(d.dock)
    d.widget.deleteLater()
    d.widget = d.dock = None
    gc.collect()
    qtbot.wait(50)
    assert_all_stopped(qtbot, stepped)


def test_closing_the_viewer_stops_the_run(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    start(qtbot, d)
    d.viewer.close()
    assert_all_stopped(qtbot, stepped)


def test_a_refusal_is_one_sentence_in_the_dock(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    stepped.fails_with = InferenceError("the GPU is full; choose a smaller batch, or the cpu")
    stepped.allow()
    click(qtbot, d.widget.score_button)
    finish(qtbot, d)
    assert d.widget.run.status.text() == "The GPU is full; choose a smaller batch, or the cpu"
    assert d.names() == ["slide.svs"]
    assert_all_stopped(qtbot, stepped)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error"), ZeroDivisionError("oops")])
def test_an_unforeseen_error_is_shown_and_not_lost(
    docked: Make, stepped: Any, qtbot: Any, error: Exception
) -> None:
    """A RuntimeError vanishes in napari's own worker."""
    from napari.utils.notifications import notification_manager

    d = docked()
    stepped.fails_with = error
    stepped.allow()
    with notification_manager:
        click(qtbot, d.widget.score_button)
        finish(qtbot, d)
    text = d.widget.run.status.text()
    assert type(error).__name__ in text
    assert str(error) in text
    assert d.names() == ["slide.svs"]


def test_running_again_replaces_the_layers_and_keeps_their_look(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    names = d.names()
    first = d.viewer.layers[1]
    first.opacity, first.colormap, first.contrast_limits = 0.25, "magma", (2, 9)
    d.viewer.layers[2].visible = True
    run_through(qtbot, d, stepped)
    assert d.names() == names
    second, verdict = d.viewer.layers[1:]
    assert second is not first
    assert (second.opacity, second.colormap.name) == (0.25, "magma")
    assert second.contrast_limits == [2, 9]
    assert second.visible
    assert verdict.visible


def test_a_cancelled_second_run_brings_the_first_back_and_can_be_continued(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    layers = list(d.viewer.layers)
    cancel_after(2, qtbot, d, stepped)
    assert list(d.viewer.layers) == layers
    assert layers[1].visible
    stepped.allow(4)
    click(qtbot, d.widget.continue_button)
    finish(qtbot, d)
    assert stepped.begun == 2
    assert len(d.viewer.layers) == 3


def test_another_model_adds_its_own_layers(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    run_through(qtbot, d, stepped)
    d.widget.form.widget("model").setCurrentIndex(1)
    run_through(qtbot, d, stepped)
    assert len(d.viewer.layers) == 5


def test_the_form_reaches_the_run(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    form = d.widget.form
    box: QComboBox = form.widget("tissue")
    box.setCurrentText("luma")
    form.widget("device").setCurrentText("cpu")
    form.widget("threshold").setText("3,5")
    form.widget("mpp").setText("0.25")
    run_through(qtbot, d, stepped)
    ((_, settings),) = stepped.calls
    assert (settings.tissue, settings.device) == ("luma", "cpu")
    assert settings.threshold == 3.5
    assert settings.mpp == 0.25
    assert settings.region is None


def test_visible_region_reaches_the_run(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    d.widget.form.where.setCurrentIndex(d.widget.form.where.findData("visible"))
    d.viewer.scene.camera.center = (0, 200, 250)
    d.viewer.scene.camera.zoom = 40
    height, width = d.viewer.canvas.size
    run_through(qtbot, d, stepped)
    ((_, settings),) = stepped.calls
    region = settings.region
    assert isinstance(region, Region)
    assert region.height == pytest.approx(height / 40 / 0.5, abs=2)
    assert region.width == pytest.approx(width / 40 / 0.5, abs=2)
    assert region.y + region.height / 2 == pytest.approx(400.5, abs=1)


def test_a_slide_out_of_view_is_refused(docked: Make, stepped: Any, qtbot: Any) -> None:
    d = docked()
    d.widget.form.where.setCurrentIndex(d.widget.form.where.findData("visible"))
    d.viewer.scene.camera.center = (0, 1e6, 1e6)
    click(qtbot, d.widget.score_button)
    assert "Nothing of “slide.svs” is in view" in d.widget.run.status.text()
    assert not d.widget.run.running
    assert stepped.calls == []


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("mpp", "twenty", "Mpp is 'twenty'; it must be a number such as 0.25"),
        ("mpp", "1000", "Mpp is 1000.0; it must lie between 0.01 and 100.0"),
        ("threshold", "nan", "Threshold is nan; it must lie between -1000.0 and 1000.0"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_runs(
    docked: Make, stepped: Any, qtbot: Any, field: str, text: str, sentence: str
) -> None:
    d = docked()
    d.widget.form.widget(field).setText(text)
    click(qtbot, d.widget.score_button)
    assert d.widget.run.status.text() == sentence
    assert stepped.calls == []


def test_missing_mpp_is_asked_for_and_then_makes_micrometres(
    docked: Make, stepped: Any, qtbot: Any
) -> None:
    d = docked(mpp=None)
    line = d.widget.form.widget("mpp")
    assert "µm/px not known" in d.widget.form.facts.text()
    assert "needed" in line.placeholderText()
    centre, zoom = d.viewer.scene.camera.center, d.viewer.scene.camera.zoom
    line.setText("0.25")
    run_through(qtbot, d, stepped)
    slide, heatmap, _ = d.viewer.layers
    assert [str(unit) for unit in slide.units] == ["micrometer", "micrometer"]
    np.testing.assert_array_equal(slide.scale, [0.25, 0.25])
    assert slide.world_to_data(heatmap.data_to_world((0, 0))) == pytest.approx((117, 117))
    moved = d.viewer.scene.camera.center
    assert moved[1:] == pytest.approx([value * 0.25 for value in centre[1:]])
    assert d.viewer.scene.camera.zoom == pytest.approx(zoom * 4)


def test_a_slide_in_pixels_with_company_stays_there(docked: Make, stepped: Any, qtbot: Any) -> None:
    """Drawings made in pixels would be left behind; the heatmap goes to the pixels instead."""
    d = docked(mpp=None)
    d.viewer.add_points([[400, 500]], name="dots")
    d.widget.form.widget("mpp").setText("0.25")
    run_through(qtbot, d, stepped)
    slide = d.viewer.layers["slide.svs"]
    heatmap = d.viewer.layers["slide.svs · focuslitenn"]
    assert [str(unit) for unit in heatmap.units] == ["pixel", "pixel"]
    assert slide.world_to_data(heatmap.data_to_world((0, 0))) == pytest.approx((117, 117))


def test_each_slide_keeps_the_mpp_typed_for_it(docked: Make, add_slide: Make) -> None:
    d = docked(mpp=None)
    line = d.widget.form.widget("mpp")
    line.setText("0.25")
    other = add_slide(d.viewer, "other.svs", mpp=0.5)
    assert d.widget.form.layer_choice.layer == other
    assert line.text() == ""
    assert line.placeholderText() == "0.5, as opened"
    d.viewer.layers.selection.active = d.slide_layer
    assert d.widget.form.layer_choice.layer == d.slide_layer
    assert line.text() == "0.25"


def test_the_box_follows_the_layer_list(docked: Make, add_slide: Make) -> None:
    d = docked()
    choice = d.widget.form.layer_choice
    other = add_slide(d.viewer, "other.svs")
    assert [choice.itemText(n) for n in range(choice.count())] == ["slide.svs", "other.svs"]
    d.slide_layer.name = "renamed"
    assert choice.itemText(0) == "renamed"
    assert choice.layer == other
    d.viewer.layers.remove(other)
    assert choice.layer == d.slide_layer
    d.viewer.layers.clear()
    assert choice.layer is None
    assert not d.widget.score_button.isEnabled()
