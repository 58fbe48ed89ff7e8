"""Scores of tiles by torch, whatever the network.

Room: inference. Gets pixels and corners, gives scores.
"""

from contextlib import nullcontext
from threading import Lock, local
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_focusqc.errors import InferenceError


def mixed(device: torch.device) -> torch.autocast:
    """Convolve in half precision on CUDA, within ``with``; scores move by 0.5 % of their range."""
    return torch.autocast(device.type, torch.float16, enabled=device.type == "cuda")


class TorchTiles:
    """Scores tiles, within a ``with``; may be called from several threads at once.

    On the CPU every calling thread scores on its own core. Torch's own way, all cores on one
    batch, waits at barriers for cores that are busy decoding and is many times slower. A GPU
    gets one batch at a time.

    Parameters
    ----------
    network
        In evaluation mode and on `device`; float32 (B, 3, tile, tile), grey levels 0…255 →
        (B,), higher is more out of focus.
    device
        Where the network is.
    tile_px
        Side of a tile.
    batch
        Tiles per call; scores do not depend on it beyond float rounding. It is halved, and stays
        so, whenever a GPU has too little memory for it.
    """

    def __init__(self, network: nn.Module, device: torch.device, tile_px: int, batch: int) -> None:
        self._network, self._device, self._batch, self._tile_px = network, device, batch, tile_px
        self._turn = nullcontext() if device.type == "cpu" else Lock()
        self._own = local()

    def __enter__(self) -> "TorchTiles":
        """Remember how many cores torch may use; every call sets its own thread to one."""
        self._cores = torch.get_num_threads()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let torch use as many cores as before."""
        torch.set_num_threads(self._cores)

    def __call__(self, pixels: NDArray[np.uint8], corners: NDArray[np.intp]) -> NDArray[np.float32]:
        """Score tiles of an image.

        Parameters
        ----------
        pixels
            uint8 (h, w, 3), RGB.
        corners
            intp (n, 2), (y, x) of the tiles, all inside.

        Returns
        -------
        float32 (n,).

        Raises
        ------
        InferenceError
            Torch failed, for instance for want of memory, or a score is not finite.
        """
        if self._device.type == "cpu":
            torch.set_num_threads(1)
        image, scores, start = torch.from_numpy(pixels), np.empty(len(corners), np.float32), 0
        with self._turn:
            while start < len(corners):
                some = corners[start : start + self._batch]
                found = self._scored(image, some)
                if found is None:
                    self._batch //= 2
                    continue
                scores[start : start + len(some)] = found
                start += len(some)
        return scores

    def _stack(self, image: Tensor, corners: NDArray[np.intp]) -> Tensor:
        """Copy tiles to the device as float32 (B, 3, tile, tile), channels last.

        They travel to a GPU as bytes, from memory that it may read by itself.
        """
        side, near = self._tile_px, self._device.type == "cpu"
        stack: Tensor | None = getattr(self._own, "stack", None)
        if stack is None:
            kind, pinned = torch.float32 if near else torch.uint8, self._device.type == "cuda"
            stack = torch.empty((self._batch, side, side, 3), dtype=kind, pin_memory=pinned)
            self._own.stack = stack
        for place, (y, x) in zip(stack, corners.tolist(), strict=False):
            place.copy_(image[y : y + side, x : x + side])
        return stack[: len(corners)].to(self._device).float().permute(0, 3, 1, 2)

    def _scored(self, image: Tensor, corners: NDArray[np.intp]) -> NDArray[np.float32] | None:
        """Run the network; what torch raises becomes ours (a worker swallows RuntimeError).

        Returns
        -------
        float32 (n,); None where the device has too little memory for so many tiles at once.
        """
        try:
            with torch.inference_mode(), mixed(self._device):
                found = self._network(self._stack(image, corners))
                scores: NDArray[np.float32] = found.float().cpu().numpy()
        except RuntimeError as error:
            if isinstance(error, torch.OutOfMemoryError) and self._batch > 1:
                return None
            reason = str(error).partition("\n")[0]
            raise InferenceError(
                f"the network could not be run on {self._device} ({reason}); "
                "try a smaller batch or another device"
            ) from error
        if not np.isfinite(scores).all():
            raise InferenceError(
                f"the network gave numbers that are not finite on {self._device}; try another "
                "device, or other weights"
            )
        return scores
