"""“Open slide…”, used as a person uses it: real files, real buttons, in a real viewer."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPointF, QSettings, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel

from napari_focusqc.plugin import slide_card
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.slide_of_layer import slide_of_layer
from napari_focusqc.slides.opening import open_slide

Make = Callable[..., Any]


@dataclass
class Opener:
    """A viewer with the docked widget, and the clicks of a user."""

    viewer: Any
    dock: Any
    widget: Any
    qtbot: Any

    def rest(self) -> None:
        """Wait until nothing is at work, and what was changed has been heard of."""
        self.qtbot.wait(80)
        self.qtbot.waitUntil(lambda: not self.widget.run.running, timeout=10_000)

    def pick(self, path: Path) -> None:
        """Type a path and press Enter."""
        line = self.widget.file.line
        line.clear()
        self.qtbot.keyClicks(line, str(path))
        self.qtbot.keyClick(line, Qt.Key.Key_Return)
        self.rest()

    def click(self, button: Any) -> None:
        assert button.isEnabled()
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        self.rest()

    def toggle(self, box: Any) -> None:
        """Tick a box, or clear it; only its text takes the mouse, wherever that ends."""
        assert box.isEnabled()
        box.click()
        self.rest()

    def open(self) -> None:
        self.click(self.widget.open_button)

    def choose(self, layer: Any) -> None:
        """Choose a layer in “From”."""
        self.widget.source.setCurrentText(layer.name)
        assert self.widget.source.layer == layer
        self.rest()

    def facts(self) -> str:
        return " | ".join(label.text() for label in self.widget.card.findChildren(QLabel))

    @property
    def said(self) -> str:
        return str(self.widget.run.status.text())


@pytest.fixture
def opener(make_napari_viewer: Make, qtbot: Any) -> Opener:
    viewer = make_napari_viewer()
    dock, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Open slide…")
    return Opener(viewer, dock, widget, qtbot)


@pytest.fixture
def slide_file(tmp_path: Path, write_tiff: Make, tissue_image: Make) -> Path:
    path: Path = write_tiff(tmp_path / "A slide.tif", tissue_image(600, 800), mpp=0.25, levels=2)
    return path


@pytest.fixture
def stack_file(tmp_path: Path, tissue_image: Make) -> Path:
    """An OME-TIFF of three planes without heights."""
    path = tmp_path / "stack.ome.tif"
    planes = np.stack([tissue_image(128, 160, seed) for seed in range(3)])
    tifffile.imwrite(
        path,
        planes,
        photometric="rgb",
        tile=(64, 64),
        metadata={"axes": "ZYXS", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )
    return path


def shown(widget: Any) -> bool:
    """Say whether a widget would be seen if its window were: the tests' window is hidden."""
    return not widget.isHidden()


