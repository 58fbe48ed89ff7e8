"""A part of a proximity map is that of the whole, and costs little more than the part."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.trimming import WHOLE, bands, risen_spans, spans_of


def thin() -> MicroNet:
    """Double precision, so that rounding does not hide an error."""
    torch.manual_seed(0)
    return MicroNet((2, 3, 4, 5, 5)).double().eval()


@settings(max_examples=20, deadline=None)
@given(data=st.data(), height=st.integers(16, 300), width=st.integers(16, 200))
def test_proximity_of_a_part_is_that_of_the_whole(
    data: st.DataObject, height: int, width: int
) -> None:
    ends = [
        sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True)))
        for size in (height, width)
    ]
    part = (slice(*ends[0]), slice(*ends[1]))
    network, image = thin(), torch.randn(1, 3, height, width, dtype=torch.float64)
    with torch.inference_mode():
        whole = network(image)[(..., *part)]
        torch.testing.assert_close(network(image, part), whole, atol=1e-12, rtol=0)


def test_a_tall_image_is_finished_in_bands_that_join_without_a_seam() -> None:
    """In training mode there is one band; nothing but dropout and norms differs, and they rest."""
    network, image = thin(), torch.randn(1, 3, 600, 40, dtype=torch.float64)
    with torch.inference_mode():
        bands = network(image)
        network.training = True
        torch.testing.assert_close(network(image), bands, atol=1e-12, rtol=0)


@settings(max_examples=50, deadline=None)
@given(st.integers(16, 2000), st.integers(16, 2000))
def test_nothing_is_left_out_of_the_whole(height: int, width: int) -> None:
    wanted = spans_of(WHOLE, (height, width))
    assert wanted == ((0, height), (0, width))
    spans = risen_spans(wanted, (height, width))
    assert spans == [((0, height >> level), (0, width >> level)) for level in range(4)]


def test_four_pixels_more_are_computed_at_each_level() -> None:
    """The core of a window, by hand; at full size eight, because the contexts come eight wide."""
    spans = risen_spans(((128, 896), (0, 768)), (1024, 1000))
    assert [rows for rows, _ in spans] == [(120, 904), (60, 452), (28, 228), (12, 116)]
    assert [columns for _, columns in spans] == [(0, 776), (0, 388), (0, 196), (0, 100)]


@given(st.integers(0, 2000), st.integers(1, 2000))
def test_bands_part_rows_between_them(start: int, count: int) -> None:
    found = list(bands((start, start + count)))
    assert [y for band in found for y in range(*band)] == list(range(start, start + count))
    assert all(stop - first <= 256 for first, stop in found)


def test_parts_learn_as_the_whole_does() -> None:
    """Gradients of a part's proximity, as when only it counted in the whole."""
    network, image = thin(), torch.randn(1, 3, 96, 80, dtype=torch.float64)
    part = (slice(30, 61), slice(16, 40))
    gradients = [
        torch.autograd.grad(proximity.square().sum(), [*network.parameters()])
        for proximity in (network(image)[(..., *part)], network(image, part))
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-10)
