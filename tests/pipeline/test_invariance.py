"""A tile's score is its own: not of its batch, thread, block, place, neighbours, reader or device.

Every model whose weights ship. Two scores are the same where they differ by at most `TOLERANCE` of
the range of scores on `FIELD`, which holds sharp and strongly blurred tissue: sums in another order
differ by about 1e-7. Reasons are equal without tolerance.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage import data

from napari_focusqc.geometry import Region
from napari_focusqc.models.registry import find_weights, shipped_models
from napari_focusqc.models.weights import load_network
from napari_focusqc.pipeline import score_slide
from napari_focusqc.progress import finish
from napari_focusqc.results.focus_map import FocusMap, Reason
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.tiles import reading

TOLERANCE, GPU_TOLERANCE = 1e-5, 5e-3
MODELS = [card.name for card in shipped_models()]
FEW = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _field() -> NDArray[np.uint8]:
    """Make sharp tissue, the same out of focus below it, flat stroma and glass beside them."""
    tissue = data.immunohistochemistry()
    soft = np.rint(gaussian_filter(tissue.astype(float), (5, 5, 0))).astype(np.uint8)
    field = np.full((800, 1000, 3), 243, np.uint8)
    field[:400, :512], field[400:, :512] = tissue[:400], soft[:400]
    field[:, 512:760] = (230, 180, 210)
    return field


FIELD = _field()


def scored(image: Any = FIELD, **changes: Any) -> FocusMap:
    values = {"device": "cpu", "tissue": "none", "min_structure": 2.0, "threads": 1} | changes
    slide = image if not isinstance(image, np.ndarray) else ArraySlide([image], mpp=0.25)
    return finish(score_slide(slide, ScoreSettings(**values)))


@cache
def whole(model: str) -> FocusMap:
    return scored(model=model)


def assert_same(
    found: FocusMap, expected: FocusMap, where: Any = np.s_[:, :], tolerance: float = TOLERANCE
) -> None:
    """Compare a map with a part of another one."""
    scores, every = expected.scores[where], expected.scores
    assert np.array_equal(found.reasons, expected.reasons[where])
    apart = tolerance * (np.nanmax(every) - np.nanmin(every))
    assert np.allclose(found.scores, scores, rtol=0, atol=apart, equal_nan=True)


@pytest.mark.parametrize("model", MODELS)
def test_the_field_holds_every_kind_of_tile(model: str) -> None:
    expected = scored(model=model, tissue="otsu")
    kinds = {Reason.SCORED, Reason.ABSTAINED, Reason.GLASS}
    assert set(np.unique(expected.reasons)) == kinds
    assert np.nanmax(expected.scores) - np.nanmin(expected.scores) > 0.1


@pytest.mark.parametrize("model", MODELS)
@given(st.integers(1, 40), st.integers(1, 4), st.sampled_from([128, 300, 700, 4096]))
@FEW
def test_batch_threads_and_blocks_change_nothing(
    model: str, batch: int, threads: int, block_px: int
) -> None:
    with patch.object(reading, "BLOCK_PX", block_px):
        found = scored(model=model, batch=batch, threads=threads)
    assert_same(found, whole(model))


@pytest.mark.parametrize("model", MODELS)
@given(st.integers(0, 799), st.integers(0, 999), st.integers(1, 500), st.integers(1, 500))
@FEW
def test_a_region_has_the_tiles_of_the_whole_slide(
    model: str, y: int, x: int, height: int, width: int
) -> None:
    found = scored(model=model, region=Region(y, x, height, width))
    top, left = found.grid.row0, found.grid.col0
    rows, cols = slice(top, top + found.grid.rows), slice(left, left + found.grid.cols)
    assert_same(found, whole(model), (rows, cols))


@pytest.mark.parametrize("model", MODELS)
@given(st.integers(0, 2), st.integers(0, 3))
@FEW
def test_an_image_cut_by_whole_strides_keeps_its_tiles(model: str, down: int, right: int) -> None:
    expected = whole(model)
    stride = expected.grid.stride_px
    cut = np.ascontiguousarray(FIELD[down * stride :, right * stride :])
    assert_same(scored(cut, model=model), expected, np.s_[down:, right:])


@pytest.mark.parametrize("model", MODELS)
@given(tile=st.sampled_from([64, 256]), codec=st.sampled_from(["deflate", "lzw", "zstd", None]))
@FEW
def test_two_readers_of_the_same_pixels_give_the_same_map(
    model: str, tile: int, codec: str | None, tmp_path: Path, write_tiff: Callable[..., Path]
) -> None:
    path = write_tiff(tmp_path / "field.tif", FIELD, tile=tile, compression=codec)
    slide = open_slide(path)
    try:
        assert slide.mpp == pytest.approx(0.25)
        found = scored(slide, model=model)
    finally:
        slide.close()
    assert_same(found, whole(model))


@pytest.mark.parametrize("model", MODELS)
@given(st.randoms(use_true_random=False))
@FEW
def test_the_order_of_tiles_changes_no_score(model: str, random: Any) -> None:
    expected = whole(model)
    grid = expected.grid
    places = np.argwhere((expected.reasons == Reason.SCORED) & ~expected.partial).tolist()
    random.shuffle(places)
    starts = [(row * grid.stride_px, col * grid.stride_px) for row, col in places]
    tiles = np.stack([FIELD[y : y + grid.tile_px, x : x + grid.tile_px] for y, x in starts])
    network = load_network(find_weights(model, 0.25))
    with torch.inference_mode():
        found = network(torch.from_numpy(tiles).permute(0, 3, 1, 2).float() / 255).numpy()
    row, col = np.array(places).T
    apart = TOLERANCE * (np.nanmax(expected.scores) - np.nanmin(expected.scores))
    assert np.allclose(found, expected.scores[row, col], rtol=0, atol=apart)


@pytest.mark.parametrize("model", MODELS)
def test_half_precision_moves_scores_no_further_than_a_gpu_may(model: str) -> None:
    """What `TorchTiles` does on CUDA, done by the CPU."""
    expected = whole(model)
    grid, places = (
        expected.grid,
        np.argwhere((expected.reasons == Reason.SCORED) & ~expected.partial),
    )
    tiles = np.stack(
        [
            FIELD[y : y + grid.tile_px, x : x + grid.tile_px]
            for y, x in (places * grid.stride_px).tolist()
        ]
    )
    network = load_network(find_weights(model, 0.25))
    network.absorb_input_scale(1 / 255)
    with torch.inference_mode(), torch.autocast("cpu", torch.float16):
        found = network(torch.from_numpy(tiles).permute(0, 3, 1, 2).float()).float().numpy()
    apart = GPU_TOLERANCE * (np.nanmax(expected.scores) - np.nanmin(expected.scores))
    assert np.allclose(found, expected.scores[tuple(places.T)], rtol=0, atol=apart)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; there is none")
@pytest.mark.parametrize("model", MODELS)
def test_a_gpu_gives_the_scores_of_the_cpu(model: str) -> None:
    assert_same(scored(model=model, device="cuda"), whole(model), tolerance=GPU_TOLERANCE)
