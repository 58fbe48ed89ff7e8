"""Weights as a model's authors publish them: which files they are, and DeepFocus's TensorFlow.

Room: models. Loads neither torch nor TensorFlow. DeepFocus was published as a TFLearn checkpoint;
its user turns that into an `.npz` of TensorFlow's variables (docs/published-weights.md), and what
stands in it is read here. Only variables of the right name, type and shape are unpacked, and
nothing is unpickled.
"""

import hashlib
import zlib
from dataclasses import replace
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import ModelCard, WeightsCard

PUBLISHED_AS = {".pt": "focuslitenn", ".pth": "focuslitenn", ".npz": "deepfocus"}
"""File ending → the model whose authors' weights come so."""

_NOTE = "published by the model's authors and given by the user; the licence is that of its authors"

_CONVOLUTIONS = ((5, 5, 3, 32), (3, 3, 32, 32), (3, 3, 32, 64), (3, 3, 64, 128), (3, 3, 128, 128))
_CONNECTED = ((8192, 128), (128, 64), (64, 2))
_NORMS = tuple(shape[-1] for shape in (*_CONVOLUTIONS, *_CONNECTED[:-1]))
_NORM_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_PARAMETERS = {"W", "b", "kernel", "bias", *_NORM_NAMES}
"""How TFLearn's and Keras's variables that are part of a network end; an optimiser's do not."""

_HEADER_BYTES = 4096
_DAMAGE = (BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, LookupError)
"""What zipfile and numpy raise for a file that is cut, garbled, encrypted or of another kind."""


def published_card(model: ModelCard, path: Path, content: bytes) -> WeightsCard:
    """Write the card that a published file lacks; FocusLiteNN's size is read from it later.

    Parameters
    ----------
    model
        The model whose authors published it, one of `PUBLISHED_AS`.
    path
        The file, for its name.
    content
        What stands in it.

    Raises
    ------
    WeightsError
        An `.npz` does not hold DeepFocus's variables.
    """
    card = WeightsCard(
        name=path.stem,
        model=model.name,
        mpp=model.mpp,
        network={},
        score_meaning="as its authors trained it; higher is more out of focus",
        licence="of its authors",
        sha256=hashlib.sha256(content).hexdigest(),
        note=f"{_NOTE} (FocusLiteNN: Prosperity 3.0, non-commercial)",
    )
    if model.network != "deepfocus":
        return card
    deepfocus_state(content, path.name)
    return replace(
        card,
        threshold=model.threshold,
        threshold_meaning="the likelier class: the authors call a tile blurred when more than half "
        "of the probability says so; their sharp tiles lay at most 0.5 µm from focus",
        score_meaning="probability that the tile is blurred, 0 to 1, as its authors trained it",
        note=_NOTE,
    )


def deepfocus_state(content: bytes, name: str) -> dict[str, NDArray[np.float32]]:
    """Turn TensorFlow's variables of DeepFocus into the state of `models.deepfocus.DeepFocus`.

    A convolution's kernel goes from (height, width, in, out) to (out, in, height, width), a fully
    connected layer's weight from (in, out) to (out, in). TensorFlow flattens the last map as
    (8, 8, 128), torch as (128, 8, 8): the first fully connected layer is reordered for that.

    Parameters
    ----------
    content
        An `.npz` file; its names may end with ``:0``. What an optimiser and TFLearn keep beside
        the network (``Conv2D/W/Momentum``, ``Global_Step``, …) is passed over.
    name
        The file's name, for refusals.

    Raises
    ------
    WeightsError
        The file is damaged, or a variable is missing, surplus, twice there, no floating point
        number, or of another shape.
    """
    try:
        with ZipFile(BytesIO(content)) as archive:
            members = _members(archive, name)
            return {
                ours: _turned(theirs, _array(archive, members[theirs], shape, name))
                for theirs, (ours, shape) in VARIABLES.items()
            }
    except WeightsError:
        raise
    except _DAMAGE as error:
        raise WeightsError(
            f"{name} is damaged or is not an .npz of plain arrays ({type(error).__name__}); make "
            "it again from the authors' checkpoint"
        ) from error


