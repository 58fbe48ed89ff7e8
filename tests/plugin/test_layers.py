"""Layer tuples as napari understands them: made into real layers, and asked where things are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_focusqc.plugin.layers import (
    METADATA_KEY,
    VERDICT_COLORS,
    fill_block,
    heatmap_layer,
    map_layers,
    slide_layers,
    verdict_layer,
)
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Verdict
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles.grid import TileGrid

MakeMap = Callable[..., FocusMap]
MakeSlide = Callable[..., ArraySlide]


def layer(layer_data: Any) -> Any:
    return Layer.create(*layer_data)


def unit_names(made: Any) -> list[str]:
    return [str(unit) for unit in made.units]


def test_slide_is_one_multiscale_rgb_layer_in_micrometres(make_slide: MakeSlide) -> None:
    slide = make_slide(700, 900, mpp=0.25)
    (shown,) = [layer(data) for data in slide_layers(slide)]
    assert isinstance(shown, Image)
    assert shown.multiscale
    assert shown.rgb
    assert shown.name == "slide.svs"
    np.testing.assert_array_equal(shown.scale, [0.25, 0.25])
    assert unit_names(shown) == ["micrometer", "micrometer"]
    assert shown.axis_labels == ("y", "x")
    assert shown.metadata[METADATA_KEY]["slide"] is slide
    assert shown.metadata[METADATA_KEY]["mpp"] == 0.25


def test_slide_without_mpp_lies_in_pixels(make_slide: MakeSlide) -> None:
    (shown,) = [layer(data) for data in slide_layers(make_slide(mpp=None))]
    assert unit_names(shown) == ["pixel", "pixel"]
    np.testing.assert_array_equal(shown.scale, [1, 1])


def test_planes_of_a_stack_lie_at_their_heights(make_slide: MakeSlide) -> None:
    (shown,) = [layer(d) for d in slide_layers(make_slide(64, 96, 0.25, (-4.0, -1.0, 2.0)))]
    assert shown.data[0].shape == (3, 64, 96, 3)
    assert shown.axis_labels == ("z", "y", "x")
    for plane, height in enumerate((-4.0, -1.0, 2.0)):
        assert shown.data_to_world((plane, 8, 4)) == pytest.approx((height, 2.0, 1.0))


@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
def test_tile_centres_lie_on_the_slide_pixels_they_were_made_from(
    make_map: MakeMap, make_slide: MakeSlide, scale: float
) -> None:
    grid = TileGrid((700, 900), scale, 235, 128, 1, 2, 2, 3)
    found = make_map(grid=grid)
    slide = layer(slide_layers(make_slide(700, 900, 0.5))[0])
    for made in (layer(heatmap_layer(found)), layer(verdict_layer(found, on=slide))):
        for row in range(2):
            for col in range(3):
                centre = made.data_to_world((row, col))
                top = (grid.row0 + row) * 128 * scale
                left = (grid.col0 + col) * 128 * scale
                # Of n pixels from `top` on the middle lies at pixel centre top + (n - 1) / 2.
                middle = (235 * scale - 1) / 2
                assert slide.world_to_data(centre) == pytest.approx((top + middle, left + middle))


def test_heatmap_in_micrometres_by_hand(make_map: MakeMap) -> None:
    """Tile (0, 0) of a whole slide: stride 128, window 235, 0.5 µm/px."""
    shown = layer(heatmap_layer(make_map(grid=TileGrid((700, 900), 1.0, 235, 128, 0, 0, 2, 3))))
    np.testing.assert_allclose(shown.scale, [64, 64])
    np.testing.assert_allclose(shown.translate, [0.5 * 117, 0.5 * 117])
    assert unit_names(shown) == ["micrometer", "micrometer"]


@pytest.mark.parametrize(
    "place",
    [
        {"translate": (100.0, -30.0)},
        {"scale": (2.0, 2.0), "units": ("pixel", "pixel")},
        {"rotate": 30.0, "scale": (0.5, 0.5)},
        {"affine": [[0, 1, 5], [1, 0, 7], [0, 0, 1]]},
    ],
    ids=["moved", "pixels", "turned", "mirrored"],
)
def test_heatmap_follows_the_slide_wherever_the_user_put_it(
    make_map: MakeMap, place: dict[str, Any]
) -> None:
    found = make_map()
    slide = Image(np.zeros((700, 900, 3), np.uint8), rgb=True, **place)
    shown = layer(heatmap_layer(found, on=slide))
    for row, col in ((0, 0), (1, 2)):
        pixel = slide.world_to_data(shown.data_to_world((row, col)))
        assert pixel == pytest.approx(((1 + row) * 128 + 117, (2 + col) * 128 + 117))
    assert unit_names(shown) == unit_names(slide)


def test_heatmap_on_a_stack_lies_on_its_planes(make_map: MakeMap, make_slide: MakeSlide) -> None:
    slide = layer(slide_layers(make_slide(64, 96, 0.5, (0.0, 2.0)))[0])
    shown = layer(heatmap_layer(make_map(), on=slide))
    assert shown.ndim == 2
    assert shown.data_to_world((0, 0)) == pytest.approx((0.5 * (128 + 117), 0.5 * (256 + 117)))


def test_heatmap_shows_scores_and_leaves_the_rest_clear(make_map: MakeMap) -> None:
    found = make_map()
    shown = layer(heatmap_layer(found))
    np.testing.assert_array_equal(shown.data, found.scores)
    assert not np.shares_memory(shown.data, found.scores)
    assert shown.contrast_limits == [0.0, 29.0]
    alpha = shown.colormap.map(np.array([np.nan, 0, 0.25, 0.5, 0.75, 1]))[:, 3]
    assert alpha[0] == 0
    assert alpha[1] > 0.1
    assert (np.diff(alpha[1:]) > 0).all()
    assert alpha[-1] == 1


def test_empty_map_makes_a_layer(make_map: MakeMap) -> None:
    nothing = make_map(np.full((2, 3), np.nan), np.full((2, 3), 4))
    shown = layer(heatmap_layer(nothing))
    assert shown.contrast_limits == [0.0, 29.0]
    assert np.isnan(shown.data).all()


def test_maps_of_our_weights_share_one_scale(make_map: MakeMap) -> None:
    for scores in ([[0.0, 1.0]], [[20.0, 28.0]]):
        shown = layer(heatmap_layer(make_map(scores, [[0, 0]])))
        assert shown.contrast_limits == [0.0, 29.0]


def test_maps_of_unmeasured_weights_fill_the_colours(make_map: MakeMap) -> None:
    scores = np.linspace(-3, 7, 1001)[None]
    found = make_map(scores, np.zeros(scores.shape), weights={"threshold": None}, threshold=None)
    assert layer(heatmap_layer(found)).contrast_limits == pytest.approx([-2.9, 6.9])


def test_a_block_fills_its_own_tiles_only() -> None:
    data = np.full((4, 5), np.nan, np.float32)
    block = np.array([[1, 2], [3, np.nan]], np.float32)
    fill_block(data, BlockUpdate(1, 2, block, np.zeros((2, 2), np.uint8)))
    np.testing.assert_array_equal(data[1:3, 2:4], block)
    assert np.isnan(data).sum() == 4 * 5 - 3


def test_verdicts_have_names_under_the_mouse(make_map: MakeMap) -> None:
    shown = layer(verdict_layer(make_map()))
    assert isinstance(shown, Labels)
    words = {
        (0, 0): "in focus",
        (0, 1): "out of focus",
        (0, 2): "glass",
        (1, 0): "unreadable",
        (1, 1): "abstained",
        (1, 2): "out of focus",
    }
    for tile, word in words.items():
        status = shown.get_status(shown.data_to_world(tile), world=True)
        assert word in str(status["value"]) + str(status["coordinates"])


def test_verdict_colours_are_ours_and_all_different(make_map: MakeMap) -> None:
    shown = layer(verdict_layer(make_map()))
    colours = {verdict: tuple(shown.get_color(int(verdict))) for verdict in Verdict if verdict}
    assert len(set(colours.values())) == len(colours) == len(VERDICT_COLORS) - 1
    assert colours[Verdict.IN_FOCUS][:3] == pytest.approx((0, 0x72 / 255, 0xB2 / 255), abs=1e-3)
    nothing = shown.get_color(0)
    assert nothing is None or nothing[3] == 0


def test_every_verdict_has_a_colour() -> None:
    assert set(VERDICT_COLORS) == set(Verdict)


def test_map_layers_show_scores_first(make_map: MakeMap) -> None:
    heatmap, verdicts = (layer(data) for data in map_layers(make_map()))
    assert isinstance(heatmap, Image)
    assert heatmap.visible
    assert not verdicts.visible
    assert heatmap.name != verdicts.name