def holds_open(path: Path) -> bool:
    """Say whether this process has a file open."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files in /proc")
    return any(link.resolve() == path for link in descriptors.iterdir())


def drop(widget: Any, *paths: Path) -> bool:
    """Drag files over a widget and let them go; return whether it took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(
        QPointF(20, 20).toPoint(), Qt.DropAction.CopyAction, data, buttons, keys
    )
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    let_go = QDropEvent(QPointF(20, 20), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(widget, let_go)
    return True


def test_a_picked_file_is_shown_before_it_is_opened(opener: Opener, slide_file: Path) -> None:
    assert not opener.widget.open_button.isEnabled()
    opener.pick(slide_file)
    assert "A slide.tif" in opener.facts()
    assert "tifffile" in opener.facts()
    assert "2 (800 × 600, 400 × 300 px)" in opener.facts()
    assert opener.widget.card.mpp_line.placeholderText() == "0.25 (from the file)"
    assert not shown(opener.widget.card.step_line)
    assert "no macro picture" in opener.widget.card.picture_note.text()
    assert not shown(opener.widget.card.picture)
    assert len(opener.viewer.layers) == 0
    assert not holds_open(slide_file)


def test_open_adds_one_multiscale_layer_of_that_name(opener: Opener, slide_file: Path) -> None:
    opener.pick(slide_file)
    opener.open()
    (layer,) = opener.viewer.layers
    assert layer.name == "A slide.tif"
    assert layer.multiscale
    assert layer.rgb
    np.testing.assert_allclose(layer.scale, [0.25, 0.25], rtol=1e-4)
    assert opener.viewer.canvas.overlays.scale_bar.visible
    assert opener.viewer.layers.selection.active == layer
    assert opener.said == "Opened as the layer “A slide.tif”."
    slide = open_slide(slide_file)
    np.testing.assert_array_equal(np.asarray(layer.data[0]), slide.pyramid()[0].compute())
    slide.close()


def test_the_first_slide_fills_the_view_and_the_next_leaves_it(
    opener: Opener, slide_file: Path, write_tiff: Make, tissue_image: Make
) -> None:
    opener.pick(slide_file)
    opener.open()
    camera = opener.viewer.scene.camera
    assert camera.center[-2:] == pytest.approx((0.25 * 299.5, 0.25 * 399.5), rel=1e-3)
    camera.zoom = 7.5
    opener.pick(write_tiff(slide_file.with_name("next.tif"), tissue_image(300, 400)))
    opener.open()
    assert len(opener.viewer.layers) == 2
    assert camera.zoom == 7.5


def test_a_slide_without_mpp_lies_in_pixels_and_shows_no_scale_bar(
    opener: Opener, tmp_path: Path, write_tiff: Make, tissue_image: Make
) -> None:
    opener.pick(write_tiff(tmp_path / "silent.tif", tissue_image(300, 400), mpp=None))
    assert opener.widget.card.mpp_line.placeholderText() == "not in the file; such as 0.25"
    opener.open()
    assert [str(unit) for unit in opener.viewer.layers[0].units] == ["pixel", "pixel"]
    assert not opener.viewer.canvas.overlays.scale_bar.visible


def test_the_mpp_typed_is_the_layers(opener: Opener, slide_file: Path) -> None:
    opener.pick(slide_file)
    opener.qtbot.keyClicks(opener.widget.card.mpp_line, "0,5")
    opener.open()
    (layer,) = opener.viewer.layers
    np.testing.assert_array_equal(layer.scale, [0.5, 0.5])
    assert slide_of_layer(layer).mpp_source == "given"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("wide", "The µm per pixel is 'wide'; it must be a number such as 0.25"),
        ("1000", "Mpp is 1000.0; it must lie between 0.01 and 100.0 µm per pixel"),
    ],
)
def test_a_bad_mpp_is_one_sentence_and_nothing_else_happens(
    opener: Opener, slide_file: Path, text: str, sentence: str
) -> None:
    opener.pick(slide_file)
    opener.widget.card.mpp_line.setText(text)
    with notification_manager:
        opener.open()
        assert notification_manager.records[-1].message.lower() == sentence.lower()
    assert opener.said.lower() == sentence.lower()
    assert len(opener.viewer.layers) == 0
    assert not holds_open(slide_file)
    opener.widget.card.mpp_line.setText("0.5")
    opener.open()
    assert len(opener.viewer.layers) == 1


def test_a_stack_takes_the_distance_of_its_planes(opener: Opener, stack_file: Path) -> None:
    opener.pick(stack_file)
    assert shown(opener.widget.card.step_line)
    assert opener.widget.card.step_line.placeholderText() == "not in the file; such as 1"
    assert shown(opener.widget.card.notes)
    opener.widget.card.step_line.setText("2.5")
    opener.open()
    (layer,) = opener.viewer.layers
    assert layer.data[0].shape[0] == 3
    np.testing.assert_allclose(layer.scale, [2.5, 0.5, 0.5])
    assert slide_of_layer(layer).z_um == (0.0, 2.5, 5.0)


