"""Passes over pairs: a killed run goes on to the same weights, rates go as they should."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_focusqc.errors import TrainingError
from napari_focusqc.models.focus_distance import FocusDistance
from napari_focusqc.progress import finish
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.training.distance_loop import DistanceRun, fit_distance, predicted
from napari_focusqc.training.distance_pairs import Pairs


def pairs(count: int, seed: int) -> Pairs:
    """Return dark spots, wider the farther they are from focus; all take the same light."""
    rng = np.random.default_rng(seed)
    distance = rng.uniform(-4, 4, count).astype(np.float32)
    y, x = np.mgrid[:32, :32] - 15.5
    planes = np.empty((count, 2, 32, 32, 3), np.uint8)
    for tile, away in zip(planes, distance, strict=True):
        for plane, z_um in zip(tile, (away + 2, away), strict=True):
            sigma = 1.5 + abs(z_um)
            spot = 600 / sigma**2 * np.exp(-(y**2 + x**2) / (2 * sigma**2))
            plane[...] = (230 - np.minimum(spot, 220))[..., None]
    return Pairs(planes, distance, np.arange(count, dtype=np.int64) // 9)


TRAINING, UNSEEN = pairs(64, 0), pairs(24, 1)


def a_run(tmp_path: Path, **changes: object) -> DistanceRun:
    values = {"epochs": 2, "batch": 16, "tile": 32, "schedule": "short", "device": "cpu"}
    settings = DistanceTraining(tmp_path, tmp_path, **values | changes)
    return DistanceRun(settings, tmp_path / "checkpoint.pt", "a run")


def network(*, difference: bool = True) -> FocusDistance:
    torch.manual_seed(0)
    return FocusDistance(0.1, 32, difference=difference)


@pytest.mark.parametrize("schedule", ["paper", "short"])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, schedule: str) -> None:
    whole = network()
    run = a_run(tmp_path / "whole", schedule=schedule)
    expected = finish(fit_distance(whole, TRAINING, UNSEEN, run))
    run = a_run(tmp_path / "killed", schedule=schedule)
    work = fit_distance(network(), TRAINING, UNSEEN, run)
    while not run.checkpoint.is_file():
        next(work)
    work.close()
    again = network()
    assert finish(fit_distance(again, TRAINING, UNSEEN, run)) == expected
    assert len(expected) == 2
    assert not again.training
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_network_learns_and_the_loss_is_the_mean_squared_error(tmp_path: Path) -> None:
    net = network()
    run = a_run(tmp_path, epochs=12, learning_rate=0.01)
    history = finish(fit_distance(net, TRAINING, UNSEEN, run))
    found = predicted(net, UNSEEN, torch.device("cpu"))
    away = found - UNSEEN.distance_um
    assert history[-1].unseen == pytest.approx(float((away**2).mean()), rel=1e-4)
    assert history[-1].training < 0.5 * TRAINING.distance_um.var()


def test_the_papers_rate_trains_and_does_not_diverge(tmp_path: Path) -> None:
    run = a_run(tmp_path, schedule="paper", epochs=3)
    history = finish(fit_distance(network(), TRAINING, UNSEEN, run))
    assert max(each.training for each in history) < 3 * TRAINING.distance_um.var()


def test_a_network_for_one_plane_never_sees_the_first(tmp_path: Path) -> None:
    def trained(data: Pairs, where: str) -> FocusDistance:
        net = network(difference=False)
        run = a_run(tmp_path / where, planes="one", epochs=1)
        finish(fit_distance(net, data, UNSEEN, run))
        return net

    blind = TRAINING.planes.copy()
    blind[:, 0] = 0
    one, other = trained(TRAINING, "one"), trained(replace(TRAINING, planes=blind), "other")
    for name, value in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_the_papers_rate_stays_and_the_short_one_rises_and_falls_once(tmp_path: Path) -> None:
    paper, short = (a_run(tmp_path, schedule=schedule) for schedule in ("paper", "short"))
    assert {paper.rate(done) for done in (0.0, 0.3, 0.99)} == {0.001}
    rates = np.array([short.rate(step / 1000) for step in range(1000)])
    assert rates.argmax() == 200 and rates[0] == 0
    assert rates.max() == pytest.approx(0.001)
    assert (np.diff(rates[:200]) > 0).all() and (np.diff(rates[200:]) < 0).all()


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path, epochs=1)
    finish(fit_distance(network(), TRAINING, UNSEEN, run))
    with pytest.raises(TrainingError, match="other settings or images"):
        next(fit_distance(network(), TRAINING, UNSEEN, replace(run, name="another")))


def test_weights_that_explode_are_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path, schedule="paper", learning_rate=1.0, epochs=50)
    broken = replace(TRAINING, distance_um=TRAINING.distance_um * np.float32(1e20))
    with pytest.raises(TrainingError, match="no longer finite after epoch"):
        finish(fit_distance(network(), broken, UNSEEN, run))
