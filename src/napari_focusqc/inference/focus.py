"""Scores from blocks of pixels, whatever network makes them.

Room: inference. Gets blocks, gives scores; opens no slide, knows no map.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_focusqc.inference.torch_tiles import TorchTiles
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.reading import Block
from napari_focusqc.tiles.structure import StructureRule

if TYPE_CHECKING:
    from napari_focusqc.inference.focuslitenn_kernel import FocusLiteNNKernel


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
        bool (rows, cols), wanted, readable tiles with too little structure to be judged.
    """

    row: int
    col: int
    scores: NDArray[np.float32]
    readable: NDArray[np.bool_]
    abstained: NDArray[np.bool_]


class BlockScorer:
    """Scores blocks, within a ``with``; may be called from several threads at once.

    Parameters
    ----------
    network, device, batch
        As for `TorchTiles`.
    grid
        The grid the blocks are read for: window and step of the network.
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
        self._tile_px, self._stride_px, self._rule = grid.tile_px, grid.stride_px, rule
        self._scored = tile_scorer(network, device, grid.tile_px, batch)

    def __enter__(self) -> "BlockScorer":
        """Make ready what scores."""
        self._scored.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Leave everything as it was before."""
        self._scored.__exit__(*error)

    def __call__(self, block: Block) -> BlockScores:
        """Score every wanted, readable tile of a block that holds enough structure.

        Raises
        ------
        InferenceError
            Torch failed, for instance for want of memory, or a score is not finite.
        """
        abstained = self._abstained(block)
        chosen = block.wanted & block.readable & ~abstained
        scores = np.full(block.wanted.shape, np.nan, np.float32)
        if chosen.any():
            scores[chosen] = self._scored(block.pixels, self._stride_px * np.argwhere(chosen))
        return BlockScores(block.row, block.col, scores, block.readable, abstained)

    def _abstained(self, block: Block) -> NDArray[np.bool_]:
        """Say which readable tiles hold too little structure, bool (rows, cols)."""
        if self._rule is None:
            return np.zeros(block.wanted.shape, bool)
        little = self._rule.too_little(
            block.pixels, block.wanted.shape, self._tile_px, self._stride_px
        )
        return little & block.wanted & block.readable


def tile_scorer(
    network: nn.Module, device: torch.device, tile_px: int, batch: int
) -> "TorchTiles | FocusLiteNNKernel":
    """Choose what scores tiles: a kernel of the network's own where there is one, else torch.

    The scores are the same to float rounding.
    """
    simple = isinstance(network, FocusLiteNN) and network.pooling == "min"
    if simple and device.type == "cpu":
        # imported late: Numba takes half a second
        from napari_focusqc.inference.focuslitenn_kernel import FocusLiteNNKernel

        return FocusLiteNNKernel(cast("FocusLiteNN", network))
    if device.type == "cpu":
        from napari_focusqc.inference.faster import faster

        network = faster(network)
    return TorchTiles(network, device, tile_px, batch)
