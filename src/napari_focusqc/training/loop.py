"""Epochs of Adam over crops, with a checkpoint after each.

Room: training. A run that was killed and started again gives the same weights as one that was
not: the order of an epoch depends on the seed and the epoch's number alone.
"""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.progress import Progress
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.training.defocus_data import Crops
from napari_focusqc.training.losses import Goal


def fit(
    network: nn.Module,
    crops: Crops,
    settings: TrainSettings,
    checkpoint: Path,
    run: str,
    goal: Goal,
) -> Generator[Progress[None], None, None]:
    """Train a network in place.

    Parameters
    ----------
    network
        What the goal's loss asks for.
    crops
        To train on.
    settings
        Epochs, batch, learning rate and seed.
    checkpoint
        File that is read when it is there, and written after every epoch.
    run
        What the checkpoint belongs to, in words; one of another run is refused.
    goal
        What is to be made small.

    Raises
    ------
    TrainingError
        The checkpoint is damaged or belongs to another run, or the loss is not finite.
    OutputError
        The checkpoint cannot be written.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=settings.learning_rate)
    first = _resume(network, optimizer, checkpoint, run)
    classes = torch.from_numpy(crops.classes)
    memory = torch.empty(0)
    network.train()
    for epoch in range(first, settings.epochs):
        rng = np.random.default_rng([settings.seed, epoch])
        order = rng.permutation(len(crops.classes))
        parts = np.array_split(order, max(len(order) // settings.batch, 1))
        for step, part in enumerate(parts):
            done = (epoch + step / len(parts)) / settings.epochs
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * goal.rate(done)
            images = to_tensor(crops.images[part], memory)
            loss = goal.loss(network, images, classes[part])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        _check_finite(network, epoch)
        _save(network, optimizer, checkpoint, run, epoch + 1)
        yield Progress(epoch + 1, settings.epochs, f"training, {goal.words} = {loss.item():.3f}")
    network.eval()


def score_crops(
    network: nn.Module, images: NDArray[np.uint8], batch: int = 50
) -> NDArray[np.float64]:
    """Score crops as they are: uint8 (N, tile, tile, 3) → float64 (N,)."""
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


def _check_finite(network: nn.Module, epoch: int) -> None:
    if not all(bool(torch.isfinite(p).all()) for p in network.parameters()):
        raise TrainingError(
            f"the weights are no longer finite after epoch {epoch + 1}; train with a smaller "
            "learning rate"
        )


def _resume(network: nn.Module, optimizer: torch.optim.Adam, checkpoint: Path, run: str) -> int:
    """Take a checkpoint up where there is one; return the epoch to start with."""
    if not checkpoint.is_file():
        return 0
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if state["run"] == run:
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            return int(state["epoch"])
    except (
        torch.serialization.pickle.UnpicklingError,  # type: ignore[attr-defined]
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise TrainingError(
            f"{checkpoint} is damaged ({type(error).__name__}); delete it to start from the "
            "beginning"
        ) from error
    raise TrainingError(
        f"{checkpoint} belongs to a training with other settings or images; delete it, or choose "
        "another output folder"
    )


def _save(
    network: nn.Module, optimizer: torch.optim.Adam, checkpoint: Path, run: str, epoch: int
) -> None:
    """Write the checkpoint beside its name and rename it."""
    beside = checkpoint.with_name(checkpoint.name + ".part")
    state = {
        "run": run,
        "epoch": epoch,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            torch.save(state, file)
        beside.replace(checkpoint)
    except OSError as error:
        raise OutputError(
            f"{checkpoint} cannot be written ({error.strerror}); choose an output folder you may "
            "write to"
        ) from error
