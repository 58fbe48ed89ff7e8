"""Structure is a tile's own, survives blur and noise, and blocks give it to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_focusqc.errors import SettingsError
from napari_focusqc.models.cards import CARDS
from napari_focusqc.tiles.structure import (
    MAX_CELL_PX,
    StructureRule,
    cell_px,
    structure_of,
    structure_of_block,
)


@pytest.mark.parametrize(
    ("mpp", "side"), [(0.25, 8), (0.2461, 8), (0.5, 4), (0.3, 8), (1.0, 2), (4.0, 1), (0.01, 32)]
)
def test_a_cell_is_about_two_micrometres(mpp: float, side: int) -> None:
    assert cell_px(mpp) == side


def test_every_models_stride_is_whole_cells() -> None:
    of_tiles = [card for card in CARDS.values() if card.finds == "focus"]
    assert [card.name for card in of_tiles if card.stride_px % MAX_CELL_PX] == []


def test_structure_is_the_variation_of_the_cells_means() -> None:
    tiles = np.random.default_rng(0).integers(0, 256, (5, 100, 100, 3), np.uint8)
    cells = tiles[:, :96, :96].reshape(5, 12, 8, 12, 8, 3).mean(axis=(2, 4, 5))
    found = structure_of(tiles, 0.25)
    assert found.dtype == np.float32
    cells = cells.reshape(5, -1)
    assert found == pytest.approx(100 * cells.std(axis=1) / cells.mean(axis=1), rel=1e-6)


def test_flat_tiles_have_none_and_black_and_white_halves_have_most() -> None:
    flat = np.full((64, 64, 3), 255, np.uint8)
    halves = flat.copy()
    halves[:32] = 0
    assert structure_of(np.stack([flat, halves]), 0.25).tolist() == [0.0, 100.0]


def test_the_largest_tiles_of_halves_do_not_run_over() -> None:
    halves = np.full((1, 2048, 2048, 3), 255, np.uint8)
    halves[:, :1024] = 0
    assert structure_of(halves, 0.25).tolist() == [100.0]


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int], int, int, float]:
    mpp = draw(st.sampled_from([0.25, 0.5, 1.0]))
    stride = cell_px(mpp) * draw(st.integers(1, 6))
    tile = draw(st.integers(cell_px(mpp), 80))
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    size = [(count - 1) * stride + max(tile, stride) + draw(st.integers(0, 9)) for count in shape]
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "extremes", "flat"]))
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    if kind == "extremes":
        pixels = np.where(pixels > 127, np.uint8(255), np.uint8(0))
    if kind == "flat":
        pixels[...] = pixels[0, 0]
    return pixels, shape, tile, stride, mpp


@settings(max_examples=80, deadline=None)
@given(blocks())
def test_a_block_gives_each_tile_its_own_structure_to_the_last_bit(block) -> None:
    pixels, shape, tile, stride, mpp = block
    found = structure_of_block(pixels, shape, tile, stride, mpp)
    alone = [
        structure_of(pixels[None, y : y + tile, x : x + tile], mpp)[0]
        for y in np.arange(shape[0]) * stride
        for x in np.arange(shape[1]) * stride
    ]
    assert found.shape == shape
    assert found.tobytes() == np.array(alone, np.float32).tobytes()


def test_a_full_block_of_the_largest_cells_does_not_run_over() -> None:
    pixels = np.full((4224, 4224, 3), 255, np.uint8)
    pixels[-32:, -32:] = 0
    found = structure_of_block(pixels, (32, 32), 256, 128, 0.0625)
    assert found[-1, -1] == structure_of(pixels[None, -256:, -256:], 0.0625)[0] > 0
    assert not found[:-1, :-1].any()


def test_blur_and_noise_move_it_little(tissue_image) -> None:
    """The field's waves are longer than 11 px; a blur of 1 µm and strong noise hardly change it."""
    field = tissue_image(240, 240).astype(np.float64)
    rng = np.random.default_rng(1)
    soft = gaussian_filter(field, (2, 2, 0))
    noisy = np.clip(np.rint(soft + rng.normal(0, 12, soft.shape)), 0, 255)
    sharp, worse = structure_of(np.stack([field, noisy]).astype(np.uint8), 0.25)
    assert worse == pytest.approx(sharp, rel=0.1)
    glass = np.clip(np.rint(240 + rng.normal(0, 6, (1, 240, 240, 3))), 0, 255).astype(np.uint8)
    assert structure_of(glass, 0.25)[0] < 0.5 < sharp / 10


def test_the_rule_takes_what_lies_below_its_limit_and_not_what_lies_on_it() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (96, 160, 3), np.uint8)
    truth = structure_of_block(pixels, (2, 4), 64, 32, 0.25)
    limit = float(np.sort(truth.ravel())[3])
    found = StructureRule(limit, 0.25).too_little(pixels, (2, 4), 64, 32)
    assert np.array_equal(found, truth < limit)
    assert found.sum() == 3
    assert not StructureRule(0.0, 0.25).too_little(pixels, (2, 4), 64, 32).any()


def test_a_stride_off_the_cells_is_refused() -> None:
    with pytest.raises(SettingsError, match="cells of 8 px, of which a stride of 100 px is no"):
        structure_of_block(np.zeros((300, 300, 3), np.uint8), (2, 2), 200, 100, 0.25)


def test_a_darker_lamp_takes_no_structure(tissue_image) -> None:
    bright = tissue_image(240, 240)
    dark = np.rint(bright * 0.4).astype(np.uint8)
    full, dim = structure_of(np.stack([bright, dark]), 0.25)
    assert dim == pytest.approx(full, rel=0.02)
    assert structure_of(np.zeros((1, 64, 64, 3), np.uint8), 0.25).tolist() == [0.0]
