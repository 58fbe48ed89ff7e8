"""Stacks in the layout of Jiang et al. 2018, written here."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.errors import TrainingError
from napari_focusqc.progress import finish
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.training.distance_pairs import PLANES
from napari_focusqc.training.distance_recipe import train_focus_distance
from napari_focusqc.training.published_stacks import (
    find_published,
    partner,
    published_pairs,
    scale_of,
    split_stacks,
)

HEIGHTS_NM = (-2350, -1350, -350, 650, 1650)


def write_plane(folder: Path, name: str, pixels: NDArray[np.uint8]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / f"{name}.png")


def write_stacks(folder: Path, image: NDArray[np.uint8], samples: int = 3) -> Path:
    """Write one place of each sample whole; a plane is as much darker as it is higher."""
    for sample in range(1, samples + 1):
        for step, nm in enumerate(HEIGHTS_NM):
            write_plane(folder / "raw" / f"s{sample}_l1", f"defocus{nm}", image - 10 * step)
    return folder


@pytest.fixture
def stacks(tmp_path: Path, tissue_image) -> Path:
    image = np.clip(tissue_image(70, 100), 60, 255)
    folder = write_stacks(tmp_path, image)
    for piece in (1, 2):
        write_plane(folder / "train" / "s9_l2", f"Seg{piece}_defocus-500", image)
        write_plane(folder / "train" / "s9_l2", f"Seg{piece}_defocus1500", image)
    write_plane(folder / "train" / "s9_l2", "overview", image)
    (folder / "train" / "notes.txt").write_text("defocus0")
    return folder


def test_folders_and_names_say_what_is_what(stacks: Path) -> None:
    found = find_published(stacks)
    places = [(each.sample, each.location, each.piece) for each in found]
    assert places == [(1, 1, -1), (2, 1, -1), (3, 1, -1), (9, 2, 1), (9, 2, 2)]
    assert [z for z, _ in found[0].planes] == [-2.35, -1.35, -0.35, 0.65, 1.65]
    assert found[0].planes[0][1].name == "defocus-2350.png"
    assert [z for z, _ in found[3].planes] == [-0.5, 1.5]


def test_pairs_are_two_um_apart_and_lead_back_to_focus(stacks: Path) -> None:
    stack = find_published(stacks)[0]
    pairs = published_pairs(stack, 7, 32, 1.0, 2.0)
    tiles = 2 * 3
    assert pairs.planes.shape == (3 * tiles, 2, 32, 32, 3)
    # the second plane 0.35 µm below focus: up by so much
    np.testing.assert_allclose(pairs.distance_um[::tiles], [0.35, -0.65, -1.65], atol=1e-6)
    np.testing.assert_array_equal(pairs.field[::tiles], 7 * PLANES + np.array([2, 3, 4]))
    away = pairs.planes[:, 0].astype(int) - pairs.planes[:, 1]
    assert (away == 20).all()  # two planes of ten grey levels each


def test_planes_pair_within_a_tenth_of_delta() -> None:
    heights = np.array([0.0, 0.15, 1.9, 2.0, 4.3])
    assert [partner(heights, second, 2.0) for second in range(5)] == [None, None, 0, 0, None]
    assert partner(heights, 4, 2.2) == 3


def test_samples_are_kept_apart(stacks: Path) -> None:
    found = find_published(stacks)
    training, unseen = split_stacks(found, 0.25, 0)
    assert {each.sample for each in training}.isdisjoint(each.sample for each in unseen)
    assert len(training) + len(unseen) == len(found)
    with pytest.raises(TrainingError, match="of one sample"):
        split_stacks(found[:1], 0.25, 0)


def test_images_are_averaged_down_but_not_up(stacks: Path) -> None:
    pairs = published_pairs(find_published(stacks)[0], 0, 32, scale_of(0.125, 0.25), 2.0)
    assert len(pairs) == 3  # of 35 × 50 px one tile of 32 px
    with pytest.raises(TrainingError, match="coarser than 0.25"):
        scale_of(0.5, 0.25)


def test_they_are_trained_on_and_measured_by_sample(tmp_path: Path, tissue_image) -> None:
    data = write_stacks(tmp_path / "data", np.clip(tissue_image(70, 100), 60, 255))
    settings = DistanceTraining(
        data,
        tmp_path / "out",
        source="published",
        tile=32,
        width=0.1,
        pairs=30,
        epochs=1,
        batch=6,
        device="cpu",
    )
    card = finish(train_focus_distance(settings))
    assert "simulated" not in card.note and "published stacks" in card.note
    assert (card.data[0]["stacks_training"], card.data[0]["stacks_validation"]) == (2, 1)
    assert "tile_error_um" in card.figures
    assert "--source published" in card.command


def test_what_is_no_such_folder_is_refused(tmp_path: Path, stacks: Path, tissue_image) -> None:
    with pytest.raises(TrainingError, match="there is no folder"):
        find_published(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="holds no published stacks"):
        find_published(tmp_path / "empty")
    write_plane(stacks / "raw" / "s1_l1", "defocus2650", tissue_image(40, 40))
    with pytest.raises(TrainingError, match="differ in size"):
        published_pairs(find_published(stacks)[0], 0, 32, 1.0, 2.0)
