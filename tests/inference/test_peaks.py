"""Peaks: the rule written out pixel by pixel, tops known beforehand, and maps cut anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_focusqc.errors import InferenceError, SettingsError
from napari_focusqc.inference.peaks import (
    DISTANCE_PX,
    distance_at,
    find_peaks,
    halo_px,
    least_value,
)

Map = np.ndarray
SIDES = st.integers(1, 24)
# few values, so that there are ties and plateaus
STEPPED = st.tuples(SIDES, SIDES).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.integers(-2, 5).map(float))
)
ROUGH = st.tuples(SIDES, SIDES, st.integers(0, 2**32 - 1)).map(
    lambda drawn: np.random.default_rng(drawn[2]).normal(0, 1, drawn[:2]).astype(np.float32)
)
MAPS = STEPPED | ROUGH
DISTANCES = st.sampled_from([2.0, 2.5, 3.0, 5.0, 6.7])


def pixels(proximity: Map, least: float = -np.inf, distance_px: float = 3.0) -> list[list[int]]:
    """Return the peaks' pixels."""
    return (
        np.rint(find_peaks(proximity, least=least, distance_px=distance_px)[0]).astype(int).tolist()
    )


def pixels_by_the_rule(proximity: Map, least: float, distance_px: float) -> list[list[int]]:
    """Go through every pair of pixels."""
    found = []
    for y, x in np.ndindex(proximity.shape):
        here = proximity[y, x]
        near = [
            ((v, u), proximity[v, u])
            for v, u in np.ndindex(proximity.shape)
            if 0 < (v - y) ** 2 + (u - x) ** 2 < distance_px**2
        ]
        higher = any(other > here or (other == here and at < (y, x)) for at, other in near)
        if here >= least and not higher and any(other < here for _, other in near):
            found.append([y, x])
    return found


def proximity_of(centres: np.ndarray, shape: tuple[int, int]) -> Map:
    """Return the paper's target, equation 1 with α = 3 and d = 15 px."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.min([np.hypot(y - cy, x - cx) for cy, cx in centres], axis=0)
    near = (np.exp(3 * (1 - away / 15)) - 1) / (np.exp(3) - 1)
    return np.where(away <= 15, near, 0).astype(np.float32)


@given(MAPS, st.sampled_from([-np.inf, 0.0, 1.0]), DISTANCES)
@settings(max_examples=40, deadline=None)
def test_peaks_are_those_of_the_rule(proximity: Map, least: float, distance_px: float) -> None:
    assert pixels(proximity, least, distance_px) == pixels_by_the_rule(
        proximity, least, distance_px
    )


@given(MAPS, DISTANCES, st.data())
@settings(max_examples=80, deadline=None)
def test_tiles_with_a_halo_have_the_peaks_of_the_whole_map(
    proximity: Map, distance_px: float, data: st.DataObject
) -> None:
    """Cut anywhere, the halo clipped at the map's border; equal to the bit."""
    cuts = [
        sorted({0, side, *data.draw(st.lists(st.integers(0, side), max_size=3))})
        for side in proximity.shape
    ]
    halo, found = halo_px(distance_px), []
    for top, bottom in zip(cuts[0][:-1], cuts[0][1:], strict=True):
        for left, right in zip(cuts[1][:-1], cuts[1][1:], strict=True):
            y, x = max(top - halo, 0), max(left - halo, 0)
            tile = proximity[y : bottom + halo, x : right + halo]
            centres, values = find_peaks(tile, least=0.5, distance_px=distance_px)
            centres = centres + np.float32([y, x])
            at = np.rint(centres)
            inside = ((at >= (top, left)) & (at < (bottom, right))).all(axis=1)
            found += zip(map(tuple, centres[inside]), values[inside], strict=True)
    centres, values = find_peaks(proximity, least=0.5, distance_px=distance_px)
    assert centres.dtype == values.dtype == np.float32
    assert sorted(found) == sorted(zip(map(tuple, centres), values, strict=True))


@pytest.mark.parametrize(("mpp", "px"), [(0.25, DISTANCE_PX), (0.5, 4), (2, 2), (0.05, 40)])
def test_peaks_are_as_far_apart_at_every_resolution(mpp: float, px: float) -> None:
    assert distance_at(mpp) == px


