"""The layers of napari's grid: one slide under each of its maps, and under its truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_focusqc.errors import MapFileError
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.side_by_side import LAYERS_PER_CELL, side_by_side_layers
from napari_focusqc.progress import finish
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.sample.slide import (
    SampleLayout,
    SampleSlide,
    build_sample_slide,
    true_defocus,
)

MODELS = ("deepfocus", "focuslitenn", "convfocus")


@pytest.fixture
def sample(tmp_path: Path) -> SampleSlide:
    layout = SampleLayout(
        side_px=1024, glass_px=128, lane_radii_px=(0.0, 3.0, 8.0, 5.0), corner_px=256
    )
    return finish(build_sample_slide(tmp_path / "sample.tif", layout))


@pytest.fixture
def cells(sample: SampleSlide, make_map: Callable[..., FocusMap]) -> list[list[Any]]:
    maps = [make_map(slide="sample.tif", model=model, mpp=0.25) for model in MODELS]
    made = side_by_side_layers(open_slide(sample.slide), maps, sample.defocus)
    return [[Layer.create(*layer) for layer in cell] for cell in made]


def test_every_map_has_the_slide_below_it_and_its_verdicts_hidden_above(
    cells: list[list[Any]],
) -> None:
    for cell, model in zip(cells, MODELS, strict=False):
        assert [type(layer) for layer in cell] == [Image, Image, Labels]
        assert [layer.visible for layer in cell] == [True, True, False]
        assert [layer.name for layer in cell] == [
            f"sample.tif · {model} · slide",
            f"sample.tif · {model}",
            f"sample.tif · {model} · verdict",
        ]
    assert {len(cell) for cell in cells[:-1]} == {LAYERS_PER_CELL}


def test_the_last_cell_is_the_truth_in_the_look_of_a_heatmap(
    cells: list[list[Any]], sample: SampleSlide
) -> None:
    (heatmap,), (shown, truth) = cells[0][1:2], cells[-1]
    assert len(cells) == len(MODELS) + 1
    np.testing.assert_array_equal(truth.data, true_defocus(sample.defocus)[0])
    assert truth.visible
    np.testing.assert_array_equal(truth.colormap.colors, heatmap.colormap.colors)
    assert truth.opacity == heatmap.opacity
    assert shown.name == f"{truth.name} · slide"


def test_all_cells_show_one_slide_that_is_open_once(cells: list[list[Any]]) -> None:
    slides = {id(cell[0].metadata[METADATA_KEY]["slide"]) for cell in cells}
    assert len(slides) == 1
    for cell in cells:
        np.testing.assert_array_equal(cell[0].extent.world, cells[0][0].extent.world)


def test_what_is_no_truth_is_refused(tmp_path: Path, sample: SampleSlide) -> None:
    slide = open_slide(sample.slide)
    with pytest.raises(MapFileError, match="not the defocus of a sample slide"):
        side_by_side_layers(slide, [], tmp_path / "missing.tif")
    slide.close()
