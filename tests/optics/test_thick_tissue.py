"""Sections taken apart and put together again; thin ones against the wave module."""

import numpy as np
import pytest

from napari_focusqc.errors import SettingsError
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.thick_tissue import (
    STRUCTURE_UM,
    focus_height_um,
    relief,
    section,
    stack,
)
from napari_focusqc.optics.transfer import AberratedLens
from napari_focusqc.optics.wave import blur_channels, relative_kernels

LENS = AberratedLens(Objective(0.75))
MPP = 0.25


def test_heights_fill_the_section_evenly_and_change_slowly() -> None:
    found = relief((400, 300), 4.0, MPP, np.random.default_rng(0))
    assert 0 <= found.min() < 0.2 and 3.8 < found.max() <= 4
    share = np.histogram(found, 4, (0, 4))[0] / found.size
    np.testing.assert_allclose(share, 0.25, atol=0.08)
    assert abs(np.diff(found)).max() * STRUCTURE_UM / 2 / MPP < 2  # half of it takes a while
    assert (relief((20, 20), 0.0, MPP, np.random.default_rng(0)) == 0).all()


@pytest.mark.parametrize("thickness", [-1.0, 51.0, np.nan])
def test_a_thickness_that_no_section_has_is_refused(thickness: float) -> None:
    with pytest.raises(SettingsError, match="thick"):
        relief((20, 20), thickness, MPP, np.random.default_rng(0))


def test_the_layers_together_are_the_field(tissue_image) -> None:
    field = np.maximum(tissue_image(120, 90), 1)
    height = relief((120, 90), 3.2, MPP, np.random.default_rng(1))
    found = section(field, height)
    np.testing.assert_allclose(found.light.prod(axis=0) * 255, field, rtol=1e-4)
    np.testing.assert_allclose(np.diff(found.heights_um), found.heights_um[1], rtol=1e-6)
    # the mean height of a pixel's density is its own
    density = -np.log(found.light[..., 0])
    place = (density * found.heights_um[:, None, None]).sum(0) / np.maximum(density.sum(0), 1e-9)
    np.testing.assert_allclose(place, height, atol=1e-3)


def test_a_thin_section_is_what_the_wave_module_blurs(tissue_image) -> None:
    field = tissue_image(240, 256)
    thin = section(field, np.zeros(field.shape[:2], np.float32))
    assert len(thin.heights_um) == 1
    sharp, blurred = stack(thin, LENS, [0.0, 3.0], MPP)
    assert abs(sharp - np.maximum(field, 1)).max() < 0.5
    expected = blur_channels(field, relative_kernels(LENS.objective, 3.0, MPP))
    inside = np.s_[60:-60, 60:-60]  # the wave module reflects at borders
    assert abs(blurred - expected)[inside].max() < 1.5
    assert abs(blurred - expected)[inside].mean() < 0.15


@pytest.mark.parametrize("lower_left", [True, False])
def test_each_half_is_sharp_at_its_own_height(tissue_image, lower_left: bool) -> None:
    field = tissue_image(160, 320)
    height = np.zeros(field.shape[:2], np.float32)
    height[:, slice(160, None) if lower_left else slice(160)] = 4
    z_um = np.arange(-2.0, 6.5)
    planes = stack(section(field, height), LENS, z_um.tolist(), MPP)
    steps = np.abs(np.diff(planes.mean(axis=3), axis=2))
    left, right = (z_um[steps[:, :, part].mean((1, 2)).argmax()] for part in np.s_[40:120, 200:280])
    assert (left, right) == ((0, 4) if lower_left else (4, 0))
    for part, best in ((np.s_[:, 40:120], left), (np.s_[:, 200:280], right)):
        assert focus_height_um(field[part], height[part]) == best


def test_focus_lies_where_the_edges_are() -> None:
    field = np.full((40, 40, 3), 200, np.uint8)
    assert focus_height_um(field, np.linspace(0, 3, 1600, dtype=np.float32).reshape(40, 40)) == (
        pytest.approx(1.5, abs=1e-4)
    )
    field[10:20, 10:20] = 90
    height = np.full((40, 40), 5, np.float32)
    height[5:25, 5:25] = 2
    assert focus_height_um(field, height) == 2


def test_clear_glass_stays_clear() -> None:
    glass = np.full((64, 64, 3), 255, np.uint8)
    height = relief((64, 64), 3.0, MPP, np.random.default_rng(0))
    np.testing.assert_allclose(stack(section(glass, height), LENS, [-3.0], MPP), 255, atol=0.01)
