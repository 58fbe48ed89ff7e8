"""Crops carry the blur they say, in balance, as a scanner writes it, and repeat with their seed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import laplace
from scipy.stats import spearmanr

from napari_focusqc.errors import TrainingError
from napari_focusqc.optics.camera import to_uint8
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.classes import oof_class_of_radius
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.progress import finish
from napari_focusqc.training import crops as crops_module
from napari_focusqc.training.blurs import Kernels, disk
from napari_focusqc.training.crops import UPPER_SHARE, Crops, in_three_sizes, make_crops
from napari_focusqc.training.fields import Field
from napari_focusqc.training.kinds import (
    BOKEH,
    FAINT,
    FOCUSED_OR_NOT,
    MIXED,
    PAPER_CAMERA,
    SCANNED,
    THICK,
    Kind,
    with_thick,
)

PLAIN = CameraRange(
    noise_scale=(0.0, 0.0),
    sharpening=(0.0, 0.0),
    stain_scale=(1.0, 1.0),
    stain_shift=(0.0, 0.0),
    exposure=(1.0, 1.0),
    gain=(1.0, 1.0),
    gamma=(1.0, 1.0),
    hue=(0.0, 0.0),
    saturation=(1.0, 1.0),
    contrast=(1.0, 1.0),
    brightness=(0.0, 0.0),
    quality=None,
)
"""A scanner that changes nothing."""
RADIUS_PX = 9.0
GLASS = np.full((200, 400, 3), 240, np.uint8)


def strongly(oof_class: int, mpp: float, rng: np.random.Generator) -> tuple[Kernels, float]:
    """Blur every class by one disk."""
    return (bokeh_kernel(RADIUS_PX),) * 3, RADIUS_PX * mpp


def field_of(pixels: NDArray[np.uint8]) -> Field:
    return Field("test", Path("test.png"), pixels)


def made(
    fields: Sequence[Field], count: int, kind: Kind, tile_px: int = 64, seed: int = 5
) -> Crops:
    return finish(make_crops(fields, count, 0.25, tile_px, seed, kind))


@pytest.fixture(scope="module")
def fields(tissue_image) -> list[Field]:
    return [field_of(tissue_image(300, 320, seed)) for seed in range(2)]


@pytest.fixture(scope="module")
def crops(fields: list[Field]) -> Crops:
    return made(fields, 90, SCANNED)


@pytest.mark.parametrize("kind", [SCANNED, BOKEH], ids=["scanned", "bokeh"])
@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_classes_are_balanced_and_agree_with_the_radii(
    kind: Kind, mpp: float, fields: list[Field]
) -> None:
    found = finish(make_crops(fields, 90, mpp, 64, 5, kind))
    np.testing.assert_array_equal(np.bincount(found.classes), np.full(30, 3))
    np.testing.assert_array_equal(oof_class_of_radius(found.radius_um), found.classes)
    assert (found.images.shape, found.images.dtype) == ((90, 64, 64, 3), np.uint8)


def test_deepfocus_has_two_classes_as_often_as_each_other(fields: list[Field]) -> None:
    found = made(fields, 31, FOCUSED_OR_NOT)
    assert sorted(np.bincount(found.classes)) == [15, 16]


def test_the_same_seed_gives_the_same_crops_on_one_thread(
    crops: Crops, fields: list[Field], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crops_module.os, "cpu_count", lambda: 1)
    alone = made(fields, 90, SCANNED)
    for name in ("images", "classes", "radius_um"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(crops, name))


def test_another_seed_gives_other_crops(crops: Crops, fields: list[Field]) -> None:
    other = made(fields, 90, SCANNED, seed=6)
    same = (other.images == crops.images).all(axis=(1, 2, 3))
    assert not same.any()


@pytest.mark.parametrize("kind", [SCANNED, BOKEH], ids=["scanned", "bokeh"])
def test_more_blur_leaves_less_detail(kind: Kind, fields: list[Field]) -> None:
    found = made(fields, 90, replace(kind, scanners=PLAIN))
    detail = np.abs(laplace(found.images.astype(float).mean(axis=3), axes=(1, 2)))
    of_class = np.array([detail[found.classes == c].mean() for c in range(30)])
    assert of_class[0] > 1.5 * of_class[1:].max()
    assert spearmanr(of_class, np.arange(30)).statistic < -0.85


# --- What the lens does -----------------------------------------------------------------------


def ways(crop: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return a crop turned and mirrored in all eight ways."""
    return [np.rot90(crop, turn)[::flip] for turn in range(4) for flip in (1, -1)]


