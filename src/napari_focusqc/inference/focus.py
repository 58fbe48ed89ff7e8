"""Scores from blocks of pixels, whatever network makes them.

Room: inference. Gets blocks, gives scores; opens no slide, knows no map.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import InferenceError
from napari_focusqc.tiles.reading import Block


@dataclass(frozen=True, slots=True, eq=False)
class BlockScores:
    """Scores of one block.

    Parameters
    ----------
    row, col
        First tile, as in `Block`.
    scores
        float32 (rows, cols); NaN for tiles that were not wanted or not readable.
    readable
        bool (rows, cols), as in `Block`.
    """

    row: int
    col: int
    scores: NDArray[np.float32]
    readable: NDArray[np.bool_]


def score_blocks(
    blocks: Iterable[Block],
    network: nn.Module,
    device: torch.device,
    *,
    tile_px: int,
    stride_px: int,
    batch: int,
) -> Iterator[BlockScores]:
    """Score every wanted, readable tile of every block.

    Parameters
    ----------
    blocks
        From `tiles.reading.read_blocks`; each is used before the next is asked for.
    network
        In evaluation mode and on `device`; float32 (B, 3, tile, tile) in [0, 1] → (B,), higher
        is more out of focus.
    device
        Where the network is.
    tile_px, stride_px
        The network's window and step, px.
    batch
        Tiles per call; scores do not depend on it beyond float rounding.

    Raises
    ------
    InferenceError
        Torch failed, for instance for want of memory.
    """
    for block in blocks:
        scores = np.full(block.wanted.shape, np.nan, np.float32)
        chosen = np.argwhere(block.wanted & block.readable)
        tiles = _tiles(block.pixels, block.wanted.shape, tile_px, stride_px)
        for start in range(0, len(chosen), batch):
            at = chosen[start : start + batch]
            scores[at[:, 0], at[:, 1]] = _run(network, _batch(tiles, at, device))
        yield BlockScores(block.row, block.col, scores, block.readable)


def _tiles(
    pixels: NDArray[np.uint8], shape: tuple[int, ...], tile_px: int, stride_px: int
) -> Tensor:
    """View a block as overlapping tiles: uint8 (rows, cols, tile, tile, 3), nothing copied."""
    image = torch.from_numpy(pixels)
    down, right, channel = image.stride()
    return image.as_strided(
        (shape[0], shape[1], tile_px, tile_px, 3),
        (stride_px * down, stride_px * right, down, right, channel),
    )


def _batch(tiles: Tensor, at: NDArray[np.intp], device: torch.device) -> Tensor:
    """Copy chosen tiles to the device as float32 (B, 3, tile, tile) in [0, 1], channels last."""
    stack = torch.empty((len(at), *tiles.shape[2:]), dtype=torch.float32)
    for index, (row, col) in enumerate(at):
        stack[index] = tiles[row, col]
    return stack.to(device).div_(255).permute(0, 3, 1, 2)


def _run(network: nn.Module, images: Tensor) -> NDArray[np.float32]:
    """Run the network; what torch raises becomes ours (a worker would swallow RuntimeError)."""
    try:
        with torch.inference_mode():
            scores: NDArray[np.float32] = network(images).float().cpu().numpy()
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InferenceError(
            f"the network could not be run on {images.device} ({reason}); "
            "try a smaller batch or another device"
        ) from error
    return scores
