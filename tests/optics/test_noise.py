"""The noise of counting light against Poisson's law, and what real fields hold of it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from openslide import OpenSlide
from PIL import Image
from tifffile import imread

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.camera import to_uint8
from napari_focusqc.optics.compression import jpeg
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.optics.noise import noise_scale, poisson_noise, shot_noise


@pytest.mark.parametrize("scale", [0.05, 0.25, 4.0])
def test_poisson_noise_has_the_mean_and_variance_of_counted_quanta(scale: float) -> None:
    noisy = poisson_noise(np.full(200_000, 120.0), scale, np.random.default_rng(3))
    assert noisy.mean() == pytest.approx(120, abs=5 * np.sqrt(scale * 120 / noisy.size))
    assert noisy.var() == pytest.approx(scale * 120, rel=0.02)
    np.testing.assert_allclose(noisy / scale, np.rint(noisy / scale), atol=1e-3)


def test_poisson_noise_spares_black_and_can_be_none() -> None:
    rng = np.random.default_rng(4)
    np.testing.assert_array_equal(poisson_noise(np.array([0, -3.0]), 0.2, rng), [0, 0])
    np.testing.assert_array_equal(poisson_noise(np.array([9.5]), 0, rng), [9.5])


def test_shot_noise_has_poissons_mean_and_variance_and_spares_black() -> None:
    rng = np.random.default_rng(5)
    noisy = shot_noise(np.full(200_000, 120), 0.25, rng)
    assert noisy.dtype == np.float32
    assert noisy.mean() == pytest.approx(120, abs=5 * np.sqrt(0.25 * 120 / noisy.size))
    assert noisy.var() == pytest.approx(0.25 * 120, rel=0.02)
    np.testing.assert_array_equal(shot_noise(np.array([0, -3.0]), 0.25, rng), [0, 0])
    np.testing.assert_array_equal(shot_noise(np.array([9.5]), 0, rng), [9.5])


@pytest.fixture
def smooth_field(tissue_image) -> NDArray[np.float32]:
    return blur(tissue_image(512, 512), bokeh_kernel(6))


@pytest.mark.parametrize("make", [poisson_noise, shot_noise])
@pytest.mark.parametrize("scale", [0.0, 0.001, 0.005, 0.02, 0.25])
def test_noise_that_was_made_is_measured(make, scale: float, smooth_field) -> None:
    noisy = make(smooth_field, scale, np.random.default_rng(6))
    assert noise_scale(to_uint8(noisy)) == pytest.approx(scale, rel=0.1, abs=1e-4)


def test_structure_beside_flat_places_is_not_taken_for_noise(smooth_field) -> None:
    smooth_field[100:] += 40 * (np.indices((412, 512, 3)).sum(axis=0) % 7 > 3)
    noisy = to_uint8(poisson_noise(smooth_field, 0.02, np.random.default_rng(7)))
    assert noise_scale(noisy) == pytest.approx(0.02, rel=0.15)


def test_black_and_white_places_are_left_out(smooth_field) -> None:
    noisy = poisson_noise(smooth_field, 0.02, np.random.default_rng(8))
    noisy[:200], noisy[200:300] = 255, 0
    assert noise_scale(to_uint8(noisy)) == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize("shape", [(63, 100, 3), (100, 100), (100, 100, 4)])
def test_what_is_no_field_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SettingsError, match="give RGB of at least 64 × 64 px"):
        noise_scale(np.full(shape, 100, np.uint8))
    with pytest.raises(SettingsError, match="give one that shows tissue"):
        noise_scale(np.full((64, 64, 3), 255, np.uint8))


@pytest.fixture(scope="module")
def monuseg(test_data: Path) -> list[NDArray[np.uint8]]:
    paths = sorted((test_data / "histology" / "monuseg-train" / "images").iterdir())
    return [np.array(Image.open(path).convert("RGB")) for path in paths]


def test_real_fields_hold_the_noise_that_the_docstring_says(
    monuseg: list[NDArray[np.uint8]], test_data: Path
) -> None:
    scales = [noise_scale(field) for field in monuseg]
    assert len(scales) == 30
    assert 1e-4 < min(scales) < 4e-4
    assert 0.12 < max(scales) < 0.14
    assert np.median(scales) == pytest.approx(0.0065, abs=0.001)
    folder = test_data / "wsi" / "ome-tiff"
    assert noise_scale(imread(folder / "images_OS-1-detail.ome.tif")) == pytest.approx(
        0.015, abs=0.002
    )
    assert noise_scale(imread(folder / "images_OS-2-ndpi.ome.tif")) < 1e-4
    path = test_data / "wsi" / "openslide-cmu" / "CMU-1-Small-Region.svs"
    with OpenSlide(path) as slide:
        cmu = slide.read_region((0, 0), 0, slide.dimensions).convert("RGB")
    assert noise_scale(np.array(cmu)) < 1e-4


def test_jpeg_leaves_a_tenth_of_the_papers_strongest_noise_and_nothing_of_a_weak_one(
    monuseg: list[NDArray[np.uint8]],
) -> None:
    soft = [blur(field[:600, :600], bokeh_kernel(4)) for field in monuseg[::3]]
    rng = np.random.default_rng(9)
    none, weak, strong = (
        np.median([noise_scale(jpeg(to_uint8(poisson_noise(f, scale, rng)), 80)) for f in soft])
        for scale in (0, 0.02, 64 / 257)
    )
    assert none == pytest.approx(0.0011, abs=3e-4)
    assert 0 < weak - none < 0.0008
    assert strong == pytest.approx(0.02, abs=0.005)
