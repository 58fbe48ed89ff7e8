"""Where a training got to, in a file that is read when it is there.

Room: training. Nothing is unpickled beyond plain tensors and numbers.
"""

from pathlib import Path

import torch
from torch import nn

from napari_focusqc.errors import OutputError, TrainingError

Losses = tuple[float, ...]


def read_checkpoint(
    path: Path, name: str, network: nn.Module, optimizer: torch.optim.Optimizer
) -> list[Losses]:
    """Take a training up where its checkpoint stands; return the losses behind it.

    Parameters
    ----------
    path
        The file; without one nothing is done, and there are no losses.
    name
        What the training is, in words; a checkpoint of another one is refused.
    network, optimizer
        Brought to the state they had.

    Raises
    ------
    TrainingError
        The checkpoint is damaged or belongs to another training.
    """
    if not path.is_file():
        return []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["run"] == name:
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
            return [tuple(map(float, losses)) for losses in state["history"]]
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
            f"{path} is damaged ({type(error).__name__}); delete it to start from the beginning"
        ) from error
    raise TrainingError(
        f"{path} belongs to a training with other settings or images; delete it, or choose another "
        "output folder"
    )


def write_checkpoint(
    path: Path,
    name: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    losses: list[Losses],
) -> None:
    """Write a checkpoint beside its name and rename it; parameters as for `read_checkpoint`.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    beside = path.with_name(path.name + ".part")
    state = {
        "run": name,
        "history": losses,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            torch.save(state, file)
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}); choose an output folder you may write to"
        ) from error
