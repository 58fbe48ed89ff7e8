"""Epochs: what is learned, what a kill leaves, what a checkpoint is refused for."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.progress import finish
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.class_scale import class_line
from napari_focusqc.training.crops import Crops
from napari_focusqc.training.loop import Epoch, Run, fit, score_crops
from napari_focusqc.training.losses import (
    IN_OR_OUT,
    RIGHT_CLASS,
    STRAIGHT_LINE,
    Goal,
    plcc_loss,
)


class Dropping(nn.Module):
    """Has what needs luck and memory to train: dropout and a batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 5, 5), nn.BatchNorm2d(4)
        self.dropout, self.last = nn.Dropout(0.5), nn.Linear(4, 30)

    def logits(self, images: Tensor) -> Tensor:
        features = self.norm(self.conv(images)).relu().mean(dim=(2, 3))
        found: Tensor = self.last(self.dropout(features))
        return found

    def forward(self, images: Tensor) -> Tensor:
        return self.logits(images).argmax(dim=1).float()


class Kept:
    """Long work that can be iterated over and keeps its result."""

    def __init__(self, work: Any) -> None:
        self._work = work
        self.result: list[Epoch] | None = None

    def __iter__(self) -> Any:
        self.result = yield from self._work


def made(network: Callable[[], nn.Module], seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return network()


def two_kernels() -> FocusLiteNN:
    return FocusLiteNN(2)


def noise_crops(count: int, seed: int) -> Crops:
    """Return noise whose contrast falls with the class: something a network learns at once."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.arange(count) % 30)
    noise = rng.normal(0, 1, (count, 47, 47, 1)) * (32 - classes)[:, None, None, None]
    images = np.clip(128 + noise.repeat(3, axis=3), 0, 255).astype(np.uint8)
    return Crops(images, classes, (0.35 * np.exp(3 * (classes - 1) / 28)).astype(np.float32))


@pytest.fixture(scope="module")
def crops() -> Crops:
    return noise_crops(60, 0)


@pytest.fixture(scope="module")
def unseen() -> Crops:
    return noise_crops(30, 1)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = TrainSettings(tmp_path, tmp_path, epochs=6, crops=60, batch=20)
    return Run(settings, STRAIGHT_LINE, tmp_path / "checkpoint.pt", "run")


def longer(run: Run, epochs: int) -> Run:
    return replace(run, settings=replace(run.settings, epochs=epochs))


def test_training_learns(crops: Crops, unseen: Crops, run: Run) -> None:
    network = made(two_kernels)
    history = finish(fit(network, crops, unseen, longer(run, 40)))
    assert np.corrcoef(score_crops(network, crops.images), crops.classes)[0, 1] > 0.95
    assert len(history) == 40
    assert history[-1].training < history[0].training / 2
    assert history[-1].unseen < 0.1


def test_convfocus_learns_classes(run: Run) -> None:
    crops = noise_crops(60, 0)
    network = made(ConvFocus)
    settings = replace(run.settings, epochs=30, batch=20, learning_rate=0.01)
    finish(fit(network, crops, crops, replace(run, settings=settings, goal=RIGHT_CLASS)))
    assert np.corrcoef(score_crops(network, crops.images), crops.classes)[0, 1] > 0.9


def test_unseen_loss_is_that_of_the_weights_after_the_epoch(
    crops: Crops, unseen: Crops, run: Run
) -> None:
    """In one batch, so that the loss is a correlation over all of the unseen crops."""
    network = made(two_kernels)
    settings = replace(run.settings, epochs=2, batch=60)
    history = finish(fit(network, crops, unseen, replace(run, settings=settings)))
    scores = torch.from_numpy(score_crops(network, unseen.images))
    expected = plcc_loss(scores, torch.from_numpy(unseen.classes).double())
    assert history[-1].unseen == pytest.approx(expected.item(), abs=1e-5)


LEARNERS: list[tuple[Callable[[], nn.Module], Goal]] = [
    (two_kernels, STRAIGHT_LINE),
    (Dropping, RIGHT_CLASS),
    (Dropping, IN_OR_OUT),
]


@pytest.mark.parametrize(("network", "goal"), LEARNERS, ids=["line", "dropout", "momentum"])
@pytest.mark.parametrize("killed_after", [1, 4])
def test_a_killed_run_ends_as_an_unbroken_one(
    network: Callable[[], nn.Module],
    goal: Goal,
    killed_after: int,
    crops: Crops,
    unseen: Crops,
    run: Run,
) -> None:
    """With the same weights, buffers and history, whatever luck other work drew meanwhile."""
    one = replace(run, goal=goal, checkpoint=run.checkpoint.with_name("one.pt"))
    other = replace(run, goal=goal, checkpoint=run.checkpoint.with_name("other.pt"))
    unbroken, killed, resumed = made(network), made(network), made(network, seed=1)
    expected = finish(fit(unbroken, crops, unseen, one))
    work = fit(killed, crops, unseen, other)
    for _ in range(killed_after):
        next(work)
        torch.rand(3)
    work.close()
    again = Kept(fit(resumed, crops, unseen, other))
    assert [step.done for step in again] == list(range(killed_after + 1, 7))
    assert again.result == expected
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_dropout_drops_something_else_in_every_epoch(crops: Crops, unseen: Crops, run: Run) -> None:
    """At a rate that changes nothing: the training loss moves by luck alone."""
    settings = replace(run.settings, epochs=3, batch=60, learning_rate=1e-6)
    still = replace(run, settings=settings, goal=RIGHT_CLASS)
    losses = [epoch.training for epoch in finish(fit(made(Dropping), crops, unseen, still))]
    assert np.ptp(losses) > 1e-3


def test_training_leaves_the_luck_of_others_alone(crops: Crops, unseen: Crops, run: Run) -> None:
    network = made(Dropping)
    torch.manual_seed(7)
    finish(fit(network, crops, unseen, replace(longer(run, 2), goal=RIGHT_CLASS)))
    drawn = torch.rand(4)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(4))


def test_a_checkpoint_of_another_run_is_refused(crops: Crops, unseen: Crops, run: Run) -> None:
    finish(fit(made(two_kernels), crops, unseen, longer(run, 1)))
    with pytest.raises(TrainingError, match="other settings"):
        next(fit(made(two_kernels), crops, unseen, replace(run, name="another")))


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_a_damaged_checkpoint_is_refused(crops: Crops, unseen: Crops, run: Run, keep: int) -> None:
    finish(fit(made(two_kernels), crops, unseen, longer(run, 1)))
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:keep])
    with pytest.raises(TrainingError, match="damaged"):
        next(fit(made(two_kernels), crops, unseen, run))


def test_a_checkpoint_of_another_network_is_refused(crops: Crops, unseen: Crops, run: Run) -> None:
    finish(fit(made(two_kernels), crops, unseen, longer(run, 1)))
    with pytest.raises(TrainingError, match="damaged"):
        next(fit(FocusLiteNN(3), crops, unseen, run))


def test_training_that_diverges_is_refused(crops: Crops, unseen: Crops, run: Run) -> None:
    network = made(two_kernels)
    with torch.no_grad():
        network.conv.bias[0] = float("nan")
    with pytest.raises(TrainingError, match="smaller learning rate"):
        next(fit(network, crops, unseen, run))
    assert not run.checkpoint.exists()


def test_an_output_folder_nobody_can_write_to_is_refused(
    crops: Crops, unseen: Crops, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    lost = replace(run, checkpoint=tmp_path / "file" / "checkpoint.pt")
    with pytest.raises(OutputError, match="cannot be written"):
        next(fit(made(two_kernels), crops, unseen, lost))


def test_scores_read_as_classes_after_the_fold(crops: Crops, unseen: Crops, run: Run) -> None:
    """A straight line folded into the weights: regressing class on score again gives slope 1."""
    network = made(two_kernels)
    finish(fit(network, crops, unseen, longer(run, 30)))
    network.rescale(*class_line(score_crops(network, crops.images), crops.classes))
    slope, offset = class_line(score_crops(network, crops.images), crops.classes)
    assert (slope, offset) == pytest.approx((1, 0), abs=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; there is none")
def test_two_epochs_on_a_gpu_in_mixed_precision_go_as_on_the_cpu(
    crops: Crops, unseen: Crops, run: Run
) -> None:
    """Up to bfloat16's 8 bits; the weights and the losses stay float32 and end on the CPU."""
    seen = []
    networks = {}
    histories = {}
    for device in ("cpu", "cuda"):
        network = networks[device] = made(ConvFocus)
        network.head[0].register_forward_hook(lambda *given: seen.append(given[2].dtype))
        settings = replace(run.settings, epochs=2, device=device, learning_rate=0.001)
        checkpoint = run.checkpoint.with_name(f"{device}.pt")
        here = replace(run, settings=settings, goal=RIGHT_CLASS, checkpoint=checkpoint)
        histories[device] = finish(fit(network, crops, unseen, here))
    mixed = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    assert set(seen[: len(seen) // 2]) == {torch.float32}
    assert set(seen[len(seen) // 2 :]) == {mixed}
    state = networks["cuda"].state_dict()
    assert {value.device.type for value in state.values()} == {"cpu"}
    assert torch.bfloat16 not in {value.dtype for value in state.values()}
    for here, there in zip(histories["cpu"], histories["cuda"], strict=True):
        assert there.training == pytest.approx(here.training, rel=0.03)
        assert there.unseen == pytest.approx(here.unseen, rel=0.05)
