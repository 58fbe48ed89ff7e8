"""Scores from blocks of pixels, whatever network makes them.

Room: inference. Gets blocks, gives scores; opens no slide, knows no map.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import InferenceError
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import Block
from napari_focusqc.tiles.structure import StructureRule


@dataclass(frozen=True, slots=True, eq=False)
class BlockScores:
    """Scores of one block.

    Parameters
    ----------
    row, col
        First tile, as in `Block`.
    scores
        float32 (rows, cols); NaN for tiles that were not wanted, not readable or abstained.
    readable
        bool (rows, cols), as in `Block`.
    abstained
        bool (rows, cols), readable tiles with too little structure to be judged.
    """

    row: int
    col: int
    scores: NDArray[np.float32]
    readable: NDArray[np.bool_]
    abstained: NDArray[np.bool_]


class BlockScorer:
    """Scores blocks, within a ``with``; may be called from several threads at once.

    On the CPU every calling thread scores on its own core. Torch's own way, all cores on one
    batch, waits at barriers for cores that are busy decoding and is many times slower. A GPU
    gets one block at a time.

    Parameters
    ----------
    network
        In evaluation mode and on `device`; float32 (B, 3, tile, tile), grey levels 0…255 →
        (B,), higher is more out of focus.
    device
        Where the network is.
    grid
        The grid the blocks are read for: window and step of the network.
    batch
        Tiles per call; scores do not depend on it beyond float rounding.
    rule
        Says which tiles are abstained: the network never sees them. None judges every tile.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        grid: TileGrid,
        batch: int,
        rule: StructureRule | None = None,
    ) -> None:
        self._network, self._device, self._batch, self._rule = network, device, batch, rule
        self._tile_px, self._stride_px = grid.tile_px, grid.stride_px
        self._turn = nullcontext() if device.type == "cpu" else Lock()

    def __enter__(self) -> "BlockScorer":
        """Remember how many cores torch may use; every call sets its own thread to one."""
        self._cores = torch.get_num_threads()
        return self

    def __exit__(self, *_: object) -> None:
        """Let torch use as many cores as before."""
        torch.set_num_threads(self._cores)

    def __call__(self, block: Block) -> BlockScores:
        """Score every wanted, readable tile of a block that holds enough structure.

        Raises
        ------
        InferenceError
            Torch failed, for instance for want of memory, or a score is not finite.
        """
        if self._device.type == "cpu":
            torch.set_num_threads(1)
        abstained = self._abstained(block)
        with self._turn:
            tiles = _tiles(block, self._tile_px, self._stride_px)
            chosen = np.argwhere(block.wanted & block.readable & ~abstained)
            scores = np.full(block.wanted.shape, np.nan, np.float32)
            for start in range(0, len(chosen), self._batch):
                at = chosen[start : start + self._batch]
                found = _score_batch(self._network, self._device, tiles, at)
                scores[at[:, 0], at[:, 1]] = found
            return BlockScores(block.row, block.col, scores, block.readable, abstained)

    def _abstained(self, block: Block) -> NDArray[np.bool_]:
        """Say which readable tiles hold too little structure, bool (rows, cols)."""
        if self._rule is None:
            return np.zeros(block.wanted.shape, bool)
        little = self._rule.too_little(
            block.pixels, block.wanted.shape, self._tile_px, self._stride_px
        )
        return little & block.readable


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
