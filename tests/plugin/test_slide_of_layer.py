"""Slides behind layers that we or other readers opened."""

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer

from napari_focusqc.errors import NotASlideError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.layers import slide_layers
from napari_focusqc.plugin.slide_of_layer import is_slide_layer, layer_mpp, slide_of_layer
from napari_focusqc.slides.array_slide import ArraySlide

PIXELS = np.random.default_rng(1).integers(0, 255, (60, 80, 3), np.uint8)


def test_our_own_layer_gives_back_its_slide(make_slide: Callable[..., ArraySlide]) -> None:
    slide = make_slide()
    layer = Layer.create(*slide_layers(slide)[0])
    assert slide_of_layer(layer) is slide


@pytest.mark.parametrize(
    ("scale", "units", "mpp"),
    [
        (0.25, "µm", 0.25),
        (0.00025, "mm", 0.25),
        (250.0, "nm", 0.25),
        (0.25, "pixel", None),
        (1.0, None, None),
        (2.0, "s", None),
        (1.0, "nm", None),
        (352.8, "µm", None),
    ],
)
def test_scale_counts_only_where_units_are_lengths(
    scale: float, units: str | None, mpp: float | None
) -> None:
    layer = Image(PIXELS, rgb=True, scale=(scale, scale), units=units and (units, units))
    assert slide_of_layer(layer).mpp == (None if mpp is None else pytest.approx(mpp))


@pytest.mark.parametrize(
    ("step", "unit", "heights"), [(1.5, "µm", (0.0, 1.5)), (500.0, "nm", (0.0, 0.5))]
)
def test_planes_lie_where_a_layer_in_lengths_says(
    step: float, unit: str, heights: tuple[float, ...]
) -> None:
    stack = np.stack([PIXELS, PIXELS])
    layer = Image(stack, rgb=True, scale=(step, 1, 1), units=(unit, "µm", "µm"))
    slide = slide_of_layer(layer)
    assert (slide.z_um, slide.info.z_source) == (pytest.approx(heights), "given")
    counted = slide_of_layer(Image(stack, rgb=True, scale=(step, 1, 1)))
    assert (counted.z_um, counted.info.z_source) == ((0.0, 1.0), None)


def test_oblong_pixels_are_refused() -> None:
    layer = Image(PIXELS, rgb=True, scale=(0.25, 0.5), units=("µm", "µm"), name="oblong")
    with pytest.raises(NotASlideError, match=r"“oblong” are 0\.25 × 0\.5 µm"):
        layer_mpp(layer)


@pytest.mark.parametrize("kind", ["numpy", "dask"])
def test_a_pyramid_of_another_reader_reads_the_same_pixels(kind: str) -> None:
    levels: list[Any] = [PIXELS, PIXELS[::2, ::2]]
    if kind == "dask":
        levels = [da.from_array(level, chunks=(32, 32, 3)) for level in levels]
    layer = Image(levels, multiscale=True, rgb=True, name="theirs")
    slide = slide_of_layer(layer)
    assert slide.name == "theirs"
    assert slide.level_shapes == ((60, 80), (30, 40))
    np.testing.assert_array_equal(slide.read(Region(5, 7, 20, 30)), PIXELS[5:25, 7:37])
    np.testing.assert_array_equal(slide.read(Region(0, 0, 30, 40), level=1), PIXELS[::2, ::2])


def test_grey_and_float_images_are_no_slides() -> None:
    grey = Image(PIXELS[..., 0], name="grey")
    with pytest.raises(NotASlideError, match="“grey” has no colours; choose an RGB image"):
        slide_of_layer(grey)
    floats = Image(PIXELS / 255, rgb=True, name="floats")
    with pytest.raises(NotASlideError, match="floats is float64"):
        slide_of_layer(floats)


def test_only_colour_images_of_eight_bits_are_offered() -> None:
    assert is_slide_layer(Image(PIXELS, rgb=True))
    assert is_slide_layer(Image([PIXELS, PIXELS[::2, ::2]], rgb=True, multiscale=True))
    assert not is_slide_layer(Image(PIXELS / 255, rgb=True))
    assert not is_slide_layer(Image(PIXELS[..., 0]))
    assert not is_slide_layer(Labels(PIXELS[..., 0]))
    layer = Layer.create([[0, 0]], {}, "points")
    assert not is_slide_layer(layer)