def test_a_bad_distance_of_planes_is_refused(opener: Opener, stack_file: Path) -> None:
    opener.pick(stack_file)
    opener.widget.card.step_line.setText("-1")
    opener.open()
    assert opener.said == "The distance of planes is -1.0; it must be above 0 µm"
    assert len(opener.viewer.layers) == 0


def test_a_dropped_file_is_shown_and_not_opened(opener: Opener, slide_file: Path) -> None:
    assert drop(opener.widget, slide_file)
    opener.rest()
    assert opener.widget.file.line.text() == str(slide_file)
    assert "A slide.tif" in opener.facts()
    assert len(opener.viewer.layers) == 0


def test_a_dropped_ome_zarr_folder_is_shown_and_opened(
    opener: Opener, tmp_path: Path, write_ome_zarr: Make, tissue_image: Make
) -> None:
    """Its file says how far its planes lie apart."""
    path = tmp_path / "slide.ome.zarr"
    path.mkdir()
    plane = np.moveaxis(tissue_image(128, 160), -1, 0)[:, None]
    write_ome_zarr(path, [np.concatenate([plane, plane], 1)], "czyx", mpp=0.5, z=(1.0, 1.5))
    assert drop(opener.widget, path)
    opener.rest()
    assert "OME-Zarr" in opener.facts()
    assert opener.widget.card.step_line.placeholderText() == "1.5 (from the file)"
    opener.open()
    (layer,) = opener.viewer.layers
    assert layer.data_to_world((1, 0, 2)) == pytest.approx((2.5, 0, 1.0))


def test_no_field_swallows_a_drop(opener: Opener) -> None:
    """A line of text would write the file's name into itself."""
    lines = (opener.widget.file.line, opener.widget.card.mpp_line, opener.widget.card.step_line)
    assert not any(line.acceptDrops() for line in lines)
    assert opener.widget.acceptDrops()


def test_several_files_are_no_slide(opener: Opener, slide_file: Path, stack_file: Path) -> None:
    assert not drop(opener.widget, slide_file, stack_file)
    assert opener.widget.file.line.text() == ""


def test_the_last_folder_is_remembered(
    opener: Opener, slide_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def choose(_parent: Any, _title: str, folder: str) -> tuple[str, str]:
        asked.append(folder)
        return str(slide_file), ""

    def choose_folder(_parent: Any, _title: str, folder: str) -> str:
        asked.append(folder)
        return ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose_folder)
    opener.click(opener.widget.file.browse_button)
    assert "A slide.tif" in opener.facts()
    _, second = opener.viewer.window.add_plugin_dock_widget("napari-focusqc", "Open slide…")
    opener.qtbot.mouseClick(second.file.folder_button, Qt.MouseButton.LeftButton)
    assert asked == ["", str(slide_file.parent)]
    kept = tmp_path / "remembered" / "napari-focusqc" / "napari-focusqc.ini"
    settings = QSettings(str(kept), QSettings.Format.IniFormat)
    assert settings.value("open/folder") == str(slide_file.parent)


@pytest.mark.parametrize("content", [None, b"", b"this is a text"], ids=["none", "empty", "text"])
def test_what_is_no_slide_is_one_sentence_and_the_form_stays_usable(
    opener: Opener, tmp_path: Path, slide_file: Path, content: bytes | None
) -> None:
    path = tmp_path / "bad.svs"
    if content is not None:
        path.write_bytes(content)
    with notification_manager:
        opener.pick(path)
        assert "bad.svs" in notification_manager.records[-1].message
    assert "bad.svs" in opener.said.lower()
    assert "\n" not in opener.said
    assert opener.widget.run.status.styleSheet()
    assert not opener.widget.open_button.isEnabled()
    assert not shown(opener.widget.card)
    opener.pick(slide_file)
    assert opener.said == ""
    opener.open()
    assert len(opener.viewer.layers) == 1


