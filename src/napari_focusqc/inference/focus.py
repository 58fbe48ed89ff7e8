"""Scores from blocks of pixels, whatever network makes them.

Room: inference. Gets blocks, gives scores; opens no slide, knows no map.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import InferenceError
from napari_focusqc.tiles.grid import TileGrid
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
    grid: TileGrid,
    *,
    batch: int,
    threads: int,
) -> Iterator[BlockScores]:
    """Score every wanted, readable tile of every block.

    On the CPU batches run side by side, each on one core. Torch's own way, all cores on one
    batch, waits at barriers for cores that are busy decoding and is many times slower.

    Parameters
    ----------
    blocks
        From `tiles.reading.read_blocks`; each is used before the next is asked for.
    network
        In evaluation mode and on `device`; float32 (B, 3, tile, tile), grey levels 0…255 →
        (B,), higher is more out of focus.
    device
        Where the network is.
    grid
        The grid the blocks were read for: window and step of the network.
    batch
        Tiles per call; scores do not depend on it beyond float rounding.
    threads
        Batches side by side on the CPU; a GPU gets one at a time.

    Raises
    ------
    InferenceError
        Torch failed, for instance for want of memory, or a score is not finite.
    """
    with _workers(threads if device.type == "cpu" else 1) as pool:
        for block in blocks:
            tiles = _tiles(block, grid.tile_px, grid.stride_px)
            chosen = np.argwhere(block.wanted & block.readable)
            places = [chosen[start : start + batch] for start in range(0, len(chosen), batch)]
            scores = np.full(block.wanted.shape, np.nan, np.float32)
            found = pool.map(partial(_score_batch, network, device, tiles), places)
            for at, values in zip(places, found, strict=True):
                scores[at[:, 0], at[:, 1]] = values
            yield BlockScores(block.row, block.col, scores, block.readable)


@contextmanager
def _workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """Lend threads in which torch uses one core each, and leave torch as it was."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "focusqc-score", torch.set_num_threads, (1,))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)


def _tiles(block: Block, tile_px: int, stride_px: int) -> Tensor:
    """View a block as overlapping tiles: uint8 (rows, cols, tile, tile, 3), nothing copied."""
    image = torch.from_numpy(block.pixels)
    down, right, channel = image.stride()
    return image.as_strided(
        (*block.wanted.shape, tile_px, tile_px, 3),
        (stride_px * down, stride_px * right, down, right, channel),
    )


def _score_batch(
    network: nn.Module, device: torch.device, tiles: Tensor, at: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Score chosen tiles; what torch raises becomes ours (a worker would swallow RuntimeError)."""
    try:
        with torch.inference_mode():
            scores: NDArray[np.float32] = network(_stack(tiles, at, device)).float().cpu().numpy()
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise InferenceError(
            f"the network could not be run on {device} ({reason}); "
            "try a smaller batch or another device"
        ) from error
    if not np.isfinite(scores).all():
        raise InferenceError(
            f"the network gave numbers that are not finite on {device}; try another device, or "
            "other weights"
        )
    return scores


def _stack(tiles: Tensor, at: NDArray[np.intp], device: torch.device) -> Tensor:
    """Copy chosen tiles to the device as float32 (B, 3, tile, tile), channels last."""
    stack = torch.empty((len(at), *tiles.shape[2:]), dtype=torch.float32)
    for index, (row, col) in enumerate(at):
        stack[index] = tiles[row, col]
    return stack.to(device).permute(0, 3, 1, 2)
