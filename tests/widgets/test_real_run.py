"""The widget with the real pipeline and a real network: what is shown is what was computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit

from napari_focusqc.errors import NotASlideError
from napari_focusqc.pipeline import score_slide
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.progress import finish
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide

Make = Callable[..., Any]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of no worth, with a threshold: this is about where scores go, not what they say."""
    import torch

    from napari_focusqc.models.card import WeightsCard
    from napari_focusqc.models.focuslitenn import FocusLiteNN
    from napari_focusqc.models.weights import save_weights

    torch.manual_seed(0)
    network = FocusLiteNN(kernels=1)
    card = WeightsCard(
        name="any",
        model="focuslitenn-1",
        mpp=0.5,
        network={"kernels": 1, "pooling": "min"},
        threshold=0.0,
    )
    return save_weights(network, card, tmp_path_factory.mktemp("weights")).path


@pytest.fixture
def opened(
    make_napari_viewer: Make,
    tmp_path: Path,
    write_tiff: Make,
    tissue_image: Make,
    weights: Path,
) -> Any:
    """A viewer with a slide from a file, the widget, and the slide's path."""
    path = write_tiff(tmp_path / "slide.tif", tissue_image(900, 1200), mpp=0.5, levels=2)
    viewer = make_napari_viewer()
    viewer.open(path, plugin="napari-focusqc")
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    form = widget.form
    form.put("model", "focuslitenn-1")
    form.put("tissue", "none")
    form.put("device", "cpu")
    form.put("weights", weights)
    yield viewer, widget, path
    viewer.layers[0].metadata[METADATA_KEY]["slide"].close()


def run(qtbot: Any, widget: Any) -> None:
    qtbot.mouseClick(widget.score_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not widget.run.running, timeout=60_000)


def expected(path: Path, weights: Path, **changes: Any) -> Any:
    values = {"model": "focuslitenn-1", "tissue": "none", "device": "cpu", "weights": weights}
    return finish(score_slide(open_slide(path), ScoreSettings(**values | changes)))


def test_the_heatmap_is_the_pipelines_map(opened: Any, weights: Path, qtbot: Any) -> None:
    viewer, widget, path = opened
    run(qtbot, widget)
    found = expected(path, weights)
    slide, heatmap, verdict = viewer.layers
    np.testing.assert_array_equal(heatmap.data, found.scores)
    assert isinstance(verdict, Labels)
    np.testing.assert_array_equal(verdict.data, found.verdicts())
    centre = slide.world_to_data(heatmap.data_to_world((0, 0)))
    assert centre == pytest.approx((117, 117), abs=1e-3)
    assert f"of {found.scores.size} scored tiles" in widget.result.headline.text()


def test_a_visible_region_has_the_scores_of_the_whole(
    opened: Any, weights: Path, qtbot: Any
) -> None:
    viewer, widget, path = opened
    widget.form.where.setCurrentIndex(widget.form.where.findData("visible"))
    viewer.scene.camera.center = (0, 220, 300)
    viewer.scene.camera.zoom = 4
    run(qtbot, widget)
    heatmap = viewer.layers[1]
    whole = expected(path, weights)
    assert heatmap.data.size < whole.scores.size
    y, x = viewer.layers[0].world_to_data(heatmap.data_to_world((0, 0)))
    row, col = round((y - 117) / 128), round((x - 117) / 128)
    rows, cols = heatmap.data.shape
    np.testing.assert_array_equal(heatmap.data, whole.scores[row : row + rows, col : col + cols])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "There is no weights file"), (b"garbage", "Bad.pt")],
    ids=["missing", "garbage"],
)
def test_bad_weights_are_refused_in_the_dock(
    opened: Any, tmp_path: Path, qtbot: Any, content: bytes | None, sentence: str
) -> None:
    viewer, widget, _ = opened
    path = tmp_path / "bad.pt"
    if content is not None:
        path.write_bytes(content)
    line: QLineEdit = widget.form.widget("weights").findChild(QLineEdit)
    line.setText(str(path))
    widget.form.put("mpp", 0.25)
    run(qtbot, widget)
    text = widget.run.status.text()
    assert text.startswith(sentence)
    assert "bad.pt" in text.lower()
    assert "\n" not in text
    assert len(viewer.layers) == 1


def test_missing_mpp_is_refused_in_the_dock_until_it_is_typed(
    make_napari_viewer: Make,
    tmp_path: Path,
    write_tiff: Make,
    tissue_image: Make,
    qtbot: Any,
    weights: Path,
) -> None:
    path = write_tiff(tmp_path / "silent.tif", tissue_image(600, 700), mpp=None)
    viewer = make_napari_viewer()
    viewer.open(path, plugin="napari-focusqc")
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    for name, value in (("model", "focuslitenn-1"), ("tissue", "none"), ("weights", weights)):
        widget.form.put(name, value)
    run(qtbot, widget)
    assert "does not say how many micrometres a pixel is" in widget.run.status.text()
    assert len(viewer.layers) == 1
    widget.form.widget("mpp").setText("5")
    run(qtbot, widget)
    assert "coarser than the weights" in widget.run.status.text()
    widget.form.widget("mpp").setText("0.5")
    run(qtbot, widget)
    assert len(viewer.layers) == 3
    assert [str(unit) for unit in viewer.layers[0].units] == ["micrometer", "micrometer"]
    viewer.layers[0].metadata[METADATA_KEY]["slide"].close()


def test_a_slide_of_another_reader_can_be_scored(
    make_napari_viewer: Make, tissue_image: Make, qtbot: Any, weights: Path
) -> None:
    viewer = make_napari_viewer()
    image = tissue_image(600, 700)
    viewer.add_image(
        [image, image[::2, ::2]], rgb=True, scale=(500, 500), units=("nm", "nm"), name="theirs"
    )
    _, widget = viewer.window.add_plugin_dock_widget("napari-focusqc", "Score focus")
    for name, value in (("model", "focuslitenn-1"), ("tissue", "none"), ("weights", weights)):
        widget.form.put(name, value)
    assert "0.5 µm/px" in widget.form.facts.text()
    run(qtbot, widget)
    slide, heatmap, _ = viewer.layers
    assert heatmap.units == slide.units
    assert slide.world_to_data(heatmap.data_to_world((0, 0))) == pytest.approx((117, 117))


def test_what_is_no_slide_is_refused_by_the_reader(
    make_napari_viewer: Make, tmp_path: Path
) -> None:
    path = tmp_path / "text.svs"
    path.write_text("this is a text")
    viewer = make_napari_viewer()
    with pytest.raises(NotASlideError, match="text.svs"):
        viewer.open(path, plugin="napari-focusqc")


def test_sample_slide_opens_from_the_menu(
    make_napari_viewer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_focusqc.plugin import sample_data
    from napari_focusqc.slides.sample.slide import SampleLayout, build_sample_slide

    small = SampleLayout(
        side_px=1024, glass_px=128, lane_radii_px=(0.0, 3.0, 8.0, 5.0), corner_px=256
    )
    monkeypatch.setattr(
        sample_data, "sample_slide", lambda _: build_sample_slide(tmp_path / "s.tif", small)
    )
    viewer = make_napari_viewer()
    viewer.open_sample("napari-focusqc", "sample-slide")
    assert [layer.visible for layer in viewer.layers] == [True, False]
    viewer.layers[0].metadata[METADATA_KEY]["slide"].close()
