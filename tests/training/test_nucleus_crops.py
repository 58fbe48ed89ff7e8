"""Crops and their nuclei go through one warp, and each crop repeats with its seed and number."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from napari_focusqc.errors import SettingsError, TrainingError
from napari_focusqc.inference.nuclei import missing_light
from napari_focusqc.progress import finish
from napari_focusqc.training.augmentation import AUGMENTED, Augmentation
from napari_focusqc.training.nucleus_crops import NucleusCrops, nucleus_crops
from napari_focusqc.training.nucleus_fields import NucleusField, read_nucleus_fields
from napari_focusqc.training.warp import draw_warp

AS_IT_IS = Augmentation(elastic_px=0, zoom=(1.0, 1.0), colours=None, glass=0.0)
"""Turns, mirrors and shifts only."""
UNSTAINED = Augmentation(zoom=(1.0, 1.0), colours=None, glass=0.0)
STAINED = Augmentation(zoom=(1.0, 1.0), glass=0.0)
NOWHERE = np.empty((0, 2), np.float32)


def field_of(pixels: NDArray[np.uint8], centres: NDArray[np.floating] = NOWHERE) -> NucleusField:
    return NucleusField("test", Path("test.png"), pixels, np.asarray(centres, np.float32))


def dots(height: int, width: int, sigma_px: float = 2.0, seed: int = 0) -> NucleusField:
    """Draw bright dots on black, 33 px apart at least, none of them on the middle of a pixel."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(np.arange(25, height, 40), np.arange(25, width, 40)), -1)
    centres = at.reshape(-1, 2) + rng.uniform(-3.5, 3.5, (at.size // 2, 2))
    y, x = np.arange(height), np.arange(width)
    down = np.exp(-((y - centres[:, :1]) ** 2) / (2 * sigma_px**2))
    across = np.exp(-((x - centres[:, 1:]) ** 2) / (2 * sigma_px**2))
    grey = np.rint(255 * down.T @ across).astype(np.uint8)
    return field_of(np.repeat(grey[..., None], 3, axis=2), centres)


@pytest.fixture(scope="module")
def fields(tissue_image) -> list[NucleusField]:
    rng = np.random.default_rng(1)
    return [
        field_of(tissue_image(*shape, seed), rng.uniform(0, min(shape) - 1, (60, 2)))
        for seed, shape in enumerate([(320, 300), (256, 320)])
    ]


def same(one: NucleusCrops, other: NucleusCrops) -> bool:
    pairs = zip(one.centres, other.centres, strict=True)
    return np.array_equal(one.pixels, other.pixels) and all(np.array_equal(*pair) for pair in pairs)


# --- Seeds ------------------------------------------------------------------------------------


def test_a_crop_depends_on_its_number_and_the_seed_alone(fields: list[NucleusField]) -> None:
    together = nucleus_crops(fields, range(6), seed=3)
    assert (together.pixels.shape, together.pixels.dtype) == ((6, 3, 200, 200), np.float32)
    assert {centres.dtype for centres in together.centres} == {np.dtype(np.float32)}
    assert same(nucleus_crops(fields, range(6), seed=3), together)
    for number in (5, 0):
        alone = nucleus_crops(fields, [number], seed=3)
        assert same(alone, NucleusCrops(together.pixels[[number]], (together.centres[number],)))
    backwards = nucleus_crops(fields, range(5, -1, -1), seed=3)
    assert same(backwards, NucleusCrops(together.pixels[::-1], together.centres[::-1]))


def test_other_numbers_and_other_seeds_give_other_crops(fields: list[NucleusField]) -> None:
    crops = np.concatenate([nucleus_crops(fields, range(4), seed).pixels for seed in (0, 1)])
    assert len(np.unique(crops.reshape(8, -1), axis=0)) == 8


# --- One warp for pixels and nuclei -----------------------------------------------------------


@pytest.mark.parametrize("shape", [(420, 400), (256, 320), (200, 200)])
@pytest.mark.parametrize("augmentation", [UNSTAINED, AS_IT_IS], ids=["bent", "unbent"])
def test_dots_lie_where_their_centres_say(
    shape: tuple[int, int], augmentation: Augmentation
) -> None:
    found = nucleus_crops([dots(*shape)], range(12), 1, augmentation)
    apart = []
    for pixels, centres in zip(found.pixels, found.centres, strict=True):
        light = pixels[0] - np.median(pixels[0])
        for y, x in centres:
            top, left = round(float(y)) - 10, round(float(x)) - 10
            if top < 0 or left < 0 or max(top, left) + 21 > 200:
                continue  # cut off by the crop's edge
            window = light[top : top + 21, left : left + 21]
            mass = [(window * axis).sum() / window.sum() for axis in np.mgrid[0:21, 0:21]]
            apart.append(np.hypot(top + mass[0] - y, left + mass[1] - x))
    assert len(apart) > 100
    assert max(apart) < 0.3
    assert np.mean(apart) < 0.05


@given(seed=st.integers(0, 10_000), elastic_px=st.floats(0, 12.4))
@settings(max_examples=25, deadline=None)
def test_crop_to_field_and_back_is_nothing(seed: int, elastic_px: float) -> None:
    """Even at the most distortion that is allowed, and outside the crop."""
    augmentation = Augmentation(elastic_px=elastic_px)
    warp = draw_warp((400, 500), augmentation, np.random.default_rng(seed))
    points = np.random.default_rng(seed).uniform(-100, 300, (50, 2))
    np.testing.assert_allclose(warp.to_crop(warp.to_field(points)), points, atol=0.01)


def test_pixels_and_points_go_through_the_same_warp() -> None:
    warp = draw_warp((400, 500), AUGMENTED, np.random.default_rng(5))
    points = np.indices((200, 200)).reshape(2, -1).T.astype(float)
    expected = warp.to_field(points).T.reshape(2, 200, 200)
    np.testing.assert_allclose(warp.grid(), expected, atol=1e-9)


def test_all_nuclei_in_and_around_a_crop_are_its_own_and_no_others() -> None:
    """Brute force: the nearest of all places from 15 px before a crop to 15 px behind it."""
    rng = np.random.default_rng(2)
    centres = rng.uniform(0, 419, (900, 2)).astype(np.float32)
    field = field_of(np.zeros((420, 420, 3), np.uint8), centres)
    around = np.stack(np.meshgrid(*[np.arange(-30, 230)] * 2, indexing="ij"), -1).reshape(-1, 2)
    for number in range(3):
        (found,) = nucleus_crops([field], [number], 4).centres
        warp_rng = np.random.default_rng([4, number])
        warp_rng.choice(1, p=[1.0])
        nearest = cKDTree(draw_warp((420, 420), AUGMENTED, warp_rng).to_field(around * 1.0))
        at = around[nearest.query(centres)[1]]
        surely = ((at >= -14) & (at <= 213)).all(axis=1)
        maybe = ((at >= -16) & (at <= 215)).all(axis=1)
        assert surely.sum() <= len(found) <= maybe.sum()
        assert (cKDTree(found).query(at[surely])[0] < 1.5).all()
        assert (found >= -15).all() and (found <= 214).all()
        assert (found < 0).any() and (found > 199).any()


def test_a_field_without_nuclei_gives_crops_without(tissue_image) -> None:
    (centres,) = nucleus_crops([field_of(tissue_image(210, 220))], [0], 0).centres
    assert centres.shape == (0, 2)


# --- What a warp does -------------------------------------------------------------------------


@given(height=st.integers(200, 420), width=st.integers(200, 420), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_field_covers_every_crop(height: int, width: int, seed: int) -> None:
    y, x = draw_warp((height, width), AUGMENTED, np.random.default_rng(seed)).grid()
    assert y.min() > -1e-6 and y.max() < height - 1 + 1e-6
    assert x.min() > -1e-6 and x.max() < width - 1 + 1e-6


@given(seed=st.integers(0, 10_000), elastic_px=st.floats(0.1, 12.4))
@settings(max_examples=25, deadline=None)
def test_a_bend_keeps_its_bound_and_never_folds(seed: int, elastic_px: float) -> None:
    warp = draw_warp(
        (400, 400),
        Augmentation(elastic_px=elastic_px, zoom=(1.0, 1.0)),
        np.random.default_rng(seed),
    )
    y, x = warp.grid()
    unturned = np.tensordot(warp.turn.T, np.stack([y, x]) - warp.at[:, None, None], 1) + 99.5
    moved = np.abs(unturned - np.indices((200, 200)))
    assert 0 < moved.max() <= elastic_px
    (y_down, y_across), (x_down, x_across) = np.gradient(unturned[0]), np.gradient(unturned[1])
    assert (y_down * x_across - y_across * x_down).min() > 0


def test_the_default_bend_moves_pixels_by_a_few_and_strains_by_some_percent() -> None:
    moved, strained = [], []
    for seed in range(20):
        warp = draw_warp((400, 400), STAINED, np.random.default_rng(seed))
        at = np.stack(warp.grid()) - warp.at[:, None, None]
        shift = np.tensordot(warp.turn.T, at, 1) + 99.5 - np.indices((200, 200))
        moved.append(shift.std())
        strained.append(np.gradient(shift, axis=(1, 2)))
    assert 1.5 < np.mean(moved) < 4
    assert 0.03 < np.std(strained) < 0.12


def test_crops_are_as_much_larger_or_smaller_as_slides_may_be() -> None:
    zooms = [
        np.sqrt(abs(np.linalg.det(draw_warp((400, 400), AUGMENTED, np.random.default_rng(n)).turn)))
        for n in range(400)
    ]
    assert 1 / 1.15 <= min(zooms) < 0.89
    assert 1.12 < max(zooms) <= 1.15
    assert np.mean(np.log(zooms)) == pytest.approx(0, abs=0.02)


def test_turns_and_mirror_images_are_equally_likely_where_there_is_room() -> None:
    turns = [draw_warp((400, 400), STAINED, np.random.default_rng(n)).turn for n in range(800)]
    np.testing.assert_allclose([turn @ turn.T for turn in turns], [np.eye(2)] * 800, atol=1e-12)
    mirrored = np.array([np.linalg.det(turn) < 0 for turn in turns])
    assert 340 < mirrored.sum() < 460
    angles = np.array([np.arctan2(turn[1, 0], turn[0, 0]) for turn in turns])
    counts = np.histogram(angles, 8, (-np.pi, np.pi))[0]
    assert counts.min() > 70 and counts.max() < 130


def test_a_narrow_field_still_turns_crops_a_little() -> None:
    warps = [draw_warp((256, 320), STAINED, np.random.default_rng(n)) for n in range(300)]
    angles = np.degrees([np.arctan2(warp.turn[1, 0], warp.turn[0, 0]) for warp in warps])
    off = (angles + 45) % 90 - 45
    assert np.abs(off).max() < 26  # 200 (cos 20° + sin 20°) = 256, and a bend may pull corners in
    assert np.histogram(off, 4, (-20, 20))[0].min() > 40
    assert len(set(np.round(angles / 90) % 4)) == 4
    assert np.mean([np.abs(warp.bend).max() > 7 for warp in warps]) > 0.75


def test_crops_come_from_all_over_a_field() -> None:
    places = np.array(
        [draw_warp((600, 500), AUGMENTED, np.random.default_rng(n)).at for n in range(300)]
    )
    np.testing.assert_allclose(places.min(axis=0), 115, atol=20)
    np.testing.assert_allclose(places.max(axis=0), [485, 385], atol=20)


def test_a_field_of_one_crop_gives_that_crop_in_all_eight_ways(tissue_image) -> None:
    pixels = tissue_image(200, 200)
    centres = np.array([(20.25, 150.5), (0, 0), (60, 30)])
    marks = np.stack([pixels.mean(axis=2), *np.indices((200, 200))])
    used = set()
    found = nucleus_crops([field_of(pixels, centres)], range(40), 0, UNSTAINED)
    for crop, nuclei in zip(found.pixels, found.centres, strict=True):
        ways = [np.rot90(missing_light(pixels), n, (1, 2)) for n in range(4)]
        ways += [way[:, ::-1] for way in ways]
        apart = [np.abs(way - crop).max() for way in ways]
        assert min(apart) < 1e-2
        way = int(np.argmin(apart))
        turned = np.rot90(marks, way % 4, (1, 2))[:, :: -1 if way > 3 else 1]
        back = [map_coordinates(axis, nuclei.T, order=1) for axis in turned[1:]]
        np.testing.assert_allclose(np.transpose(back), centres, atol=1e-3)
        used.add(way)
    assert used == set(range(8))


def test_fields_serve_as_often_as_their_area_asks() -> None:
    """One of 20 × 20 px beside one of 20 × 60: a quarter of the crops."""
    tiny = Augmentation(crop_px=20, reach_px=100, elastic_px=0, glass=0.0)
    small, large = (
        field_of(np.zeros((20, width, 3), np.uint8), np.full((number, 2), 10))
        for number, width in ((1, 20), (3, 60))
    )
    crops = nucleus_crops([small, large], range(200), 0, tiny)
    assert np.mean([len(each) == 1 for each in crops.centres]) == pytest.approx(0.25, abs=0.09)


# --- Colours ----------------------------------------------------------------------------------


def test_crops_hold_missing_light(fields: list[NucleusField]) -> None:
    found = nucleus_crops(fields, range(5), 0).pixels
    assert found.dtype == np.float32
    assert found.min() > -0.2 and found.max() < 1.2
    assert found.max() > 0.5


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_constant_field_stays_constant_in_its_own_colours(grey: int) -> None:
    pixels = np.full((300, 300, 3), grey, np.uint8)
    found = nucleus_crops([field_of(pixels)], range(3), 0, UNSTAINED).pixels
    np.testing.assert_allclose(found, 1 - grey / 255, atol=1e-5)


def test_another_stain_leaves_every_nucleus_in_its_place(fields: list[NucleusField]) -> None:
    one, other = (nucleus_crops(fields, range(4), 0, kind) for kind in (STAINED, UNSTAINED))
    for first, second in zip(one.centres, other.centres, strict=True):
        np.testing.assert_array_equal(first, second)
    apart = np.abs(one.pixels - other.pixels).mean(axis=(1, 2, 3))
    assert (apart > 0.001).all() and (apart < 0.5).all()


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [[], [(199, 300)], [(300, 300), (300, 199)]])
def test_no_fields_and_fields_too_small_are_refused(shapes: list[tuple[int, int]]) -> None:
    fields = [field_of(np.zeros((*shape, 3), np.uint8)) for shape in shapes]
    with pytest.raises(TrainingError, match="crops of 200 × 200 px need fields"):
        nucleus_crops(fields, [0], 0)


def test_a_bend_that_may_fold_is_refused() -> None:
    with pytest.raises(SettingsError, match="12.5 px may fold with control points 50 px apart"):
        Augmentation(elastic_px=12.5)


# --- The real data ----------------------------------------------------------------------------


def test_real_nuclei_are_darker_than_what_lies_around_them(test_data: Path, tmp_path: Path) -> None:
    """In red light haematoxylin absorbs most; a warp of the centres alone would lose them."""
    (tmp_path / "dsb").symlink_to(test_data / "histology" / "dsb2018-brightfield")
    work = read_nucleus_fields(
        tmp_path, mpp=0.25, data_mpp=0.25, crop_px=200, validation=0.2, seed=0
    )
    crops = nucleus_crops(finish(work).training, range(60), 0)
    at_nuclei = []
    for pixels, centres in zip(crops.pixels, crops.centres, strict=True):
        inside = centres[((centres >= 0) & (centres <= 199)).all(axis=1)]
        taken = map_coordinates(pixels[0], inside.T, order=1)
        at_nuclei += [(taken - pixels[0].mean()) / pixels[0].std()]
    assert np.concatenate(at_nuclei).mean() > 0.8
