"""Simulated stacks: which way is up, what is truth, and what two planes have in common."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_focusqc.optics.camera_range import CameraRange
from napari_focusqc.optics.lens_range import TRAINED
from napari_focusqc.training import distance_scenes
from napari_focusqc.training.distance_pairs import PLANES, Pairs
from napari_focusqc.training.distance_scenes import SceneKind, scene_pairs
from napari_focusqc.training.fields import Field

CLEAN = CameraRange(
    noise_scale=(0.0, 0.0),
    sharpening=(0.0, 0.0),
    stain_scale=(1.0, 1.0),
    stain_shift=(0.0, 0.0),
    exposure=(1.0, 1.0),
    gain=(1.0, 1.0),
    gamma=(1.0, 1.0),
    hue=(0.0, 0.0),
    saturation=(1.0, 1.0),
    contrast=(1.0, 1.0),
    brightness=(0.0, 0.0),
    quality=None,
)
KIND = SceneKind(48, 0.25, 2.0, 8.0, TRAINED, CLEAN)
ONE_DEPTH = replace(TRAINED, thickness_um=((0.0, 0.0),), focal_shift_um=((0.0, 0.0),))


@pytest.fixture(scope="module")
def fields(tissue_image) -> list[Field]:
    return [Field("made", Path(f"{seed}.png"), tissue_image(200, 220, seed)) for seed in range(2)]


def sharpness(tiles: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean squared step between neighbours, tile by tile."""
    steps = np.diff(tiles.astype(float).mean(axis=-1), axis=-1)
    return (steps**2).mean(axis=(-2, -1))


def same(one: Pairs, other: Pairs) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("planes", "distance_um", "field")
    )


@pytest.mark.parametrize("number", range(4))
def test_a_positive_distance_leads_up_to_focus(fields: list[Field], number: int) -> None:
    """Below focus the second, higher plane of a pair is the sharper one, above it the first."""
    kind = replace(KIND, lenses=ONE_DEPTH)
    pairs = scene_pairs(fields, kind, 0, number)
    first, second = sharpness(pairs.planes[:, 0]), sharpness(pairs.planes[:, 1])
    clear = abs(pairs.distance_um + kind.delta_um / 2) > 0.5  # the middle of both is not focus
    rising = pairs.distance_um > -kind.delta_um / 2
    assert clear.sum() > 30 and rising.any() and not rising.all()
    np.testing.assert_array_equal(second[clear] > first[clear], rising[clear])


def test_the_sharpest_plane_is_the_one_that_distances_lead_to(fields: list[Field]) -> None:
    """Moving by its distance from any plane leads a tile to one height, its sharpest."""
    kind = replace(KIND, delta_um=0.5, lenses=TRAINED.of_thickness(3.0, 4.0))
    pairs = scene_pairs(fields, kind, 0, 1)
    stack = sharpness(pairs.planes[:, 1]).reshape(kind.depths, -1)
    distance = pairs.distance_um.reshape(kind.depths, -1)
    np.testing.assert_allclose(np.diff(distance, axis=0), -0.5, atol=1e-5)
    best = np.take_along_axis(distance, stack.argmax(axis=0)[None], axis=0)[0]
    assert abs(best).mean() < 0.75  # of 3 to 4 µm of tissue


def test_planes_lie_delta_apart_and_are_shared(fields: list[Field]) -> None:
    pairs = scene_pairs(fields, KIND, 0, 2)
    assert KIND.depths == 8 and len(pairs) == 8 * 9
    shared = pairs.planes.reshape(8, 9, *pairs.planes.shape[1:])
    np.testing.assert_array_equal(shared[:-1, :, 1], shared[1:, :, 0])
    np.testing.assert_array_equal(np.unique(pairs.field), 2 * PLANES + np.arange(8))
    # one of the section's middles lies in every span of Δ
    assert abs(pairs.distance_um).max() <= 8 + 2


def test_a_scene_depends_on_seed_and_number_alone(fields: list[Field]) -> None:
    one = scene_pairs(fields, replace(KIND, scanners=CameraRange()), 3, 4)
    assert same(one, scene_pairs(fields, replace(KIND, scanners=CameraRange()), 3, 4))
    assert not same(one, scene_pairs(fields, replace(KIND, scanners=CameraRange()), 3, 5))


def test_noise_and_jpeg_are_each_planes_own_and_the_camera_is_shared(
    fields: list[Field], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, expose = [], distance_scenes.expose

    def noting(plane, camera, rng):
        seen.append((camera, rng.bit_generator.state["state"]["state"]))
        return expose(plane, camera, rng)

    monkeypatch.setattr(distance_scenes, "expose", noting)
    scene_pairs(fields, replace(KIND, scanners=CameraRange(quality=(60, 95))), 0, 0)
    cameras, states = zip(*seen, strict=True)
    assert len(cameras) == KIND.depths + 1
    assert len({replace(camera, quality=90) for camera in cameras}) == 1
    assert len({camera.quality for camera in cameras}) > 4
    assert all(60 <= camera.quality <= 95 for camera in cameras)
    assert len(set(states)) == len(states)


def test_kinds_that_differ_in_the_jpeg_share_all_luck(fields: list[Field]) -> None:
    def scene(quality: tuple[int, int]) -> Pairs:
        return scene_pairs(fields, replace(KIND, scanners=replace(CLEAN, quality=quality)), 0, 0)

    high, low = scene((95, 95)), scene((40, 40))
    np.testing.assert_array_equal(high.distance_um, low.distance_um)
    away = high.planes.astype(float) - low.planes
    assert 0 < abs(away).mean() < 8


def test_a_small_field_gives_fewer_tiles_and_an_empty_grid_none(tissue_image) -> None:
    small = [Field("made", Path("small.png"), tissue_image(60, 110))]
    assert len(scene_pairs(small, KIND, 0, 0)) == 8 * 2
    # structure in the last columns alone, which no tile of a grid from the left need hold
    pixels = np.full((60, 150, 3), 230, np.uint8)
    pixels[:, 146:] = 90
    corner = [Field("made", Path("corner.png"), pixels)]
    assert {len(scene_pairs(corner, KIND, 0, number)) for number in range(3)} <= {0, 8, 16}
