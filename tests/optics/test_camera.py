"""Noise, sharpening, colour and JPEG, in this order, after the blur."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.camera import Camera, degrade, expose, to_uint8
from napari_focusqc.optics.colour import Colour
from napari_focusqc.optics.compression import SUBSAMPLINGS, jpeg
from napari_focusqc.optics.kernels import bokeh_kernel
from napari_focusqc.optics.noise import noise_scale, shot_noise
from napari_focusqc.optics.sharpening import unsharp_mask


def _fine_energy(image: np.ndarray) -> float:
    return float(np.abs(ndimage.laplace(image.astype(float).mean(axis=2))).mean())


def test_jpeg_takes_fine_detail_and_does_it_the_same_way_twice() -> None:
    image = np.random.default_rng(5).integers(100, 156, (64, 80, 3)).astype(np.uint8)
    once, again = jpeg(image, 70), jpeg(image, 70)
    np.testing.assert_array_equal(once, again)
    assert once.shape == image.shape
    assert _fine_energy(jpeg(image, 20)) < _fine_energy(once) < _fine_energy(image)
    assert abs(once.mean() - image.mean()) < 1


def test_degrade_blurs_first_so_that_noise_stays_sharp() -> None:
    image = np.full((96, 96, 3), 150, np.uint8)
    rough = degrade(image, bokeh_kernel(10), 0.25, 90, np.random.default_rng(6))
    smooth = degrade(image, bokeh_kernel(10), 0, 90, np.random.default_rng(6))
    assert smooth.std() < 0.5
    assert rough.astype(float).mean(axis=2).std() > 2


def test_degrade_repeats_with_its_seed() -> None:
    image = np.random.default_rng(7).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    kernel = bokeh_kernel(2)
    first, second = (degrade(image, kernel, 0.1, 80, np.random.default_rng(8)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_subsampling_keeps_brightness_and_takes_colour_detail() -> None:
    red_and_green = np.zeros((64, 64, 3), np.uint8)
    red_and_green[:, ::2, 0], red_and_green[:, 1::2, 1] = 200, 102  # both of luma 60
    lost = [
        abs(jpeg(red_and_green, 95, kind).astype(float) - red_and_green).mean()
        for kind in SUBSAMPLINGS
    ]
    assert lost[2] < 5 < 30 < lost[1] <= lost[0] + 1
    turned = red_and_green.swapaxes(0, 1)
    lost = [abs(jpeg(turned, 95, kind).astype(float) - turned).mean() for kind in SUBSAMPLINGS]
    assert lost[1] < 5 < 30 < lost[0]  # 4:2:2 stores colour at full height
    np.testing.assert_array_equal(jpeg(turned, 80), jpeg(turned, 80, "4:2:0"))


def test_a_camera_as_it_stands_only_compresses(tissue_image) -> None:
    image = tissue_image(80, 90)
    seen = expose(image, Camera(quality=95, subsampling="4:4:4"), np.random.default_rng(0))
    assert abs(seen.astype(int) - jpeg(image, 95, "4:4:4")).max() <= 1


def test_noise_comes_before_sharpening_which_lifts_it(tissue_image) -> None:
    flat = np.full((256, 256, 3), 150, np.uint8)
    camera = Camera(noise_scale=0.01, quality=95, subsampling="4:4:4")
    soft, sharp = (
        noise_scale(expose(flat, replace(camera, sharpening=amount), np.random.default_rng(1)))
        for amount in (0.0, 1.5)
    )
    assert sharp > 3 * soft


def test_colour_comes_after_sharpening(tissue_image) -> None:
    image, rng = tissue_image(64, 64), np.random.default_rng(2)
    halved = Camera(0.01, 1.0, 1.0, Colour(contrast=0.5), 95, "4:4:4")
    noisy = shot_noise(image, 0.01, np.random.default_rng(2))
    sharp = np.clip(unsharp_mask(np.clip(noisy, 0, 255), 1.0, 1.0), 0, 255)
    middle = sharp.mean(axis=(0, 1))
    expected = jpeg(to_uint8(middle + (sharp - middle) / 2), 95, "4:4:4")
    assert abs(expose(image, halved, rng).astype(int) - expected).max() <= 2


def test_exposing_repeats_with_its_seed_and_leaves_its_input(tissue_image) -> None:
    image = tissue_image(40, 50)
    before = image.copy()
    camera = Camera(0.05, 0.8, 1.2, Colour(hue=0.4), 70, "4:2:2")
    first, second = (expose(image, camera, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(image, before)
    assert (expose(image, camera, np.random.default_rng(4)) != first).any()


@pytest.mark.parametrize(
    "camera",
    [
        Camera(noise_scale=-1),
        Camera(sharpening=float("nan")),
        Camera(sharpening=1, sharpening_px=-1),
        Camera(quality=96),
        Camera(subsampling="4:1:1"),
        Camera(colour=Colour(gain=(1, 0, 1))),
        Camera(colour=Colour(gamma=(1, 1, float("inf")))),
        Camera(colour=Colour(stain_scale=(-1, 1, 1))),
        Camera(colour=Colour(stain_shift=(0, float("nan"), 0))),
    ],
)
def test_a_camera_that_cannot_be_is_refused(camera: Camera) -> None:
    with pytest.raises(SettingsError):
        expose(np.full((16, 16, 3), 99, np.uint8), camera, np.random.default_rng(0))
