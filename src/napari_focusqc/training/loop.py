"""Passes over crops, with a checkpoint after each.

Room: training. A run that was killed and started again gives the same weights as one that was
not: the order of an epoch depends on the seed and the epoch's number alone.
"""

from collections.abc import Callable, Generator
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import TrainingError
from napari_focusqc.inference.device import choose_device
from napari_focusqc.inference.memory import keep_freed_memory
from napari_focusqc.progress import Progress
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.checkpoint import read_checkpoint, write_checkpoint
from napari_focusqc.training.crops import Crops
from napari_focusqc.training.losses import Goal


@dataclass(frozen=True, slots=True)
class Epoch:
    """Mean losses of one pass over the crops.

    Parameters
    ----------
    training
        While training, so each batch at the weights it met.
    unseen
        Of crops that are not trained on, at the weights after the pass.
    """

    training: float
    unseen: float


@dataclass(frozen=True, slots=True)
class Run:
    """What a training is: everything but the network and the crops.

    Parameters
    ----------
    settings
        Epochs, batch, learning rate, seed and device.
    goal
        What is to be made small.
    checkpoint
        File that is read when it is there, and written after every epoch.
    name
        What the checkpoint belongs to, in words; one of another run is refused.
    """

    settings: TrainSettings
    goal: Goal
    checkpoint: Path
    name: str


def fit(
    network: nn.Module, crops: Crops, unseen: Crops, run: Run
) -> Generator[Progress[None], None, list[Epoch]]:
    """Train a network in place, on the device of the settings; it ends on the CPU.

    On CUDA the network runs in bfloat16 where the card can; weights and losses stay float32.

    Parameters
    ----------
    network
        What the goal's loss asks for.
    crops
        To train on.
    unseen
        Crops of other images, for the loss curve; nothing is chosen by them.
    run
        The rest.

    Returns
    -------
    The losses of every epoch, also of those before a run was taken up again.

    Raises
    ------
    TrainingError
        The checkpoint is damaged or belongs to another run, or the weights are not finite.
    OutputError
        The checkpoint cannot be written.
    DeviceError
        The device is not there.
    """
    keep_freed_memory()
    settings, goal = run.settings, run.goal
    device = choose_device(settings.device)
    network.to(device)
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = goal.optimizer(trained, settings.learning_rate)
    state = read_checkpoint(run.checkpoint, run.name, network, optimizer)
    history = [Epoch(*losses) for losses in state]
    for epoch in range(len(history), settings.epochs):
        with torch.random.fork_rng():
            training = _pass(network, optimizer, crops, run, epoch)
        check_finite(network, f"epoch {epoch + 1}")
        history.append(Epoch(training, _mean_loss(network, unseen, run)))
        done = [astuple(each) for each in history]
        write_checkpoint(run.checkpoint, run.name, network, optimizer, done)
        words = f"training, {goal.words} = {training:.3f}, unseen {history[-1].unseen:.3f}"
        yield Progress(epoch + 1, settings.epochs, words)
    network.to("cpu").eval()
    return history


def _pass(
    network: nn.Module, optimizer: torch.optim.Optimizer, crops: Crops, run: Run, epoch: int
) -> float:
    """Train on every crop once; return the mean loss. The order depends on seed and epoch alone."""
    settings, device = run.settings, next(network.parameters()).device
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(crops.classes))
    parts = np.array_split(order, max(len(order) // settings.batch, 1))
    memory, total = torch.empty(0), 0.0
    torch.manual_seed(settings.seed * 10_000 + epoch)  # dropout
    network.train()
    for step, part in enumerate(parts):
        done = (epoch + step / len(parts)) / settings.epochs
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * run.goal.rate(done)
        loss = _loss(network, crops, part, run.goal, memory, device)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item() * len(part)
    return total / len(order)


def _mean_loss(network: nn.Module, crops: Crops, run: Run) -> float:
    """Return the mean loss of crops in evaluation mode."""
    device, memory = next(network.parameters()).device, torch.empty(0)
    every = np.arange(len(crops.classes))
    parts = np.array_split(every, max(len(every) // run.settings.batch, 1))
    network.eval()
    with torch.no_grad():
        losses = [_loss(network, crops, part, run.goal, memory, device).item() for part in parts]
    return float(np.average(losses, weights=[len(part) for part in parts]))


def _loss(
    network: nn.Module,
    crops: Crops,
    part: NDArray[np.int64],
    goal: Goal,
    memory: Tensor,
    device: torch.device,
) -> Tensor:
    """Return the loss of some crops; in mixed precision on CUDA."""
    images = to_tensor(crops.images[part], memory).to(device, non_blocking=True)
    classes = torch.from_numpy(crops.classes[part]).to(device)
    mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
    with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
        return goal.loss(network, images, classes)


def score_crops(
    network: Callable[[Tensor], Tensor], images: NDArray[np.uint8], batch: int = 50
) -> NDArray[np.float64]:
    """Score crops as they are: uint8 (N, tile, tile, 3) → float64 (N,), or more per crop."""
    parts, memory = range(0, len(images), batch), torch.empty(0)
    with torch.no_grad():
        scores = [network(to_tensor(images[i : i + batch], memory)) for i in parts]
    found: NDArray[np.float64] = torch.cat(scores).double().numpy()
    return found


def to_tensor(images: NDArray[np.uint8], memory: Tensor) -> Tensor:
    """Turn uint8 (B, H, W, 3) into float32 (B, 3, H, W) in [0, 1], channels last in memory.

    `memory` is made to fit and filled: taking new memory for every batch takes longer than the
    network.
    """
    pixels = memory.resize_(images.shape).copy_(torch.from_numpy(images))
    return pixels.div_(255).permute(0, 3, 1, 2)


def check_finite(network: nn.Module, when: str) -> None:
    """Refuse to go on with weights that are not finite.

    Raises
    ------
    TrainingError
        Some are not, after what `when` says.
    """
    if not all(bool(torch.isfinite(p).all()) for p in network.parameters()):
        raise TrainingError(
            f"the weights are no longer finite after {when}; train with a smaller learning rate"
        )
