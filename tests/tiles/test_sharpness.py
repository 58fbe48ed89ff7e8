"""Figures of merit have the values of their formulas, and fall where a lens blurs."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import correlate

from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import blur_channels, relative_kernels
from napari_focusqc.tiles.sharpness import FIGURES, figures_of


def grey_tile(rows: object) -> NDArray[np.uint8]:
    """Return a grey picture as one tile, uint8 (1, H, W, 3)."""
    return np.repeat(np.asarray(rows, np.uint8)[None, ..., None], 3, axis=3)


def named(tile: NDArray[np.uint8]) -> dict[str, float]:
    return dict(zip(FIGURES, figures_of(tile)[:, 0].tolist(), strict=True))


def test_a_ramp_has_the_values_of_hand() -> None:
    # g = 10 x: Sx = 80, Sy = 0, L = 0, Bx = 20, By = 0, two apart 20; mean 20, variance 200
    found = named(grey_tile([[0, 10, 20, 30, 40]] * 5))
    assert found == pytest.approx(
        {
            "sobel": 80,
            "laplacian": 0,
            "boddeke": 20,
            "tenengrad": 6400,
            "variance": 10,
            "brenner": 400,
        }
    )


def test_a_slope_down_is_no_slope_along_the_rows() -> None:
    found = named(grey_tile(np.transpose([[0, 10, 20, 30, 40]] * 5)))
    assert (found["sobel"], found["brenner"]) == (80, 0)
    assert found["boddeke"] == pytest.approx(20)


def test_a_dot_has_the_laplacian_of_hand() -> None:
    dot = np.zeros((5, 5), int)
    dot[2, 2] = 9
    # inside: −36 once, 9 four times, 0 four times; mean 0, mean square (1296 + 324) / 9
    assert named(grey_tile(dot))["laplacian"] == pytest.approx(180)


def test_an_even_tile_has_none_and_black_does_not_divide_by_zero() -> None:
    for level in (0, 128, 255):
        assert figures_of(grey_tile(np.full((6, 7), level))).tolist() == [[0.0]] * 6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.integers(3, 12))
def test_figures_are_those_of_plain_correlations(seed: int, height: int, width: int) -> None:
    tile = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), np.uint8)
    grey = tile[0].mean(axis=2)
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    cross = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    line = np.array([[-1, 0, 1]])

    def inside(kernel: NDArray[np.int_]) -> NDArray[np.float64]:
        return correlate(grey, kernel.astype(float))[1:-1, 1:-1]

    gradient = inside(sobel) ** 2 + inside(sobel.T) ** 2
    assert named(tile) == pytest.approx(
        {
            "sobel": np.sqrt(gradient).mean(),
            "laplacian": inside(cross).var(),
            "boddeke": np.sqrt((inside(line) ** 2 + inside(line.T) ** 2).mean()),
            "tenengrad": gradient.mean(),
            "variance": grey.var() / grey.mean(),
            "brenner": ((grey[:, 2:] - grey[:, :-2]) ** 2).mean(),
        },
        rel=1e-5,
        abs=1e-6,
    )


def test_all_fall_with_the_distance_from_focus(tissue_image: Callable[..., object]) -> None:
    sharp = tissue_image(160, 160)
    planes = [
        blur_channels(sharp, relative_kernels(Objective(0.75), z, 0.25)) for z in (0.0, 1.0, 2.0)
    ]
    tiles = np.clip(np.rint(np.stack(planes)), 0, 255).astype(np.uint8)
    assert (np.diff(figures_of(tiles), axis=1) < 0).all()


def test_figures_depend_on_the_tiles_own_pixels_to_the_last_bit() -> None:
    tiles = np.random.default_rng(1).integers(0, 256, (7, 40, 40, 3), np.uint8)
    alone = np.concatenate([figures_of(tiles[n : n + 1]) for n in range(7)], axis=1)
    assert np.array_equal(figures_of(tiles), alone)
    assert figures_of(tiles[:0]).shape == (6, 0)


def test_white_and_black_do_not_run_over() -> None:
    stripes = np.zeros((8, 8), int)
    stripes[:, 4:] = 255
    found = named(grey_tile(stripes))
    assert found["tenengrad"] == pytest.approx((4 * 255) ** 2 * 2 / 6)
    assert found["brenner"] == pytest.approx(255**2 * 2 / 6)
