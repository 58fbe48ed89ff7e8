"""Nuclei of windows of a slide: a network's proximity map and the peaks in it.

Room: inference. Gets pixels, gives points; opens no slide.
"""

from contextlib import nullcontext
from math import ceil
from threading import Lock
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_focusqc.errors import InferenceError
from napari_focusqc.inference.faster import faster
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.inference.peaks import distance_at, find_peaks, halo_px
from napari_focusqc.models.micronet import TOTAL_STRIDE_PX

REACH_PX = 108
"""What a pixel's proximity depends on begins at most so far before its square of 16 × 16 px, and
ends less than that after the pixel."""


def margin_px(mpp: float) -> int:
    """Return how far around a core a window must reach for the core's nuclei.

    They are then those of the whole image: a peak just outside the core may outdo one inside, and
    windows that begin and end on multiples of 16 px are halved alike.

    Parameters
    ----------
    mpp
        µm/px of the windows.
    """
    squares = ceil(REACH_PX / TOTAL_STRIDE_PX) + ceil(halo_px(distance_at(mpp)) / TOTAL_STRIDE_PX)
    return squares * TOTAL_STRIDE_PX


class NucleusFinder:
    """Finds nuclei, within a ``with``; may be called from several threads at once.

    On the CPU every calling thread works on its own core, as in `TorchTiles`; a GPU gets one
    window at a time.

    Parameters
    ----------
    network
        From `load_micronet`, on `device`.
    device
        Where the network is.
    least
        The lowest peak that is a nucleus.
    mpp
        µm/px of the windows.
    """

    def __init__(
        self, network: nn.Module, device: torch.device, least: float, *, mpp: float
    ) -> None:
        near = device.type == "cpu"
        self._network = faster(network) if near else network
        self._device, self._least, self._distance_px = device, least, distance_at(mpp)
        self._turn = nullcontext() if near else Lock()

    def __enter__(self) -> "NucleusFinder":
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

    def __call__(
        self, pixels: NDArray[np.uint8], place: tuple[slice, slice]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Find the nuclei whose peaks lie in a part of a window.

        Parameters
        ----------
        pixels
            uint8 (h, w, 3), RGB at the weights' µm/px, at least 16 px each way.
        place
            Rows and columns; `margin_px` and more around it decide.

        Returns
        -------
        centres
            float32 (N, 2), (y, x) px of the window, as `find_peaks` gives them, row by row.
        values
            float32 (N,), proximity at the peak.

        Raises
        ------
        InferenceError
            The window is too small, torch failed, for instance for want of memory, or the
            proximity is not finite.
        """
        first, stop = ([each.start for each in place], [each.stop for each in place])
        halo = halo_px(self._distance_px)
        corner = np.maximum(np.subtract(first, halo), 0)
        rows, cols = map(slice, corner.tolist(), np.add(stop, halo).tolist())
        proximity = self.proximity(pixels, (rows, cols))
        centres, values = find_peaks(proximity, least=self._least, distance_px=self._distance_px)
        centres += corner.astype(np.float32)
        pixel = np.rint(centres)
        own = ((pixel >= first) & (pixel < stop)).all(axis=1)
        return centres[own], values[own]

    def proximity(
        self, pixels: NDArray[np.uint8], part: tuple[slice, slice]
    ) -> NDArray[np.float32]:
        """Predict how near each pixel is to the centre of a nucleus.

        Parameters
        ----------
        pixels
            As for a call.
        part
            Rows and columns that are wanted.

        Returns
        -------
        float32, as large as the part; 0 to about 1.

        Raises
        ------
        InferenceError
            The window is too small, or torch failed.
        """
        if self._device.type == "cpu":
            torch.set_num_threads(1)
        try:
            with self._turn:
                return proximity_of(self._network, pixels, self._device, part)
        except InferenceError:
            raise
        except RuntimeError as error:  # which a napari worker would swallow
            reason = str(error).partition("\n")[0]
            raise InferenceError(
                f"the network could not be run on {self._device} ({reason}); try another device"
            ) from error
