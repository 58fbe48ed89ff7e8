"""Tissue and glass: rules by hand cases, and the share of a tile that is tissue."""

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.errors import SettingsError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.tissue import (
    GLASS_LUMA,
    LUMA,
    TissueMask,
    remembered_tissue,
    tissue_mask,
)

PINK, PURPLE, GLASS = (220, 150, 190), (110, 60, 140), (242, 243, 242)


def painted(*blocks: tuple[slice, slice, tuple[int, int, int]]) -> ArraySlide:
    image = np.full((2000, 2000, 3), GLASS, np.uint8)
    for rows, cols, colour in blocks:
        image[rows, cols] = colour
    noise = np.random.default_rng(0).integers(-4, 5, image.shape)
    return ArraySlide([np.clip(image + noise, 0, 255).astype(np.uint8)], mpp=0.5)


@pytest.mark.parametrize("rule", ["otsu", "luma"])
def test_tissue_on_glass_is_found_to_the_mask_pixel(rule: str) -> None:
    slide = painted((slice(400, 1200), slice(600, 1600), PURPLE))
    found = tissue_mask(slide, rule, 0.5)
    assert found.px_level0 == 20
    expected = np.zeros((100, 100), bool)
    expected[20:60, 30:80] = True
    assert np.array_equal(found.mask, expected)


def test_otsu_leaves_a_field_of_nothing_but_tissue_whole() -> None:
    whole = slice(0, 2000)
    slide = painted((whole, whole, PINK), (slice(0, 900), whole, PURPLE))
    found = tissue_mask(slide, "otsu", 0.5)
    assert found.mask.all()
    assert "no glass" in found.how


def test_otsu_keeps_pale_tissue_beside_dark() -> None:
    pale = (205, 200, 212)
    slide = painted(
        (slice(400, 1600), slice(400, 1600), pale), (slice(400, 800), slice(400, 1600), PURPLE)
    )
    found = tissue_mask(slide, "otsu", 0.5)
    assert found.mask[20:80, 20:80].all()
    assert found.mask.sum() == 3600


def test_otsu_calls_an_empty_slide_glass() -> None:
    found = tissue_mask(painted(), "otsu", 0.5)
    assert not found.mask.any()
    assert "all glass" in found.how


def test_luma_excludes_black() -> None:
    image = np.zeros((2000, 2000, 3), np.uint8)
    image[1000:] = PURPLE
    found = tissue_mask(ArraySlide([image], mpp=0.5), "luma", 0.5)
    assert not found.mask[:50].any()
    assert found.mask[50:].all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 45), st.integers(1, 45), st.sampled_from([10.0, 5.0, 2.0, 0.8, 0.5]))
def test_a_mask_pixel_is_the_mean_of_its_cell(height: int, width: int, mpp: float) -> None:
    """Also of the last row and column, which hold what is left of the slide."""
    pixels = np.random.default_rng(height).integers(100, 256, (height, width, 3), np.uint8)
    found, side = tissue_mask(ArraySlide([pixels], mpp=mpp), "luma", mpp), max(int(10 / mpp), 1)
    for y, x in np.ndindex(found.mask.shape):
        cell = pixels[y * side : (y + 1) * side, x * side : (x + 1) * side]
        luma = (cell.reshape(-1, 3).mean(0, dtype=float) / 255).astype(np.float32) @ LUMA
        assert abs(luma - GLASS_LUMA) < 1e-6 or found.mask[y, x] == (luma <= GLASS_LUMA)
    assert found.mask.shape == (-(-height // side), -(-width // side))


def test_tissue_is_found_once_for_a_slide_while_it_is_open() -> None:
    slide = painted((slice(400, 1200), slice(600, 1600), PURPLE))
    first = remembered_tissue(slide, "otsu", 0.5)
    assert remembered_tissue(slide, "otsu", 0.5) is first
    assert remembered_tissue(slide, "luma", 0.5) is not first
    assert remembered_tissue(painted(), "otsu", 0.5) is not first
    np.testing.assert_array_equal(first.mask, tissue_mask(slide, "otsu", 0.5).mask)


def test_none_is_tissue_everywhere() -> None:
    grid = TileGrid.covering((2000, 2000), 1.0, 235, 128, "cover")
    assert (tissue_mask(painted(), "none", 0.5).fraction(grid) == 1).all()


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(SettingsError, match="choose otsu, luma or none"):
        tissue_mask(painted(), "magic", 0.5)


def test_the_fraction_of_a_tile_is_exact_to_parts_of_mask_pixels() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:, :3] = True
    grid = TileGrid.covering((100, 100), 1.0, 20, 15, "cover")
    share = TissueMask(mask, 10.0, "").fraction(grid)
    assert share[0].tolist() == pytest.approx([1, 15 / 20, 0, 0, 0, 0, 0])


def test_beyond_the_border_counts_neither_as_tissue_nor_as_glass() -> None:
    grid = TileGrid.covering((100, 100), 1.0, 64, 60, "cover")
    assert (TissueMask(np.ones((10, 10), bool), 10.0, "").fraction(grid) == 1).all()


def test_the_level_at_1x_is_used_and_agrees_with_level_0() -> None:
    fine = np.full((4000, 4000, 3), GLASS, np.uint8)
    fine[800:2400, 1200:3200] = PURPLE
    coarse = fine.reshape(500, 8, 500, 8, 3).mean((1, 3)).astype(np.uint8)
    pyramid = ArraySlide([da.from_array(fine), da.from_array(coarse)], mpp=0.5)
    flat = ArraySlide([fine], mpp=0.5)
    grid = TileGrid.covering((4000, 4000), 1.0, 235, 128, "cover")
    shares = [tissue_mask(slide, "otsu", 0.5).fraction(grid) for slide in (pyramid, flat)]
    assert np.abs(shares[0] - shares[1]).max() < 0.03


def test_around_a_fault_only_a_small_part_counts_as_unknown() -> None:
    slide = painted((slice(400, 1200), slice(600, 1600), PURPLE))

    class Faulty(ArraySlide):
        def read(self, region: Region, level: int = 0, z: int = 0, out=None):
            if region.y < 1710 and region.bottom > 1700 and region.x < 1710 and region.right > 1700:
                raise UnreadableRegionError("a bad tile")
            return super().read(region, level, z, out)

    faulty = Faulty([np.asarray(slide.pyramid()[0])], mpp=0.5)
    sound, found = tissue_mask(slide, "otsu", 0.5), tissue_mask(faulty, "otsu", 0.5)
    changed = np.argwhere(found.mask != sound.mask)
    assert len(changed) >= 1
    assert found.mask[85, 85]
    assert (changed * 20 >= 1700 - 140).all() and (changed * 20 <= 1700 + 140).all()


def test_a_tile_of_which_the_overview_lost_the_slides_last_pixels_has_its_last_ones() -> None:
    """A level of 2500 / 16 px has 156; tiles from 2496 px on lie beyond it."""
    mask = np.zeros((156, 156), bool)
    mask[-1] = True
    grid = TileGrid.covering((2500, 2500), 1.0, 64, 64, "cover")
    share = TissueMask(mask, 2500 / 156 - 0.03, "").fraction(grid)
    assert np.isfinite(share).all()
    assert (share[-1] == 1).all()