@pytest.mark.parametrize(("distance_px", "halo"), [(2, 1), (2.5, 2), (8, 7), (8.1, 8)])
def test_the_halo_is_the_disks_reach(distance_px: float, halo: int) -> None:
    """What decides on a peak lies that far away, so one pixel less is too little."""
    assert halo_px(distance_px) == halo
    proximity = np.zeros((3, halo + 3), np.float32)
    proximity[1, 1], proximity[1, 1 + halo] = 1, 2
    assert pixels(proximity, 0.5, distance_px) == [[1, 1 + halo]]
    assert pixels(proximity[:, : 1 + halo], 0.5, distance_px) == [[1, 1]]


@pytest.mark.parametrize("far", [0, 4000, 2**18])
def test_a_tiles_origin_is_added_without_rounding(far: int) -> None:
    """So far away, float32 still tells 1/32 px apart."""
    centres, _ = find_peaks(np.float32([[0, 0, 0], [1, 3, 2], [0, 1, 0]]), least=1)
    moved = centres + np.float32(far)
    assert moved.dtype == np.float32
    assert np.array_equal(moved.astype(float), centres.astype(float) + far)


@pytest.mark.parametrize("top", [(0.0, 0.0), (0.25, -0.4), (-0.45, 0.125), (0.3, 0.3)])
@pytest.mark.parametrize("twist", [0.0, 0.6])
def test_the_top_of_a_quadratic_is_found(top: tuple[float, float], twist: float) -> None:
    """Exactly but for its rounding to 1/32 px, tilted axes included."""
    y, x = np.mgrid[:7, :7] - 3.0
    y, x = y - top[0], x - top[1]
    quadratic = (5 - y**2 - 2 * x**2 + twist * x * y).astype(np.float32)
    centres, values = find_peaks(quadratic, least=1, distance_px=8)
    assert centres[0] == pytest.approx(np.array(top) + 3, abs=0.5 / 32 + 1e-6)
    assert np.array_equal(centres * 32, np.rint(centres * 32))
    assert values.tolist() == [quadratic[3, 3]]


def test_centres_of_the_papers_map_are_found_to_a_quarter_pixel() -> None:
    truth = np.array([[20.3, 30.8], [41.0, 33.5], [47.75, 60.25], [70.4, 20.1]])
    centres, _ = find_peaks(proximity_of(truth, (90, 80)), least=0.5)
    assert len(centres) == 4
    assert centres == pytest.approx(truth, abs=0.25)


@given(MAPS)
@settings(max_examples=40, deadline=None)
def test_a_refined_peak_stays_in_its_pixel_and_its_map(proximity: Map) -> None:
    centres, values = find_peaks(proximity, least=-np.inf, distance_px=2)
    at = np.rint(centres).astype(int)
    assert np.abs(centres - at).max(initial=0) < 0.5
    assert np.array_equal(values, proximity[tuple(at.T)])
    assert (centres >= 0).all() and (centres <= np.array(proximity.shape) - 1).all()


@given(MAPS, st.floats(-2, 5, width=32))
@settings(max_examples=40, deadline=None)
def test_the_least_value_only_chooses_among_the_peaks(proximity: Map, least: float) -> None:
    """So one search serves every threshold above its own."""
    every, values = find_peaks(proximity, least=-np.inf, distance_px=4)
    some, kept = find_peaks(proximity, least=least, distance_px=4)
    assert np.array_equal(some, every[values >= least])
    assert np.array_equal(kept, values[values >= least])


@given(MAPS, DISTANCES)
@settings(max_examples=40, deadline=None)
def test_peaks_keep_their_distance(proximity: Map, distance_px: float) -> None:
    at = np.array(pixels(proximity, distance_px=distance_px)).reshape(-1, 2)
    away = np.hypot(*(at[:, None] - at).transpose(2, 0, 1))
    assert (away[~np.eye(len(at), dtype=bool)] >= distance_px).all()


@given(ROUGH.filter(lambda proximity: proximity.size > 1))
@settings(max_examples=20, deadline=None)
def test_the_highest_peak_is_the_maps_maximum(proximity: Map) -> None:
    """So ξ times the highest peak is ξ times the maximum, long after the map is gone."""
    assert find_peaks(proximity, least=-np.inf)[1].max() == proximity.max()


def test_of_two_maxima_too_near_the_higher_stays() -> None:
    row = np.zeros((5, 20), np.float32)
    row[2, 5], row[2, 9] = 1, 2
    assert pixels(row, 0.5, 4.0) == [[2, 5], [2, 9]]
    assert pixels(row, 0.5, 4.5) == [[2, 9]]
    row[2, 5] = 2
    assert pixels(row, 0.5, 4.5) == [[2, 5]]


