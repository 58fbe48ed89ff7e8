"""Networks from files and files from networks.

Room: models. Nothing is unpickled beyond plain tensors; a file is trusted only as far as its
shapes, its numbers and its card's checksum agree.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from napari_focusqc.errors import OutputError, WeightsError
from napari_focusqc.models.card import Finds, Weights, WeightsCard
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.deepfocus import DeepFocus
from napari_focusqc.models.focus_distance import FocusDistance
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.published import deepfocus_state
from napari_focusqc.models.weights_file import check_sum, content_of

FocusNetwork = FocusLiteNN | ConvFocus | DeepFocus
"""float (B, 3, tile, tile) in [0, 1] → (B,) scores, higher is more out of focus."""

NETWORKS: dict[str, type[FocusNetwork | MicroNet | FocusDistance]] = {
    "focuslitenn": FocusLiteNN,
    "convfocus": ConvFocus,
    "deepfocus": DeepFocus,
    "micronet": MicroNet,
    "focus_distance": FocusDistance,
}

_DAMAGE = (
    torch.serialization.pickle.UnpicklingError,  # type: ignore[attr-defined]
    SafetensorError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
)
"""What torch and safetensors raise for a file that is cut, garbled or of another kind."""


def load_network(weights: Weights) -> FocusNetwork:
    """Build the network of a set of weights, ready to score on the CPU.

    Parameters
    ----------
    weights
        From `models.registry.find_weights`.

    Returns
    -------
    In evaluation mode, float32; float (B, 3, tile, tile) in [0, 1] → (B,) scores.

    Raises
    ------
    WeightsError
        The file cannot be read, does not match its card's checksum, does not fit the model, or
        holds numbers that are not finite.
    """
    return cast("FocusNetwork", _load(weights, "focus"))


def load_micronet(weights: Weights) -> MicroNet:
    """Build MicroNet of a set of weights, ready to find nuclei; the rest as for `load_network`.

    Returns
    -------
    In evaluation mode, float32; its output is proximity, 0 to about 1.
    """
    return cast("MicroNet", _load(weights, "nuclei"))


def load_focus_distance(weights: Weights) -> FocusDistance:
    """Build the network of focus distances of a set of weights; the rest as for `load_network`.

    Returns
    -------
    In evaluation mode, float32; `inference.distance.distances` runs it.
    """
    return cast("FocusDistance", _load(weights, "distance"))


def _load(weights: Weights, finds: Finds) -> nn.Module:
    """Build a network of a set of weights."""
    if weights.model.finds != finds:
        raise WeightsError(
            f"{weights.path.name} holds weights of {weights.model.name}, which finds "
            f"{weights.model.finds}; give weights that find {finds}"
        )
    state = _read_state(weights)
    network_class = NETWORKS[weights.model.network]
    options = network_class.options_of(state)
    _check_options(weights, options)
    network = network_class(**options)
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise WeightsError(
            f"{weights.path.name} does not fit {weights.model.name} "
            f"({' '.join(str(error).split())}); give weights of this model"
        ) from error
    if not all(bool(torch.isfinite(value).all()) for value in network.state_dict().values()):
        raise WeightsError(
            f"{weights.path.name} holds numbers that are not finite, so its training failed; "
            "give other weights"
        )
    return network.eval()


def save_weights(network: nn.Module, card: WeightsCard, folder: Path) -> Weights:
    """Write ``card.name`` as safetensors with its JSON card, each beside its name and renamed.

    Parameters
    ----------
    network
        Its state dict is written.
    card
        Its checksum is filled in here.
    folder
        Made when it is not there.

    Raises
    ------
    OutputError
        The folder cannot be written to.
    """
    state = {
        name: value.detach().float().contiguous() for name, value in network.state_dict().items()
    }
    content = safetensors.torch.save(state)
    signed = replace(card, sha256=hashlib.sha256(content).hexdigest())
    path = folder / f"{card.name}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
        _replace(path.with_suffix(".json"), signed.to_json().encode())
    except OSError as error:
        raise OutputError(
            f"the weights cannot be written to {folder} ({error.strerror}); choose a folder you "
            "may write to"
        ) from error
    return Weights(CARDS[card.model], signed, path)


def _replace(path: Path, content: bytes) -> None:
    """Write beside and rename, so that no half file ever bears the name."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)


def _read_state(weights: Weights) -> dict[str, Tensor]:
    """Read a file's tensors by name, whatever wraps them."""
    path, content = weights.path, content_of(weights.path)
    check_sum(weights.card, content, path.name)
    if path.suffix == ".npz":
        state = deepfocus_state(content, path.name)
        return {name: torch.from_numpy(value) for name, value in state.items()}
    try:
        if path.suffix == ".safetensors":
            return dict(safetensors.torch.load(content))
        loaded = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except _DAMAGE as error:
        raise WeightsError(
            f"{path.name} is damaged or is not a file of plain weights "
            f"({type(error).__name__}); fetch it again from where it came"
        ) from error
    return _unwrapped(loaded, path)


def _unwrapped(loaded: Any, path: Path) -> dict[str, Tensor]:
    """Take a checkpoint's wrapping and DataParallel's prefix off."""
    inner = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else loaded
    plain = isinstance(inner, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in inner.items()
    )
    if not plain:
        raise WeightsError(
            f"{path.name} holds no state dict of tensors; give a checkpoint of the model's weights"
        )
    return {name.removeprefix("module."): value for name, value in inner.items()}


def _check_options(weights: Weights, options: dict[str, Any]) -> None:
    """Refuse a file whose shapes are not those its card or the asked model names."""
    model, card = weights.model, weights.card
    if model.fixed is not None and options[model.fixed[0]] != model.fixed[1]:
        name, asked = model.fixed
        raise WeightsError(
            f"{weights.path.name} has {name} {options[name]}, but {model.name} has {asked}; choose "
            f"the model {model.network} or other weights"
        )
    if card.network and card.network != options:
        raise WeightsError(
            f"{weights.path.name} is a network of {options}, but its card says {card.network}; "
            "put the pair that training wrote back together"
        )
