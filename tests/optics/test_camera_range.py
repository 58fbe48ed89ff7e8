"""Scanners drawn at random."""

from dataclasses import fields

import numpy as np

from napari_focusqc.optics.camera import expose
from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.optics.noise import noise_scale


def test_the_same_seed_draws_the_same_scanner_and_another_another() -> None:
    one, same, other = (CameraRange().draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_every_value_lies_in_its_range_and_reaches_towards_both_ends() -> None:
    ranges, rng = CameraRange(), np.random.default_rng(3)
    cameras = [ranges.draw(rng) for _ in range(400)]
    for field in fields(CameraRange):
        low, high = getattr(ranges, field.name)[0], getattr(ranges, field.name)[-1]
        drawn = [getattr(camera, field.name, None) for camera in cameras]
        if field.name == "subsamplings":
            assert {camera.subsampling for camera in cameras} == set(ranges.subsamplings)
            continue
        if drawn[0] is None:
            drawn = np.ravel([getattr(camera.colour, field.name) for camera in cameras])
        least = 0.0 if field.name == "sharpening" else low
        assert least <= min(drawn) <= max(drawn) <= high
        assert max(drawn) - min(drawn) > 0.9 * (high - least)
    unsharpened = sum(camera.sharpening == 0 for camera in cameras)
    assert 70 < unsharpened < 130  # a quarter
    darker = sum(camera.colour.exposure < np.sqrt(0.65 * 1.4) for camera in cameras)
    assert 160 < darker < 240
    middle = np.sqrt(ranges.noise_scale[0] * ranges.noise_scale[1])
    assert 160 < sum(camera.noise_scale < middle for camera in cameras) < 240


def test_drawn_scanners_leave_about_the_noise_of_real_ones(tissue_image) -> None:
    # MoNuSeg: quartiles 0.0016, 0.0065, 0.013, nine in ten below 0.033 (tests/optics/test_noise.py)
    soft, rng = blur(tissue_image(256, 256), bokeh_kernel(6)), np.random.default_rng(4)
    left = [noise_scale(expose(soft, CameraRange().draw(rng), rng)) for _ in range(80)]
    quartiles = np.quantile(left, [0.25, 0.5, 0.75, 0.9])
    assert 0.0002 < quartiles[0] < 0.004
    assert 0.001 < quartiles[1] < 0.013
    assert 0.003 < quartiles[2] < 0.04
    assert quartiles[3] < 0.2
