"""How far tiles are from focus, from two planes of a stack.

Room: inference. Gets tiles of two planes, gives µm; cuts no tiles, knows no stack. The sign is that
of `models.focus_distance`.

The pre-processing is Rai Dastidar's [1]_: the median of 3 × 3 px of each plane, their difference,
its median of 3 × 3 px, and each channel less its mean over its standard deviation. Borders, of
which the paper says nothing, repeat their last pixel.

References
----------
.. [1] Rai Dastidar, "Automated focus distance estimation …", CVPR Workshops 2019, section 3.4.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_focusqc.errors import InferenceError
from napari_focusqc.models.focus_distance import FocusDistance

_LEAST_DEVIATION = 1e-6
"""Grey levels; a channel that varies less is all zeros."""


def differences(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Prepare tiles of two planes as the paper does.

    Parameters
    ----------
    first, second
        uint8 (n, t, t, 3), RGB: the lower plane, and the same places in the plane Δ above it.

    Returns
    -------
    float32 (n, 3, t, t), second less first; each channel has mean 0 and deviation 1, or is 0 where
    nothing differs.

    Raises
    ------
    InferenceError
        The planes have not as many tiles of the same size.
    """
    if first.shape != second.shape:
        raise InferenceError(
            f"tiles of shape {first.shape} came with others of shape {second.shape}; give the same "
            "places of both planes"
        )
    changed = median(second).astype(np.int16) - median(first)
    return standardised(median(changed))


def standardised(tiles: NDArray[Any]) -> NDArray[np.float32]:
    """Take from each channel of each tile its mean, and divide by its standard deviation.

    Parameters
    ----------
    tiles
        (n, t, t, 3), any real dtype.

    Returns
    -------
    float32 (n, 3, t, t), channels last in memory; 0 where a channel is the same all over.
    """
    values = tiles.astype(np.float32)
    values -= values.mean(axis=(1, 2), dtype=np.float64, keepdims=True).astype(np.float32)
    spread = np.sqrt(np.square(values).mean(axis=(1, 2), dtype=np.float64, keepdims=True))
    values *= np.where(
        spread < _LEAST_DEVIATION, 0, 1 / np.maximum(spread, _LEAST_DEVIATION)
    ).astype(np.float32)
    return np.moveaxis(values, 3, 1)


def median(tiles: NDArray[Any]) -> NDArray[Any]:
    """Return the median of 3 × 3 px around each, border pixels repeated.

    Columns of three are sorted first; the median of nine is then that of three: the largest of the
    smallest, the middle of the middle, and the smallest of the largest.

    Parameters
    ----------
    tiles
        (n, h, w, C), any real dtype.
    """
    wide = np.pad(tiles, ((0, 0), (1, 1), (1, 1), (0, 0)), "edge")
    above, here, below = wide[:, :-2], wide[:, 1:-1], wide[:, 2:]
    low, high = np.minimum(above, here), np.maximum(above, here)
    least, middle = np.minimum(low, below), np.maximum(low, np.minimum(high, below))
    most = np.maximum(high, below)
    return _middle(
        np.maximum(np.maximum(least[:, :, :-2], least[:, :, 1:-1]), least[:, :, 2:]),
        _middle(middle[:, :, :-2], middle[:, :, 1:-1], middle[:, :, 2:]),
        np.minimum(np.minimum(most[:, :, :-2], most[:, :, 1:-1]), most[:, :, 2:]),
    )


def distances(
    network: FocusDistance,
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    *,
    device: torch.device,
    batch: int = 16,
) -> NDArray[np.float32]:
    """Measure how far tiles are from focus.

    Parameters
    ----------
    network
        From `models.weights.load_focus_distance`, on `device`. One that was trained for one plane
        looks at the second alone.
    first, second
        uint8 (n, t, t, 3), RGB, at the weights' µm/px: the lower plane and the plane Δ above it, t
        and Δ as the network has them.
    device
        Where the network is.
    batch
        Tiles at once; distances do not depend on it beyond float rounding.

    Returns
    -------
    float32 (n,), µm from the second plane to focus; positive moves up.

    Raises
    ------
    InferenceError
        The tiles have another size, torch failed, or a distance is not finite.
    """
    side = network.input_px
    if second.shape[1:] != (side, side, 3):
        raise InferenceError(
            f"tiles of shape {second.shape} came to a network of {side} px; give RGB tiles of "
            f"{side} × {side} px"
        )
    found = np.empty(len(second), np.float32)
    for start in range(0, len(second), batch):
        part = slice(start, start + batch)
        found[part] = _run(network, prepared(network, first[part], second[part]), device)
    if not np.isfinite(found).all():
        raise InferenceError(
            "the network gave distances that are not finite; try another device, or other weights"
        )
    return found


def prepared(network: FocusDistance, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Tensor:
    """Return what a network sees of tiles: their difference, or the second plane alone."""
    seen = differences(first, second) if network.difference else standardised(second)
    return torch.from_numpy(seen).contiguous(memory_format=torch.channels_last)


def _run(network: FocusDistance, images: Tensor, device: torch.device) -> NDArray[np.float32]:
    """Run the network; what torch raises becomes ours."""
    try:
        with torch.inference_mode():
            return np.asarray(network(images.to(device)).float().cpu().numpy())
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise InferenceError(
            f"the network could not be run on {device} ({reason}); try a smaller batch or another "
            "device"
        ) from error


def _middle(one: NDArray[Any], two: NDArray[Any], three: NDArray[Any]) -> NDArray[Any]:
    """Return the middle of three, value by value."""
    low, high = np.minimum(one, two), np.maximum(one, two)
    return np.asarray(np.maximum(low, np.minimum(high, three)))