def test_a_chain_of_rising_peaks_ends_in_the_last() -> None:
    """Greedy suppression would keep every other one, counted from the end however far it is."""
    row = np.zeros((3, 30), np.float32)
    row[1, 4:26:3] = np.arange(1, 9)
    assert pixels(row, 0.5, 4.0) == [[1, 25]]


def test_a_plateau_has_one_peak() -> None:
    """Its first pixel, be it a square, a bar longer than the disk, or two joined at a corner."""
    proximity = np.zeros((40, 40), np.float32)
    proximity[3:6, 3:6] = proximity[12, 2:38] = 1
    proximity[20:24, 20:24] = proximity[24:28, 24:28] = 1
    assert pixels(proximity, 0.5) == [[3, 3], [12, 2], [20, 20]]


@pytest.mark.parametrize("level", [-1.0, 0.0, 3.0])
def test_a_flat_map_has_no_peak(level: float) -> None:
    flat = np.full((30, 30), level, np.float32)
    assert pixels(flat) == []
    centres, values = find_peaks(flat, least=least_value(flat, 0.5))
    assert centres.shape == (0, 2) and values.shape == (0,)


def test_the_border_is_searched_like_the_rest() -> None:
    """A peak there moves along the border and never across it."""
    proximity = np.zeros((12, 12), np.float32)
    proximity[0, 4:7], proximity[1, 4:7] = (1, 4, 3), (0, 1, 1)
    proximity[11, 11] = 2
    centres, values = find_peaks(proximity, least=1, distance_px=4)
    assert centres[:, 0].tolist() == [0, 11]
    assert 5 < centres[0, 1] < 5.5
    assert centres[1].tolist() == [11, 11]
    assert values.tolist() == [4, 2]


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (2, 9)])
def test_a_strip_has_peaks_too(shape: tuple[int, int]) -> None:
    strip = np.zeros(shape, np.float32)
    strip[shape[0] // 2, shape[1] // 2] = 1
    assert pixels(strip, 0.5) == [[shape[0] // 2, shape[1] // 2]]


def test_the_least_value_is_xi_times_the_maximum() -> None:
    proximity = np.float32([[0, 0.25], [0.8, 0.1]])
    assert least_value(proximity, 0.5) == 0.5 * float(np.float32(0.8))
    assert least_value(proximity, 0.0) == 0


def test_noise_on_glass_is_promoted_by_the_relative_rule_alone() -> None:
    """The reason for an absolute least value on slides."""
    glass = np.random.default_rng(0).normal(0, 0.01, (100, 100)).astype(np.float32)
    assert len(pixels(glass, least_value(glass, 0.5), DISTANCE_PX)) > 10
    assert pixels(glass, 0.3, DISTANCE_PX) == []


@pytest.mark.parametrize(
    ("proximity", "words"),
    [
        (np.zeros((3, 3, 1), np.float32), "must be"),
        (np.zeros((0, 3), np.float32), "with pixels"),
        (np.float32([[0, np.nan]]), "not finite"),
        (np.float32([[0, np.inf]]), "not finite"),
        (np.float32([[0, -np.inf]]), "not finite"),
    ],
)
def test_what_is_no_map_is_refused(proximity: Map, words: str) -> None:
    with pytest.raises(InferenceError, match=words):
        find_peaks(proximity, least=0.5)
    with pytest.raises(InferenceError, match=words):
        least_value(proximity, 0.5)


@pytest.mark.parametrize("distance_px", [1.9, -3.0, 201.0, np.nan, np.inf])
def test_a_distance_out_of_range_is_refused(distance_px: float) -> None:
    with pytest.raises(SettingsError, match="between 2 and 200"):
        find_peaks(np.eye(4, dtype=np.float32), least=0, distance_px=distance_px)
    with pytest.raises(SettingsError, match="between 2 and 200"):
        halo_px(distance_px)


def test_thresholds_out_of_range_are_refused() -> None:
    with pytest.raises(SettingsError, match="not a number"):
        find_peaks(np.eye(4, dtype=np.float32), least=np.nan)
    for xi in (-0.1, 1.1, np.nan):
        with pytest.raises(SettingsError, match="between 0 and 1"):
            least_value(np.eye(4, dtype=np.float32), xi)
