"""Layers opened from files, found again, and given the lengths that the user knows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Layer, Points

from napari_focusqc.errors import ColourProfileError, MissingMppError, SettingsError
from napari_focusqc.plugin.layers import METADATA_KEY, slide_layers
from napari_focusqc.plugin.opened import (
    OpenRequest,
    check_company,
    file_behind,
    give_lengths,
    in_pixels,
    layer_of_file,
    open_layer,
    show_colours,
)
from napari_focusqc.plugin.placing import Place, over_slide
from napari_focusqc.plugin.slide_of_layer import slide_of_layer
from napari_focusqc.progress import finish
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.opening import open_slide

MakeSlide = Callable[..., ArraySlide]
PIXELS = np.random.default_rng(1).integers(0, 255, (4, 60, 80, 3), np.uint8)


def unit_names(layer: Any) -> list[str]:
    return [str(unit) for unit in layer.units]


@pytest.fixture
def path(tmp_path: Path, write_tiff: Any, tissue_image: Any) -> Path:
    found: Path = write_tiff(tmp_path / "slide.tif", tissue_image(300, 400), mpp=0.25)
    return found


def opened(path: Path, **how: Any) -> Any:
    return Layer.create(*finish(open_layer(OpenRequest(path, **how))))


def test_a_file_is_opened_with_the_lengths_typed(path: Path) -> None:
    layer = opened(path, mpp=0.5)
    np.testing.assert_array_equal(layer.scale, [0.5, 0.5])
    assert layer.name == "slide.tif"
    assert slide_of_layer(layer).mpp == 0.5
    slide_of_layer(layer).close()


def test_colours_without_a_profile_are_refused(path: Path) -> None:
    with pytest.raises(ColourProfileError, match="has no colour profile"):
        opened(path, srgb=True)
    assert times_open(path) == 0


def times_open(path: Path) -> int:
    """Count how often this process has a file open."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system does not list open files in /proc")
    return sum(link.resolve() == path for link in descriptors.iterdir())


@pytest.fixture
def large(tmp_path: Path, write_tiff: Any, tissue_image: Any) -> Path:
    """A slide without small levels: napari is given one more, computed, of 550 × 700 px."""
    found: Path = write_tiff(tmp_path / "large.tif", tissue_image(1100, 1400))
    return found


def test_the_level_that_napari_reads_whole_is_computed_before_it_does(large: Path) -> None:
    stages = [step.stage for step in open_layer(OpenRequest(large))]
    assert stages == ["opening large.tif"] + ["reading the overview"] * 3
    levels, _, _ = finish(open_layer(OpenRequest(large)))
    slide = open_slide(large)
    lazy = slide.pyramid()
    assert isinstance(levels[-1], np.ndarray)
    assert [level.shape for level in levels] == [level.shape for level in lazy]
    np.testing.assert_array_equal(levels[-1], lazy[-1].compute())
    assert not isinstance(levels[0], np.ndarray)
    slide.close()


def test_an_opening_that_is_stopped_leaves_no_file_open(large: Path) -> None:
    opening = open_layer(OpenRequest(large))
    for _ in range(3):
        next(opening)
    assert times_open(large) == 1
    opening.close()
    assert times_open(large) == 0


def test_a_file_is_found_again_by_whatever_way_it_is_reached(path: Path) -> None:
    layer = opened(path)
    other = Image(PIXELS[0], rgb=True)
    link = path.with_name("link.tif")
    link.symlink_to(path)
    assert layer_of_file([other, layer], link) is layer
    assert layer_of_file([other, layer], path.with_name("other.tif")) is None
    slide_of_layer(layer).close()


def test_a_slide_of_ours_is_scored_with_the_length_given(path: Path) -> None:
    layer = opened(path)
    give_lengths(layer, 0.5)
    slide = slide_of_layer(layer)
    assert (slide.mpp, slide.mpp_source) == (0.5, "given")
    np.testing.assert_array_equal(layer.scale, [0.5, 0.5])
    assert layer.metadata[METADATA_KEY]["mpp"] == 0.5
    assert layer.metadata[METADATA_KEY]["colours"] == "as stored"
    slide.close()


@pytest.mark.parametrize("units", [None, ("nm", "nm"), ("µm", "µm")])
def test_a_layer_of_another_reader_is_scored_with_the_length_given(units: Any) -> None:
    layer = Image([PIXELS[0], PIXELS[0, ::2, ::2]], rgb=True, multiscale=True, units=units)
    give_lengths(layer, 0.5)
    assert slide_of_layer(layer).mpp == pytest.approx(0.5)
    assert unit_names(layer) == ["micrometer", "micrometer"]
    assert METADATA_KEY not in layer.metadata


