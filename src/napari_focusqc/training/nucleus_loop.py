"""Steps over crops of nuclei, with a checkpoint every so often.

Room: training. A run that was killed and started again gives the same weights as one that was
not: crop number k depends on the seed and k alone.

Xing et al. 2019, “Implementation details”: SGD with Nesterov's momentum 0.9, weight decay 1e-6, and
a rate of 0.01 that is divided by 10 on a plateau, down to 1e-4. What a plateau is it does not say:
here `PATIENCE` looks at the validation loss without a better one. ``short`` is ours: AdamW and a
rate that rises and falls once, by half a cosine each.
"""

from collections.abc import Generator
from dataclasses import astuple, dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import SGD, AdamW, Optimizer

from napari_focusqc.inference.device import choose_device
from napari_focusqc.inference.memory import keep_freed_memory
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.progress import Progress
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.training.augmentation import Augmentation
from napari_focusqc.training.checkpoint import read_checkpoint, write_checkpoint
from napari_focusqc.training.loop import Epoch, check_finite
from napari_focusqc.training.nucleus_crops import NucleusCrops, nucleus_crops
from napari_focusqc.training.nucleus_fields import NucleusField
from napari_focusqc.training.proximity import (
    DISTANCE_PX,
    PAPER_MPP,
    TRAINING_FACTOR,
    proximity_map,
)
from napari_focusqc.training.proximity_loss import combined_loss

EVERY = 500
"""Steps between two checkpoints at most, each with a look at the validation loss."""
UNSEEN = 64
"""Validation crops, always the same."""
PATIENCE = 10
"""Looks without a better loss before the rate is divided by 10."""
LEAST_SHARE = 0.01
"""Of the paper's rate; it goes no lower."""
RISING = 0.2
"""Share of a short run in which its rate rises."""

Fields = tuple[NucleusField, ...]


@dataclass(frozen=True, slots=True)
class NucleusRun:
    """What a training is: everything but the network.

    Parameters
    ----------
    settings
        Schedule, iterations, batch, rate, γ, seed and device.
    fields, auxiliary, unseen
        To train on, to train on besides (or none), and to look at the loss on.
    checkpoint, name
        As for `loop.Run`.
    """

    settings: MicroNetTraining
    fields: Fields
    auxiliary: Fields
    unseen: Fields
    checkpoint: Path
    name: str

    @property
    def distance_px(self) -> float:
        """From a centre to where its proximity is 0: the same length at every resolution."""
        return DISTANCE_PX * PAPER_MPP / self.settings.mpp

    @property
    def every(self) -> int:
        """Steps between two checkpoints: `EVERY`, or fewer, so that a short run has three."""
        return min(EVERY, -(-self.settings.iterations // 3))

    @property
    def augmentation(self) -> Augmentation:
        """How crops differ."""
        return Augmentation(self.settings.crop, reach_px=self.distance_px)

    def rate(self, step: int, losses: list[float]) -> float:
        """Return the learning rate of a step, from the validation losses so far."""
        highest, share = self.settings.learning_rate, step / self.settings.iterations
        if self.settings.schedule == "paper":
            return float(highest * max(0.1 ** _plateaus(losses), LEAST_SHARE))
        rising = share / RISING if share < RISING else (1 - share) / (1 - RISING)
        return highest * (1 - cos(pi * rising)) / 2

    def optimizer(self, network: MicroNet) -> Optimizer:
        """Return what steps."""
        learning = [each for each in network.parameters() if each.requires_grad]
        rate = self.settings.learning_rate
        if self.settings.schedule == "paper":
            return SGD(learning, rate, momentum=0.9, nesterov=True, weight_decay=1e-6)
        return AdamW(learning, rate, weight_decay=1e-4)


def fit_nuclei(network: MicroNet, run: NucleusRun) -> Generator[Progress[None], None, list[Epoch]]:
    """Train a network in place, on the device of the settings; it ends on the CPU.

    Returns
    -------
    The losses of every `NucleusRun.every` steps, also of those before a run was taken up again.

    Raises
    ------
    FocusQCError
        As `loop.fit`.
    """
    keep_freed_memory()
    settings, device = run.settings, choose_device(run.settings.device)
    network.to(device)
    optimizer = run.optimizer(network)
    state = read_checkpoint(run.checkpoint, run.name, network, optimizer)
    history = [Epoch(*losses) for losses in state]
    unseen = nucleus_crops(run.unseen, range(UNSEEN), settings.seed + 1, run.augmentation)
    while (first := len(history) * run.every) < settings.iterations:
        last = min(first + run.every, settings.iterations)
        known = [each.unseen for each in history]
        losses = []
        network.train()
        for step in range(first, last):
            for group in optimizer.param_groups:
                group["lr"] = run.rate(step, known)
            losses.append(_step(network, optimizer, run, step))
            yield Progress(step + 1, settings.iterations, f"training, loss {np.mean(losses):.3f}")
        check_finite(network, f"iteration {last}")
        history.append(Epoch(float(np.mean(losses)), _mean_loss(network, unseen, run)))
        done = [astuple(epoch) for epoch in history]
        write_checkpoint(run.checkpoint, run.name, network, optimizer, done)
    network.to("cpu").eval()
    return history


def _plateaus(losses: list[float]) -> int:
    """Count how often the rate was divided: `PATIENCE` looks without a better loss each."""
    best, since, count = np.inf, 0, 0
    for loss in losses:
        best, since = (loss, 0) if loss < best else (best, since + 1)
        if since == PATIENCE:
            count, since = count + 1, 0
    return count


def _step(network: MicroNet, optimizer: Optimizer, run: NucleusRun, step: int) -> float:
    """Take one step; return its loss."""
    settings = run.settings
    numbers = range(step * settings.batch, (step + 1) * settings.batch)
    besides = len(numbers) // 2 if run.auxiliary else 0
    sources = ((run.fields, numbers[besides:]), (run.auxiliary, numbers[:besides]))
    crops = [
        nucleus_crops(fields, some, settings.seed, run.augmentation)
        for fields, some in sources
        if some
    ]
    device = next(network.parameters()).device
    images, truth = (
        torch.cat(parts).to(device)
        for parts in zip(*(_tensors(each, run.distance_px) for each in crops), strict=True)
    )
    wanted = torch.arange(len(images), device=device) < len(crops[0].pixels)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed * 1_000_003 + step)  # dropout
        loss = combined_loss(network(images), truth, wanted, gamma=settings.gamma)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def _tensors(crops: NucleusCrops, distance_px: float) -> tuple[Tensor, Tensor]:
    """Return images, channels last in memory, and their targets."""
    shape = crops.pixels.shape[2], crops.pixels.shape[3]
    maps: list[NDArray[np.float32]] = [
        proximity_map(each, shape, distance_px=distance_px) for each in crops.centres
    ]
    images = torch.from_numpy(crops.pixels).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(np.stack(maps) * np.float32(TRAINING_FACTOR))


def _mean_loss(network: MicroNet, crops: NucleusCrops, run: NucleusRun) -> float:
    """Return the mean loss of crops in evaluation mode."""
    device = next(network.parameters()).device
    images, truth = (part.to(device) for part in _tensors(crops, run.distance_px))
    network.eval()
    losses = []
    with torch.no_grad():
        for some, true in zip(
            *(torch.split(part, run.settings.batch) for part in (images, truth)), strict=True
        ):
            wanted = torch.ones(len(some), dtype=torch.bool, device=device)
            losses.append(len(some) * combined_loss(network(some), true, wanted, gamma=1).item())
    return sum(losses) / len(images)
