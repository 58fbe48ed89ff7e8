"""Data laid over a slide: where they were put, and where they are once the slide is elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Layer, Points

from napari_focusqc.geometry import Region
from napari_focusqc.plugin.layers import map_layers, slide_layers
from napari_focusqc.plugin.nucleus_layers import (
    density_layer,
    frames_layer,
    nucleus_layer,
    proximity_layer,
)
from napari_focusqc.plugin.opened import give_lengths
from napari_focusqc.plugin.placing import (
    Place,
    fill_again,
    lay_again,
    level0_to_world,
    lying_on,
    ours,
    over_slide,
)
from napari_focusqc.results.density import density
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable
from napari_focusqc.results.slide_values import SlideValues

Make = Callable[..., Any]
SHAPE = (700, 900)


def nuclei() -> NucleusTable:
    source = NucleusSource("slide.svs", 0.5, "file", "micronet", {}, 0.1, "cpu", "0", "")
    return NucleusTable.found([(10.5, 20.25), (600.0, 800.0)], [0.5, 0.9], source)


@pytest.fixture
def slide(make_slide: Make) -> Any:
    return Layer.create(*slide_layers(make_slide(*SHAPE, 0.5))[0])


@pytest.fixture
def everything(make_map: Make, slide: Any) -> list[Any]:
    """One layer of each kind that lies on a slide."""
    values = SlideValues(np.ones((3, 4), np.float32), 2.0, (100.5, 20.5), 0.5)
    made = [
        *map_layers(make_map(), slide),
        nucleus_layer(nuclei(), slide),
        density_layer(density(nuclei(), Region(0, 0, *SHAPE)), "slide.svs", slide),
        proximity_layer(values, "slide.svs", slide),
        frames_layer([Region(10, 20, 100, 200)], "slide.svs", 0.5, slide),
    ]
    return [Layer.create(*data) for data in made]


def pixel(slide: Any, layer: Any) -> Any:
    """Return the slide's pixel under a point of a layer."""
    return slide.world_to_data(layer.data_to_world((1.5, 2.25)))


def test_level0_to_world_is_the_layers_own_map() -> None:
    turned = Image(
        np.zeros((70, 90, 3), np.uint8), rgb=True, rotate=20, translate=(3, 4), scale=(2, 2)
    )
    for point in ((0, 0), (10, -3), (5.5, 60)):
        expected = turned.data_to_world(point)
        assert (level0_to_world(turned) @ [*point, 1])[:2] == pytest.approx(expected)


def test_all_that_lies_on_a_slide_moves_with_it(slide: Any, everything: list[Any]) -> None:
    before = [pixel(slide, layer) for layer in everything]
    give_lengths(slide, 0.25)
    slide.translate = (40, -7)
    lay_again([slide, *everything], slide)
    assert [pixel(slide, layer) for layer in everything] == [pytest.approx(at) for at in before]
    assert all(layer.units == slide.units for layer in everything)


def test_a_slide_may_be_turned_and_turned_back(slide: Any, everything: list[Any]) -> None:
    before = [pixel(slide, layer) for layer in everything]
    for angle in (30, 0):
        slide.rotate = angle
        lay_again(everything, slide)
        now = [pixel(slide, layer) for layer in everything]
        assert now == [pytest.approx(at, abs=1e-6) for at in before]


def test_what_lies_on_another_slide_or_on_none_stays(slide: Any, make_slide: Make) -> None:
    other = Layer.create(*slide_layers(make_slide(*SHAPE, 0.5))[0])
    strangers = [
        Layer.create(*nucleus_layer(nuclei(), other)),
        Layer.create(*nucleus_layer(nuclei())),
        Points(np.zeros((1, 2)), metadata={"napari-focusqc": "what somebody else wrote"}),
    ]
    assert list(lying_on([slide, *strangers], slide)) == []
    assert ours(strangers[2]) == {}
    give_lengths(slide, 0.25)
    lay_again(strangers, slide)
    assert strangers[0].scale.tolist() == [0.5, 0.5]


def test_a_layer_filled_again_lies_where_its_new_data_do(slide: Any) -> None:
    first, second = (
        proximity_layer(SlideValues(np.full(shape, 0.5, np.float32), 1.0, at, 0.5), "slide", slide)
        for shape, at in (((3, 4), (10.0, 20.0)), ((5, 6), (200.0, 300.0)))
    )
    layer = Layer.create(*first)
    layer.opacity = 0.25
    fill_again(layer, second)
    assert layer.data.shape == (5, 6)
    assert slide.world_to_data(layer.data_to_world((0, 0))) == pytest.approx((200, 300))
    assert layer.opacity == 0.25
    give_lengths(slide, 0.25)
    lay_again([layer], slide)
    assert slide.world_to_data(layer.data_to_world((0, 0))) == pytest.approx((200, 300))


def test_places_by_hand() -> None:
    keywords = over_slide(Place(0.5, 64.0, (117.0, 10.0)), None, {"layer": "any"})
    assert keywords["scale"].tolist() == [32, 32]
    assert keywords["translate"].tolist() == [58.5, 5]
    assert keywords["units"] == ("µm", "µm")