def test_where_the_user_put_the_layer_stays_in_its_own_pixels() -> None:
    layer = Image(PIXELS[0], rgb=True, scale=(2, -2), translate=(100, 40))
    before = layer.world_to_data((0, 0))
    give_lengths(layer, 0.5)
    np.testing.assert_array_equal(layer.scale, [0.5, -0.5])
    assert layer.world_to_data((0, 0)) == pytest.approx(before)


def test_a_length_turned_into_micrometres_leaves_the_layer_in_its_place() -> None:
    layer = Image(PIXELS[0], rgb=True, scale=(500, 500), translate=(3000, 0), units=("nm", "nm"))
    give_lengths(layer, 0.25)
    np.testing.assert_allclose(layer.translate, [3, 0])


def test_planes_of_our_own_stack_take_the_distance(make_slide: MakeSlide) -> None:
    slide = make_slide(64, 96, None, (0.0, 1.0, 2.0))
    layer = Layer.create(*slide_layers(slide)[0])
    give_lengths(layer, 0.25, 3.0)
    assert slide_of_layer(layer).z_um == (0.0, 3.0, 6.0)
    assert layer.data_to_world((2, 8, 4)) == pytest.approx((6.0, 2.0, 1.0))


def test_planes_of_another_reader_take_the_distance_and_keep_it() -> None:
    layer = Image([PIXELS], rgb=True, multiscale=True)
    give_lengths(layer, 0.25, 3.0)
    slide = slide_of_layer(layer)
    assert slide.z_um == (0.0, 3.0, 6.0, 9.0)
    assert slide.info.z_source == "given"
    give_lengths(layer, 0.5)
    assert slide_of_layer(layer).z_um == (0.0, 3.0, 6.0, 9.0)


def test_heights_that_nobody_gave_are_not_claimed() -> None:
    layer = Image([PIXELS], rgb=True, multiscale=True)
    give_lengths(layer, 0.25)
    assert unit_names(layer) == ["pixel", "micrometer", "micrometer"]
    slide = slide_of_layer(layer)
    assert (slide.mpp, slide.info.z_source) == (0.25, None)


@pytest.mark.parametrize(
    ("lengths", "error", "sentence"),
    [
        ((None, None), MissingMppError, "give it, such as 0.25"),
        ((500.0, None), SettingsError, "mpp is 500.0"),
        ((0.5, 2.0), SettingsError, "has one plane"),
    ],
)
def test_a_refused_length_changes_nothing(
    lengths: tuple[Any, Any], error: type[Exception], sentence: str
) -> None:
    layer = Image(PIXELS[0], rgb=True, name="theirs")
    with pytest.raises(error, match=sentence):
        give_lengths(layer, *lengths)
    assert in_pixels(layer)
    np.testing.assert_array_equal(layer.scale, [1, 1])


def test_drawings_in_pixels_are_not_left_behind() -> None:
    slide = Image(PIXELS[0], rgb=True, name="theirs")
    drawn = Points([[1, 1]], name="nuclei")
    with pytest.raises(SettingsError, match="“theirs” would .* leave nuclei behind"):
        check_company([slide, drawn], slide)
    check_company([slide, Image(PIXELS[1], rgb=True)], slide)
    measured = Points([[1, 1]], units=("µm", "µm"))
    check_company([slide, measured], slide)
    give_lengths(slide, 0.25)
    check_company([slide, drawn], slide)


def test_what_lies_on_the_slide_is_no_reason_to_refuse() -> None:
    slide = Image(PIXELS[0], rgb=True, name="theirs")
    on_it = Layer.create([[1, 1]], over_slide(Place(1.0), slide, {"layer": "nuclei"}), "points")
    assert in_pixels(on_it)
    check_company([slide, on_it], slide)


def test_the_same_colours_are_not_shown_anew(path: Path) -> None:
    layer = opened(path)
    data = layer.data
    show_colours(layer, srgb=False)
    assert layer.data is data
    with pytest.raises(ColourProfileError):
        show_colours(layer, srgb=True)
    slide_of_layer(layer).close()


def test_colours_are_shown_by_the_profile_and_back(tmp_path: Path) -> None:
    import tifffile
    from PIL import ImageCms

    path = tmp_path / "profiled.tif"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tifffile.imwrite(path, PIXELS[0], photometric="rgb", tile=(16, 16), iccprofile=profile)
    layer = opened(path, srgb=True)
    assert layer.metadata[METADATA_KEY]["colours"].startswith("sRGB")
    show_colours(layer, srgb=False)
    assert layer.metadata[METADATA_KEY]["colours"] == "as stored"
    np.testing.assert_array_equal(np.asarray(layer.data[0]), PIXELS[0])
    slide_of_layer(layer).close()


def test_the_file_behind_a_layer_is_that_of_another_reader(path: Path) -> None:
    layer = opened(path)
    assert file_behind(layer) is None
    assert file_behind(Image(PIXELS[0], rgb=True)) is None
    slide_of_layer(layer).close()
