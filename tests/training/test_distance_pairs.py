"""Pairs on the disk: a killed run goes on, and what is not its own is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.progress import finish
from napari_focusqc.training import distance_pairs
from napari_focusqc.training.distance_pairs import (
    STATE,
    Pairs,
    join_pairs,
    kept_pairs,
    structured_tiles,
)

SHAPE = (10, 32)


def group(number: int) -> Pairs:
    """Return three pairs that say whose they are; every fourth group is empty."""
    count = 0 if number % 4 == 3 else 3
    return Pairs(
        np.full((count, 2, 32, 32, 3), number, np.uint8),
        np.arange(count, dtype=np.float32) + 10 * number,
        np.full(count, number, np.int64),
    )


def test_pairs_are_those_of_the_groups_in_their_order(tmp_path: Path) -> None:
    pairs = finish(kept_pairs(tmp_path / "new", "a", SHAPE, group, 100))
    whole = join_pairs([group(number) for number in range(5)])
    assert len(pairs) == 10
    for name in ("planes", "distance_um", "field"):
        np.testing.assert_array_equal(getattr(pairs, name), getattr(whole, name)[:10])


def test_a_killed_run_goes_on_with_the_next_group(tmp_path: Path) -> None:
    made: list[int] = []

    def noting(number: int) -> Pairs:
        made.append(number)
        return group(number)

    work = kept_pairs(tmp_path, "a", SHAPE, noting, 100)
    assert [next(work).done for _ in range(2)] == [3, 6]
    work.close()
    made.clear()
    pairs = finish(kept_pairs(tmp_path, "a", SHAPE, noting, 100))
    assert min(made) == 2
    np.testing.assert_array_equal(pairs.field, [0, 0, 0, 1, 1, 1, 2, 2, 2, 4])
    made.clear()
    assert len(finish(kept_pairs(tmp_path, "a", SHAPE, noting, 100))) == 10
    assert not made


def test_fewer_groups_give_fewer_pairs_and_none_are_refused(tmp_path: Path) -> None:
    assert len(finish(kept_pairs(tmp_path / "few", "a", SHAPE, group, 2))) == 6
    with pytest.raises(TrainingError, match="nothing in the stacks has structure"):
        finish(kept_pairs(tmp_path / "none", "a", SHAPE, lambda _: group(3), 2))


def test_pairs_of_others_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    finish(kept_pairs(tmp_path, "a", SHAPE, group, 100))
    with pytest.raises(TrainingError, match="holds pairs of other images or settings"):
        finish(kept_pairs(tmp_path, "b", SHAPE, group, 100))
    with pytest.raises(TrainingError, match="damaged"):
        finish(kept_pairs(tmp_path, "a", (10, 64), group, 100))
    (tmp_path / "pairs.field.npy").write_bytes(b"no array")
    with pytest.raises(TrainingError, match="damaged"):
        finish(kept_pairs(tmp_path, "a", SHAPE, group, 100))
    (tmp_path / STATE).write_text(json.dumps({"pairs": 3}))
    with pytest.raises(TrainingError, match="damaged"):
        finish(kept_pairs(tmp_path, "a", SHAPE, group, 100))


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distance_pairs, "MAX_BYTES", 10_000)
    with pytest.raises(OutputError, match="the pairs need"):
        finish(kept_pairs(tmp_path, "a", SHAPE, group, 100))
    assert not list(tmp_path.iterdir())


def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="choose a folder you may write to"):
        finish(kept_pairs(tmp_path / "file", "a", SHAPE, group, 100))


def test_tiles_lie_side_by_side_where_there_is_structure(tissue_image) -> None:
    image = tissue_image(100, 130)
    image[32:64] = 200
    found = [(rows.start, columns.start) for rows, columns in structured_tiles(image, 32)]
    assert found == [(y, x) for y in (0, 64) for x in (0, 32, 64, 96)]
