"""A window as large as it must be gives the nuclei of the whole image."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_focusqc.errors import InferenceError
from napari_focusqc.inference.nucleus_finder import NucleusFinder, margin_px
from napari_focusqc.inference.peaks import distance_at, halo_px
from napari_focusqc.models.micronet import TOTAL_STRIDE_PX, MicroNet

CPU = torch.device("cpu")


class Darkness(nn.Module):
    """The first channel of what comes in, (B, 3, h, w) → (B, h, w)."""

    def forward(self, images: torch.Tensor, part: tuple[slice, slice]) -> torch.Tensor:
        return images[(slice(None), 0, *part)]


@pytest.mark.parametrize("mpp", [0.5, 0.25, 0.08])
def test_the_margin_holds_all_that_a_core_and_its_halo_depend_on(mpp: float) -> None:
    torch.manual_seed(0)
    margin, halo = margin_px(mpp), halo_px(distance_at(mpp))
    network, first, stop = MicroNet((1, 1, 1, 1, 1)).double().eval(), 256, 320
    image = torch.rand(1, 3, 576, 32, dtype=torch.double, requires_grad=True)
    rows = network(image)[0][first - halo : stop + halo]
    (rows * torch.rand_like(rows)).sum().backward()
    seen = torch.nonzero(image.grad.abs().sum((0, 1, 3)))[:, 0]
    assert first - margin <= seen.min() < first - margin + TOTAL_STRIDE_PX
    assert stop + margin - 2 * TOTAL_STRIDE_PX < seen.max() < stop + margin
    assert margin % TOTAL_STRIDE_PX == 0


def test_only_peaks_of_the_part_are_given_and_those_beside_it_count() -> None:
    image = np.full((64, 64, 3), 255, np.uint8)
    image[20, 30], image[20, 31], image[40, 31] = 100, 90, 100
    with NucleusFinder(Darkness(), CPU, 0.2, mpp=0.25) as find:
        left, values = find(image, np.s_[0:64, 0:31])
        right, _ = find(image, np.s_[0:64, 31:64])
    assert left.tolist() == []  # outdone by its neighbour across the border
    assert values.tolist() == []
    assert np.rint(right).tolist() == [[20, 31], [40, 31]]


def test_torch_has_its_cores_back() -> None:
    before = torch.get_num_threads()
    with NucleusFinder(Darkness(), CPU, 0.2, mpp=0.25) as find:
        find(np.zeros((16, 16, 3), np.uint8), np.s_[0:16, 0:16])
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


def test_what_torch_raises_becomes_a_sentence() -> None:
    class Broken(nn.Module):
        def forward(self, images: torch.Tensor, part: tuple[slice, slice]) -> torch.Tensor:
            raise RuntimeError("no memory\nand a trace")

    with (
        NucleusFinder(Broken(), CPU, 0.2, mpp=0.25) as find,
        pytest.raises(InferenceError, match=r"could not be run on cpu \(no memory\)"),
    ):
        find(np.zeros((16, 16, 3), np.uint8), np.s_[0:16, 0:16])


def test_an_image_below_the_least_size_is_refused() -> None:
    network = MicroNet((1, 1, 1, 1, 1)).eval()
    with (
        NucleusFinder(network, CPU, 0.2, mpp=0.25) as find,
        pytest.raises(InferenceError, match="needs 16 px"),
    ):
        find(np.zeros((15, 40, 3), np.uint8), np.s_[0:15, 0:40])
