"""Steps over crops of nuclei: a killed run goes on to the same weights, rates go as they should."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_focusqc.errors import TrainingError
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.progress import finish
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.training import nucleus_loop
from napari_focusqc.training.nucleus_fields import NucleusField
from napari_focusqc.training.nucleus_loop import NucleusRun, fit_nuclei

THIN = (2, 2, 2, 2, 2)


def field(seed: int) -> NucleusField:
    """Draw dark discs on pink."""
    rng = np.random.default_rng(seed)
    pixels = np.full((230, 230, 3), (225, 170, 200), np.uint8)
    centres = rng.uniform(10, 220, (30, 2)).astype(np.float32)
    y, x = np.mgrid[:230, :230]
    for at in centres:
        pixels[(y - at[0]) ** 2 + (x - at[1]) ** 2 < 36] = (90, 50, 130)
    return NucleusField("discs", Path(f"{seed}.png"), pixels, centres)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nucleus_loop, "EVERY", 5)
    monkeypatch.setattr(nucleus_loop, "UNSEEN", 2)


def a_run(tmp_path: Path, **changes: object) -> NucleusRun:
    values = {
        "iterations": 20,
        "batch": 2,
        "crop": 64,
        "schedule": "short",
        "device": "cpu",
    } | changes
    settings = MicroNetTraining(data=tmp_path, out=tmp_path, **values)
    return NucleusRun(settings, (field(0),), (), (field(1),), tmp_path / "checkpoint.pt", "a run")


def network() -> MicroNet:
    torch.manual_seed(0)
    return MicroNet(THIN)


def steps(run: NucleusRun, net: MicroNet, count: int) -> None:
    work = fit_nuclei(net, run)
    for _ in range(count):
        next(work)
    work.close()


@pytest.mark.parametrize("schedule", ["paper", "short"])
def test_a_killed_run_ends_with_the_same_weights(tmp_path: Path, schedule: str) -> None:
    whole = network()
    expected = finish(fit_nuclei(whole, a_run(tmp_path / "whole", schedule=schedule)))
    run, killed = a_run(tmp_path / "killed", schedule=schedule), network()
    steps(run, killed, 13)  # three beyond the last checkpoint
    again = network()
    assert finish(fit_nuclei(again, run)) == expected
    assert len(expected) == 4
    assert not again.training
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_network_learns(tmp_path: Path) -> None:
    run = a_run(tmp_path, iterations=100, learning_rate=0.02)
    history = finish(fit_nuclei(network(), run))
    assert history[-1].unseen < 0.8 * history[0].unseen


def test_frozen_blocks_stay_as_they_were(tmp_path: Path) -> None:
    net = network()
    net.freeze(2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    finish(fit_nuclei(net, a_run(tmp_path)))
    for name, value in net.state_dict().items():
        kept = name.startswith(("blocks.0.", "blocks.1."))
        assert torch.equal(value, before[name]) == kept or "num_batches" in name, name


def test_half_of_each_batch_is_auxiliary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    whole = nucleus_loop.nucleus_crops

    def noting(fields, numbers, *rest):
        seen.append((fields[0].path.name, len(numbers)))
        return whole(fields, numbers, *rest)

    monkeypatch.setattr(nucleus_loop, "nucleus_crops", noting)
    run = replace(a_run(tmp_path, batch=5), auxiliary=(field(2),))
    steps(run, network(), 2)
    assert seen[1:3] == [("0.png", 3), ("2.png", 2)]


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_crops_are_as_large_as_asked_and_reach_as_far_as_a_nucleus(
    tmp_path: Path, mpp: float
) -> None:
    crops = a_run(tmp_path, crop=96, mpp=mpp).augmentation
    assert crops.crop_px == 96
    assert crops.reach_px * mpp == 3.75


def test_the_papers_rate_falls_on_a_plateau_and_no_further_than_it_says(tmp_path: Path) -> None:
    run = a_run(tmp_path, schedule="paper")
    falling = list(np.linspace(1, 0.5, 30))
    assert run.rate(15, falling) == 0.01
    assert run.rate(15, [*falling, *[0.6] * 9]) == 0.01
    assert run.rate(15, [*falling, *[0.6] * 10]) == pytest.approx(0.001)
    assert run.rate(15, [*falling, *[0.6] * 50]) == pytest.approx(0.0001)


def test_the_short_rate_rises_and_falls_once(tmp_path: Path) -> None:
    run = a_run(tmp_path, iterations=1000)

    def rates() -> Iterator[float]:
        return (run.rate(step, []) for step in range(1000))

    every = np.array(list(rates()))
    assert every.argmax() == 200
    assert every.max() == pytest.approx(0.01)
    assert every[0] == 0
    assert (np.diff(every[:200]) > 0).all()
    assert (np.diff(every[200:]) < 0).all()


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    steps(run, network(), 7)
    with pytest.raises(TrainingError, match="other settings or images"):
        next(fit_nuclei(network(), replace(run, name="another")))


def test_weights_that_explode_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no longer finite after iteration"):
        finish(
            fit_nuclei(network(), a_run(tmp_path, schedule="paper", learning_rate=1.0, gamma=100))
        )