def _variables() -> dict[str, tuple[str, tuple[int, ...]]]:
    """List TFLearn's variables: name → our parameter, and the shape TensorFlow has it in."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    for layer, ours, shapes in (
        ("Conv2D", "conv", _CONVOLUTIONS),
        ("FullyConnected", "fc", _CONNECTED),
    ):
        for index, shape in enumerate(shapes):
            found[f"{_numbered(layer, index)}/W"] = (f"{ours}.{index}.weight", shape)
            found[f"{_numbered(layer, index)}/b"] = (f"{ours}.{index}.bias", shape[-1:])
    for index, width in enumerate(_NORMS):
        for theirs, ours in _NORM_NAMES.items():
            variable = f"{_numbered('BatchNormalization', index)}/{theirs}"
            found[variable] = (f"norm.{index}.{ours}", (width,))
    return found


def _numbered(layer: str, index: int) -> str:
    """Name a layer as TFLearn does: the first of a kind has no number."""
    return f"{layer}_{index}" if index else layer


VARIABLES = _variables()
"""TFLearn's variable → our parameter, and the shape TensorFlow has it in."""


def _members(archive: ZipFile, name: str) -> dict[str, ZipInfo]:
    """Find DeepFocus's variables, and refuse a file that has fewer or more."""
    found: dict[str, ZipInfo] = {}
    for info in archive.infolist():
        variable = info.filename.removesuffix(".npy").removesuffix(":0")
        if variable in found:
            raise WeightsError(f"{name} holds {variable} twice; make it again from the checkpoint")
        found[variable] = info
    missing = [variable for variable in VARIABLES if variable not in found]
    if missing:
        raise WeightsError(
            f"{name} lacks {len(missing)} of DeepFocus's {len(VARIABLES)} variables, {missing[0]} "
            "for one; save every variable of the authors' checkpoint"
        )
    surplus = [v for v in found if v not in VARIABLES and v.rpartition("/")[2] in _PARAMETERS]
    if surplus:
        raise WeightsError(
            f"{name} also holds {surplus[0]}, which DeepFocus has no place for; give the network "
            "as its authors published it"
        )
    return found


def _array(
    archive: ZipFile, info: ZipInfo, shape: tuple[int, ...], name: str
) -> NDArray[np.float32]:
    """Read one variable; its sizes are compared with what they must be before it is unpacked."""
    variable = info.filename.removesuffix(".npy")
    if info.file_size > prod(shape) * np.dtype(np.float64).itemsize + _HEADER_BYTES:
        raise WeightsError(
            f"{name} would unpack {variable} to {info.file_size / 2**20:.1f} MiB, more than its "
            f"shape {shape} takes; make it again from the authors' checkpoint"
        )
    with archive.open(info) as stream:
        found, fortran, dtype = _header(stream)
        if found != shape or dtype.kind != "f":
            raise WeightsError(
                f"{name} has {variable} of shape {found} and type {dtype}; DeepFocus needs shape "
                f"{shape} and floating point numbers"
            )
        values = np.frombuffer(stream.read(), dtype).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):  # what no float32 can hold is refused as not finite later
        return values.astype(np.float32)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Read an array's shape, order and type."""
    if np.lib.format.read_magic(stream) == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    return np.lib.format.read_array_header_2_0(stream)


def _turned(variable: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring one variable from TensorFlow's order of axes into torch's."""
    if variable == "FullyConnected/W":
        values = values.reshape(8, 8, 128, 128).transpose(3, 2, 0, 1).reshape(128, 8192)
    elif values.ndim == 4:
        values = values.transpose(3, 2, 0, 1)
    elif values.ndim == 2:
        values = values.T
    return np.ascontiguousarray(values)
