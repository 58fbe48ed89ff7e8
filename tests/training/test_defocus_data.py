"""Crops carry the blur they say, in balance, and repeat with their seed."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import laplace

from napari_focusqc.errors import TrainingError
from napari_focusqc.optics.classes import oof_class_of_radius
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.training import defocus_data
from napari_focusqc.training.defocus_data import (
    blurred_crop,
    in_three_sizes,
    make_crops,
    other_stain,
)
from napari_focusqc.training.fields import Field


def _field(pixels: np.ndarray) -> Field:
    return Field("test", Path("test.png"), pixels)


def _finish(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def crops(tissue_image) -> defocus_data.Crops:
    return _finish(make_crops([_field(tissue_image(300, 320))], 90, 0.25, 64, seed=5))


def test_classes_are_balanced_and_agree_with_the_radii(crops: defocus_data.Crops) -> None:
    np.testing.assert_array_equal(np.bincount(crops.classes), np.full(30, 3))
    np.testing.assert_array_equal(oof_class_of_radius(crops.radius_um), crops.classes)
    assert crops.images.shape == (90, 64, 64, 3)
    assert crops.images.dtype == np.uint8


def test_a_class_keeps_its_micrometres_at_another_resolution(tissue_image) -> None:
    coarse = _finish(make_crops([_field(tissue_image(300, 320))], 60, 0.5, 64, seed=5))
    np.testing.assert_array_equal(oof_class_of_radius(coarse.radius_um), coarse.classes)


def test_the_same_seed_gives_the_same_crops(crops: defocus_data.Crops, tissue_image) -> None:
    field = _field(tissue_image(300, 320))
    again = _finish(make_crops([field], 90, 0.25, 64, seed=5))
    np.testing.assert_array_equal(again.images, crops.images)
    other = _finish(make_crops([field], 90, 0.25, 64, seed=6))
    assert (other.images != crops.images).any()


def test_more_blur_leaves_less_detail(crops: defocus_data.Crops) -> None:
    detail = np.abs(laplace(crops.images.astype(float).mean(axis=3), axes=(1, 2)))
    per_class = np.array([detail[crops.classes == c].mean() for c in range(30)])
    assert per_class[:5].mean() > 2 * per_class[15:].mean()


@pytest.mark.parametrize("at", [(0, 0), (80, 70), (136, 116)])
def test_blur_reaches_in_from_outside_the_crop(
    at: tuple[int, int], tissue_image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defocus_data, "NOISE_SCALE", (1e-9, 1e-9))
    monkeypatch.setattr(defocus_data, "JPEG_QUALITY", (95, 95))
    monkeypatch.setattr(defocus_data, "other_stain", lambda image, rng: image.astype(np.float32))
    field = tissue_image(200, 180)
    whole = blur(field, bokeh_kernel(9.0))[at[0] : at[0] + 64, at[1] : at[1] + 64]
    crop = blurred_crop(field, at, 64, 9.0, np.random.default_rng(0)).astype(float)
    ways = [np.rot90(crop, k)[::flip] for k in range(4) for flip in (1, -1)]
    # 2.5 grey levels are what JPEG at quality 95 with halved colour leaves
    assert min(np.abs(way - whole).mean() for way in ways) < 2.5


def test_another_stain_leaves_greys_grey_and_moves_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(defocus_data, "CONTRAST", (1.0, 1.0))
    monkeypatch.setattr(defocus_data, "BRIGHTNESS", 0.0)
    rng = np.random.default_rng(1)
    grey = np.repeat(rng.integers(0, 256, (20, 20, 1)), 3, axis=2).astype(np.uint8)
    np.testing.assert_allclose(other_stain(grey, rng), grey, atol=1e-3)
    purple = np.full((4, 4, 3), (150, 90, 160), np.uint8)
    moved = other_stain(purple, rng)
    assert np.abs(moved - purple).max() > 10
    np.testing.assert_allclose(moved.mean(), purple.mean(), atol=1e-3)


def test_contrast_is_changed_about_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defocus_data, "CONTRAST", (0.5, 0.5))
    monkeypatch.setattr(defocus_data, "BRIGHTNESS", 0.0)
    grey = np.repeat([[[100], [140]]], 3, axis=2).astype(np.uint8)
    changed = other_stain(grey, np.random.default_rng(2))
    np.testing.assert_allclose(changed, np.repeat([[[110], [130]]], 3, axis=2), atol=1e-3)


def test_glass_is_never_chosen_and_glass_alone_is_refused() -> None:
    glass = np.full((200, 400, 3), 240, np.uint8)
    with pytest.raises(TrainingError, match="tissue"):
        next(make_crops([_field(glass)], 60, 0.25, 64, seed=0))
    half = glass.copy()
    half[:, 200:] = np.random.default_rng(3).integers(0, 256, (200, 200, 3))
    crops = _finish(make_crops([_field(half)], 60, 0.25, 64, seed=0))
    sharp = crops.images[crops.classes == 0].astype(float)
    assert (sharp.mean(axis=3).std(axis=(1, 2)) > 4).all()


def test_fields_enter_in_three_sizes_that_hold_a_tile() -> None:
    fields = [_field(np.full((side, 300, 3), side, np.uint8)) for side in (100, 150)]
    sizes = [field.pixels.shape[:2] for field in in_three_sizes(fields, tile_px=80)]
    assert sizes == [(100, 300), (150, 300), (80, 240), (120, 240), (100, 200)]


def test_no_fields_are_refused() -> None:
    with pytest.raises(TrainingError, match="finer or larger"):
        next(make_crops([], 60, 0.25, 64, seed=0))