def test_a_crop_is_a_window_of_the_blurred_field_turned_and_mirrored(tissue_image) -> None:
    """So blur reaches in from outside the crop; beyond the field, it is continued by reflection."""
    field = tissue_image(72, 68)
    whole = to_uint8(blur(field, bokeh_kernel(RADIUS_PX)))
    windows = sliding_window_view(whole, (64, 64), axis=(0, 1)).transpose(0, 1, 3, 4, 2)
    used = set()
    for crop in made([field_of(field)], 64, Kind(1, strongly, PLAIN)).images:
        apart = [np.abs(windows.astype(int) - way).max(axis=(2, 3, 4)).min() for way in ways(crop)]
        assert min(apart) <= 1  # the FFT's rounding may move a value across a half
        used.add(int(np.argmin(apart)))
    assert len(used) == 8


def test_a_field_of_one_tile_gives_that_tile(tissue_image) -> None:
    field = tissue_image(64, 64)
    found = made([field_of(field)], 8, replace(BOKEH, scanners=PLAIN, classes=1))
    assert all(any(np.array_equal(way, field) for way in ways(crop)) for crop in found.images)


# --- What the scanner does after it -----------------------------------------------------------


def steps(images: NDArray[np.uint8], axis: int) -> NDArray[np.float64]:
    """Return second differences of the green channel: what a strong blur leaves nothing of."""
    return np.diff(images[..., 1].astype(np.float64), 2, axis=axis)


@pytest.mark.parametrize("scale", [0.05, 0.2, 1.0])
def test_noise_is_not_blurred(scale: float, fields: list[Field]) -> None:
    """Poisson noise of variance S x: its second differences have six times that variance."""
    scanners = replace(PLAIN, noise_scale=(scale, scale))
    noisy = made(fields, 20, Kind(1, strongly, scanners)).images
    rounding = 1 / 12
    expected = 6 * (scale * noisy[..., 1].mean() + rounding)
    assert (steps(noisy, 2) ** 2).mean() == pytest.approx(expected, rel=0.1)


def test_without_noise_a_blurred_crop_is_smooth(fields: list[Field]) -> None:
    smooth = made(fields, 20, Kind(1, strongly, PLAIN)).images
    assert (steps(smooth, 2) ** 2).mean() < 1  # rounding alone: 6 / 12


def grid_phase(crop: NDArray[np.uint8]) -> tuple[int, float]:
    """Return where on x JPEG's blocks begin, 0 to 7, and how much sharper their edges are."""
    across = np.abs(np.diff(crop[..., 1].astype(float), axis=1)).mean(axis=0)
    by_phase = np.array([across[phase::8].mean() for phase in range(8)])
    return int(by_phase.argmax()), float(by_phase.max() / by_phase.mean())


def test_jpeg_comes_after_the_blur_and_its_grid_lies_anywhere(fields: list[Field]) -> None:
    coarse = replace(PLAIN, quality=(5, 5), subsamplings=("4:4:4",))
    found = [grid_phase(crop) for crop in made(fields, 60, Kind(1, strongly, coarse)).images]
    assert np.median([sharper for _, sharper in found]) > 3
    assert {phase for phase, _ in found} == set(range(8))
    plain = [grid_phase(crop) for crop in made(fields, 60, Kind(1, strongly, PLAIN)).images]
    assert np.median([sharper for _, sharper in plain]) < 1.5


def test_the_papers_camera_neither_sharpens_nor_stains_and_compresses_as_the_paper() -> None:
    drawn = [PAPER_CAMERA.draw(np.random.default_rng(seed)) for seed in range(100)]
    assert {camera.sharpening for camera in drawn} == {0.0}
    assert {camera.colour.stain_scale for camera in drawn} == {(1.0, 1.0, 1.0)}
    assert (min(c.quality for c in drawn), max(c.quality for c in drawn)) == (70, 90)
    assert min(camera.noise_scale for camera in drawn) > 0


# --- Where crops come from --------------------------------------------------------------------


def test_glass_alone_is_refused() -> None:
    with pytest.raises(TrainingError, match="in 1000 places of 1 images the grey levels vary"):
        made([field_of(GLASS)], 60, SCANNED)