def test_a_truncated_slide_is_refused(opener: Opener, slide_file: Path) -> None:
    whole = slide_file.read_bytes()
    slide_file.write_bytes(whole[: len(whole) // 2])
    opener.pick(slide_file)
    assert "A slide.tif" in opener.said
    assert not shown(opener.widget.card)
    assert not holds_open(slide_file)


def test_a_file_that_vanishes_before_it_is_opened_is_refused(
    opener: Opener, slide_file: Path
) -> None:
    opener.pick(slide_file)
    slide_file.unlink()
    opener.open()
    assert opener.said.startswith("There is no file")
    assert len(opener.viewer.layers) == 0


def test_the_same_file_is_not_opened_twice(opener: Opener, slide_file: Path) -> None:
    opener.pick(slide_file)
    opener.open()
    (layer,) = opener.viewer.layers
    opener.viewer.layers.selection.clear()
    opener.open()
    assert list(opener.viewer.layers) == [layer]
    assert opener.viewer.layers.selection.active == layer
    assert "open already" in opener.said


def test_the_open_layer_takes_another_length(opener: Opener, slide_file: Path) -> None:
    opener.pick(slide_file)
    opener.open()
    (layer,) = opener.viewer.layers
    opener.widget.card.mpp_line.setText("0.5")
    opener.open()
    assert list(opener.viewer.layers) == [layer]
    np.testing.assert_array_equal(layer.scale, [0.5, 0.5])
    assert slide_of_layer(layer).mpp == 0.5


def test_a_removed_layer_lets_its_file_go(opener: Opener, slide_file: Path) -> None:
    import gc

    opener.pick(slide_file)
    opener.open()
    assert holds_open(slide_file)
    opener.viewer.layers.clear()
    opener.rest()
    gc.collect()
    assert not holds_open(slide_file)


def test_colours_are_offered_only_with_a_profile(
    opener: Opener, tmp_path: Path, slide_file: Path, tissue_image: Make
) -> None:
    from PIL import ImageCms

    opener.pick(slide_file)
    assert not opener.widget.card.srgb_box.isEnabled()
    path = tmp_path / "profiled.tif"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = tissue_image(128, 128)
    tifffile.imwrite(path, image, photometric="rgb", tile=(64, 64), iccprofile=profile)
    opener.pick(path)
    box = opener.widget.card.srgb_box
    assert box.isEnabled()
    assert not box.isChecked()
    assert "scores never depend on it" in box.toolTip()
    opener.toggle(box)
    opener.open()
    ours = opener.viewer.layers[0].metadata[METADATA_KEY]
    assert ours["colours"].startswith("sRGB")
    opener.pick(slide_file)
    assert not opener.widget.card.srgb_box.isChecked()


class Held:
    """Stand where the opening of a file does, and hold it until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, path: Path, **lengths: Any) -> Any:
        self.entered.set()
        assert self.go.wait(10)
        return open_slide(path, **lengths)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    found = Held()
    monkeypatch.setattr(slide_card, "open_slide", found)
    return found


def test_the_window_lives_while_a_file_is_read(
    opener: Opener, slide_file: Path, held: Held
) -> None:
    opener.widget.file.pick(str(slide_file))
    beats: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(1))
    timer.start(10)
    opener.qtbot.waitUntil(lambda: len(beats) >= 10 and held.entered.is_set(), timeout=10_000)
    timer.stop()
    assert opener.widget.run.running
    held.go.set()
    opener.rest()
    assert "A slide.tif" in opener.facts()


def test_cancel_leaves_no_card_and_no_open_file(
    opener: Opener, slide_file: Path, held: Held
) -> None:
    opener.widget.file.pick(str(slide_file))
    opener.qtbot.waitUntil(held.entered.is_set, timeout=10_000)
    opener.qtbot.mouseClick(opener.widget.run.cancel_button, Qt.MouseButton.LeftButton)
    held.go.set()
    opener.rest()
    assert "Cancelled" in opener.said
    assert not shown(opener.widget.card)
    assert not holds_open(slide_file)


def test_another_file_picked_meanwhile_is_the_one_shown(
    opener: Opener, slide_file: Path, stack_file: Path, held: Held
) -> None:
    opener.widget.file.pick(str(slide_file))
    opener.qtbot.waitUntil(held.entered.is_set, timeout=10_000)
    opener.widget.file.pick(str(stack_file))
    held.go.set()
    opener.rest()
    assert "stack.ome.tif" in opener.facts()
    assert "A slide.tif" not in opener.facts()
    opener.qtbot.waitUntil(lambda: not holds_open(slide_file), timeout=10_000)


def test_closing_the_dock_while_reading_is_safe(
    opener: Opener, slide_file: Path, held: Held
) -> None:
    opener.widget.file.pick(str(slide_file))
    opener.qtbot.waitUntil(held.entered.is_set, timeout=10_000)
    opener.viewer.window.remove_dock_widget(opener.dock)
    held.go.set()
    opener.qtbot.waitUntil(lambda: not holds_open(slide_file), timeout=10_000)
    opener.qtbot.wait(50)
    assert not shown(opener.widget.card)


def test_closing_the_viewer_while_reading_is_safe(
    opener: Opener, slide_file: Path, held: Held
) -> None:
    opener.widget.file.pick(str(slide_file))
    opener.qtbot.waitUntil(held.entered.is_set, timeout=10_000)
    opener.viewer.close()
    held.go.set()
    opener.qtbot.waitUntil(lambda: not holds_open(slide_file), timeout=10_000)


def test_a_closed_dock_no_longer_listens(opener: Opener, add_slide: Make) -> None:
    opener.viewer.window.remove_dock_widget(opener.dock)
    add_slide(opener.viewer)
    assert opener.widget.source.count() == 1


def theirs(viewer: Any, tissue_image: Make, **place: Any) -> Any:
    """Add a slide as another reader would: plain levels, in pixels."""
    image = tissue_image(300, 400)
    return viewer.add_image([image, image[::2, ::2]], rgb=True, name="theirs", **place)


def test_a_layer_of_another_reader_gets_its_length_by_apply(
    opener: Opener, tissue_image: Make
) -> None:
    layer = theirs(opener.viewer, tissue_image)
    opener.choose(layer)
    assert "array in memory" in opener.facts()
    assert "400 × 300 px" in opener.facts()
    assert not shown(opener.widget.file)
    assert not shown(opener.widget.open_button)
    assert not shown(opener.widget.card.srgb_box)
    opener.widget.card.mpp_line.setText("0.5")
    opener.click(opener.widget.apply_button)
    np.testing.assert_array_equal(layer.scale, [0.5, 0.5])
    assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]
    assert opener.said == "“theirs” has these lengths now."
    assert opener.widget.card.mpp_line.placeholderText() == "0.5 (given)"
    assert opener.viewer.canvas.overlays.scale_bar.visible


@pytest.mark.parametrize("ours", [True, False])
def test_the_score_widget_sees_the_length_given_by_apply(
    opener: Opener, slide_file: Path, tissue_image: Make, ours: bool
) -> None:
    if ours:
        opener.pick(slide_file)
        opener.open()
    else:
        theirs(opener.viewer, tissue_image)
    (layer,) = opener.viewer.layers
    _, score = opener.viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    opener.choose(layer)
    opener.widget.card.mpp_line.setText("0.5")
    opener.click(opener.widget.apply_button)
    assert "0.5 µm/px" in score.form.facts.text()
    assert score._request().slide.mpp == 0.5


def test_what_is_in_view_stays_in_view(opener: Opener, tissue_image: Make) -> None:
    layer = theirs(opener.viewer, tissue_image)
    camera = opener.viewer.scene.camera
    camera.center, camera.zoom = (0, 100, 120), 3.0
    opener.choose(layer)
    opener.widget.card.mpp_line.setText("0.5")
    opener.click(opener.widget.apply_button)
    assert layer.world_to_data(camera.center[-2:]) == pytest.approx((100, 120))
    assert camera.zoom == pytest.approx(6.0)


def test_drawings_in_pixels_keep_the_layer_there(opener: Opener, tissue_image: Make) -> None:
    layer = theirs(opener.viewer, tissue_image)
    opener.viewer.add_points([[1, 1]], name="nuclei")
    opener.choose(layer)
    opener.widget.card.mpp_line.setText("0.5")
    opener.click(opener.widget.apply_button)
    assert "leave nuclei behind" in opener.said
    np.testing.assert_array_equal(layer.scale, [1, 1])


@pytest.mark.parametrize("text", ["", "wide", "0"])
def test_a_bad_length_of_a_layer_changes_nothing(
    opener: Opener, tissue_image: Make, text: str
) -> None:
    layer = theirs(opener.viewer, tissue_image)
    opener.choose(layer)
    opener.widget.card.mpp_line.setText(text)
    opener.click(opener.widget.apply_button)
    assert opener.widget.run.status.styleSheet()
    np.testing.assert_array_equal(layer.scale, [1, 1])


def test_a_layers_file_can_be_looked_at_anew(
    opener: Opener, tmp_path: Path, tissue_image: Make
) -> None:
    """napari's own reader loads it whole; its layer says from where."""
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, tissue_image(128, 160), photometric="rgb", tile=(64, 64))
    (layer,) = opener.viewer.open(path, plugin="napari")
    opener.choose(layer)
    assert shown(opener.widget.anew_button)
    opener.click(opener.widget.anew_button)
    assert opener.widget.source.layer is None
    assert opener.widget.file.line.text() == str(path)
    assert "plain.tif" in opener.facts()
    opener.open()
    assert len(opener.viewer.layers) == 2


def test_a_layer_selected_meanwhile_does_not_take_the_files_place(
    opener: Opener, slide_file: Path, tissue_image: Make
) -> None:
    opener.pick(slide_file)
    layer = theirs(opener.viewer, tissue_image)
    opener.viewer.layers.selection.active = layer
    assert opener.widget.source.layer is None
    assert "A slide.tif" in opener.facts()


def test_a_chosen_layer_that_is_removed_leaves_the_file(opener: Opener, tissue_image: Make) -> None:
    layer = theirs(opener.viewer, tissue_image)
    opener.choose(layer)
    opener.viewer.layers.remove(layer)
    opener.rest()
    assert opener.widget.source.layer is None
    assert shown(opener.widget.file)
    assert not shown(opener.widget.card)


def test_the_real_slide_shows_its_macro_and_hides_its_label(
    opener: Opener, test_data: Path
) -> None:
    path = test_data / "wsi" / "openslide-cmu" / "CMU-1-Small-Region.svs"
    opener.pick(path)
    card = opener.widget.card
    assert "Aperio SVS" in opener.facts()
    assert shown(card.picture)
    assert "macro" in card.picture_note.text()
    assert not card.label_box.isChecked()
    assert card.label_box.text() == "Show the label too (it can carry a patient's name)"
    assert not shown(card.label_picture)
    assert card.label_picture.empty
    opener.toggle(card.label_box)
    assert shown(card.label_picture)
    assert not card.label_picture.empty
    opener.toggle(card.label_box)
    assert card.label_picture.empty
    opener.toggle(card.label_box)
    opener.pick(path)
    assert not card.label_box.isChecked()
    assert card.label_picture.empty
    opener.open()
    (layer,) = opener.viewer.layers
    assert layer.name == path.name
    np.testing.assert_allclose(layer.scale, [0.499, 0.499])
    opener.choose(layer)
    assert shown(card.picture)
    assert not shown(opener.widget.anew_button)
