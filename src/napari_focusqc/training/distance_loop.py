"""Passes over pairs of tiles, with a checkpoint after each.

Room: training. A run that was killed and started again gives the same weights as one that was not:
order and orientation depend on the seed, the epoch and the step alone.

Rai Dastidar 2019, sections 3.5 and 4.1: mean squared error, an L2 term on the last layer, SGD with
a rate of 0.001 that never falls. Batch, epochs and the weight of the term are not given; they are
ours. ``short`` is ours: AdamW and a rate that rises and falls once, by half a cosine each.
"""

from collections.abc import Generator
from dataclasses import astuple, dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.optim import SGD, AdamW, Optimizer

from napari_focusqc.inference.device import choose_device, usable_cores
from napari_focusqc.inference.distance import distances, prepared
from napari_focusqc.inference.memory import keep_freed_memory
from napari_focusqc.models.focus_distance import FocusDistance
from napari_focusqc.progress import Progress
from napari_focusqc.settings.distance import DistanceTraining
from napari_focusqc.tiles.in_order import in_order
from napari_focusqc.training.checkpoint import read_checkpoint, write_checkpoint
from napari_focusqc.training.distance_pairs import Pairs
from napari_focusqc.training.loop import Epoch, check_finite

L2 = 1e-3
"""Weight of the squared norm of the last layer."""
RISING = 0.2
"""Share of a short run in which its rate rises."""
EVERY = 20
"""Steps between two words of progress."""

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class DistanceRun:
    """What a training is: everything but the network and the pairs.

    Parameters
    ----------
    settings
        Schedule, epochs, batch, rate, seed and device.
    checkpoint, name
        As for `loop.Run`.
    """

    settings: DistanceTraining
    checkpoint: Path
    name: str

    def rate(self, done: float) -> float:
        """Return the learning rate when a share of the training, 0 to 1, is done."""
        highest = self.settings.learning_rate
        if self.settings.schedule == "paper":
            return highest
        rising = done / RISING if done < RISING else (1 - done) / (1 - RISING)
        return highest * (1 - cos(pi * rising)) / 2

    def optimizer(self, network: FocusDistance) -> Optimizer:
        """Return what steps."""
        rate = self.settings.learning_rate
        if self.settings.schedule == "paper":
            return SGD(network.parameters(), rate)
        return AdamW(network.parameters(), rate, weight_decay=1e-4)


def fit_distance(
    network: FocusDistance, pairs: Pairs, unseen: Pairs, run: DistanceRun
) -> Generator[Progress[None], None, list[Epoch]]:
    """Train a network in place, on the device of the settings; it ends on the CPU.

    Parameters
    ----------
    network
        For two planes or for one.
    pairs
        To train on, two at least.
    unseen
        Pairs of other images, for the loss curve; nothing is chosen by them.
    run
        The rest.

    Returns
    -------
    Mean squared errors of every epoch, µm², also of those before a run was taken up again.

    Raises
    ------
    FocusQCError
        As `loop.fit`.
    """
    keep_freed_memory()
    settings, device = run.settings, choose_device(run.settings.device)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = run.optimizer(network)
    state = read_checkpoint(run.checkpoint, run.name, network, optimizer)
    history = [Epoch(*losses) for losses in state]
    for epoch in range(len(history), settings.epochs):
        training = yield from _pass(network, optimizer, pairs, run, epoch)
        check_finite(network, f"epoch {epoch + 1}")
        away = predicted(network, unseen, device) - unseen.distance_um
        history.append(Epoch(training, float((away**2).mean())))
        done = [astuple(each) for each in history]
        write_checkpoint(run.checkpoint, run.name, network, optimizer, done)
    network.to("cpu").eval()
    return history


def predicted(network: FocusDistance, pairs: Pairs, device: torch.device) -> NDArray[np.float32]:
    """Return what a network says of pairs, float32 (N,), µm; it is in evaluation mode then."""
    network.eval()
    return distances(network, pairs.planes[:, 0], pairs.planes[:, 1], device=device, batch=64)


def _pass(
    network: FocusDistance, optimizer: Optimizer, pairs: Pairs, run: DistanceRun, epoch: int
) -> Generator[Progress[None], None, float]:
    """Train on every pair once; return the mean squared error."""
    settings, device = run.settings, next(network.parameters()).device
    order = np.random.default_rng([settings.seed, epoch]).permutation(len(pairs))
    parts = np.array_split(order, max(len(order) // settings.batch, 1))
    work = in_order(
        lambda step: _batch(network, pairs, parts[step], (settings.seed, epoch, step)),
        range(len(parts)),
        usable_cores(),
    )
    network.train()
    total, steps = 0.0, settings.epochs * len(parts)
    for step, (images, truth) in enumerate(work):
        done = epoch * len(parts) + step
        for group in optimizer.param_groups:
            group["lr"] = run.rate(done / steps)
        error = mse_loss(network(images.to(device)), truth.to(device))
        head = network.head.weight
        # the features are divided by the root of their number, so this is the norm of the whole
        loss = error + L2 * head.square().sum() / head.numel()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += error.item() * len(truth)
        if step % EVERY == 0:
            yield Progress(done, steps, f"training, error {error.item() ** 0.5:.2f} µm")
    return total / len(order)


def _batch(
    network: FocusDistance, pairs: Pairs, part: NDArray[np.int64], seed: tuple[int, int, int]
) -> Batch:
    """Return what the network sees, all turned or mirrored alike, and the true distances."""
    rng, places = np.random.default_rng(seed), np.sort(part)
    planes = np.rot90(pairs.planes[places], int(rng.integers(4)), (2, 3))
    planes = planes[:, :, ::-1] if rng.integers(2) else planes
    seen = prepared(network, planes[:, 0], planes[:, 1])
    return seen, torch.from_numpy(np.array(pairs.distance_um[places]))