def half_glass() -> Field:
    pixels = GLASS.copy()
    pixels[:, 200:] = np.random.default_rng(3).integers(0, 256, (200, 200, 3))
    return field_of(pixels)


@pytest.mark.parametrize("any_place", [False, True])
def test_glass_is_chosen_only_where_any_place_will_do(any_place: bool) -> None:
    kind = replace(BOKEH, classes=1, scanners=PLAIN, any_place=any_place)
    contrast = made([half_glass()], 60, kind).images.mean(axis=3).std(axis=(1, 2))
    assert (contrast == 0).any() == any_place
    assert (contrast > 8).any()


def test_thinner_tissue_lets_as_much_more_light_through(tissue_image) -> None:
    """Half the optical density: the square root of the share of light (Beer and Lambert)."""
    pixels = tissue_image(64, 64)
    kind = Kind(1, disk, PLAIN, density=(0.5, 0.5))
    (crop,) = made([field_of(pixels)], 1, kind=kind, tile_px=64).images
    expected = to_uint8(255 * np.sqrt(pixels / 255))
    assert any(np.array_equal(crop, each) for each in ways(expected))


def test_faint_crops_lead_from_all_but_glass_to_full_stain(fields: list[Field]) -> None:
    crops = made(fields, 60, kind=FAINT)
    assert sorted(np.bincount(crops.classes)) == [30, 30]
    contrast = crops.images[crops.classes == 0].mean(axis=3).std(axis=(1, 2))
    full = made(fields, 60, kind=SCANNED).images.mean(axis=3).std(axis=(1, 2))
    assert contrast.min() < 0.15 * np.median(full)
    assert contrast.max() > 0.6 * np.median(full)


def test_mixed_crops_are_of_each_kind_as_often_as_it_says(fields: list[Field]) -> None:
    one, other = Kind(30, disk, PLAIN), Kind(30, strongly, PLAIN)
    mixed = made(fields, 200, kind=replace(one, others=((0.2, other), (0.1, other))))
    of_other = np.isclose(mixed.radius_um, RADIUS_PX * 0.25)
    assert 40 <= of_other.sum() <= 80


def test_thick_sections_take_their_share_of_both_halves() -> None:
    assert with_thick(0.2).others == ((pytest.approx(0.4), BOKEH), (0.2, THICK))
    assert with_thick(0.0).others[0] == MIXED.others[0] == (0.5, BOKEH)


def test_a_thick_section_is_in_between_its_layers_and_darker(fields: list[Field]) -> None:
    plain = Kind(30, disk, PLAIN)
    thick = made(fields, 300, kind=replace(plain, thick=True, density=(1.6, 1.6)))
    thin = made(fields, 300, kind=plain)
    below = thin.classes  # the same seed draws the same first layers
    assert thick.images.mean() < thin.images.mean() - 20
    least, most = UPPER_SHARE
    assert (thick.classes >= np.round((1 - most) * below)).all()
    assert (thick.classes <= np.round(below + most * (29 - below))).all()
    assert 0.8 < np.corrcoef(thick.classes, below)[0, 1] < 0.98
    agree = np.abs(oof_class_of_radius(thick.radius_um) - thick.classes)
    assert np.median(agree) <= 3
    assert 0 < least < most


def test_fields_serve_as_often_as_their_area_asks() -> None:
    """One of 64 × 128 px beside one of 64 × 384: a quarter of the crops."""
    small, large = (
        field_of(np.random.default_rng(0).integers(low, low + 100, (64, wide, 3)).astype(np.uint8))
        for low, wide in ((0, 128), (150, 384))
    )
    found = made([small, large], 200, replace(BOKEH, classes=1, scanners=PLAIN))
    dark = (found.images.mean(axis=(1, 2, 3)) < 120).mean()
    assert dark == pytest.approx(0.25, abs=0.09)


def test_fields_enter_in_three_sizes_that_hold_a_tile() -> None:
    fields = [field_of(np.full((side, 300, 3), side, np.uint8)) for side in (100, 150)]
    sizes = [field.pixels.shape[:2] for field in in_three_sizes(fields, tile_px=80)]
    assert sizes == [(100, 300), (150, 300), (80, 240), (120, 240), (100, 200)]


def test_no_fields_are_refused() -> None:
    with pytest.raises(TrainingError, match="no image is as fine as 0.25 µm/px and 64 px wide"):
        made([], 60, SCANNED)
