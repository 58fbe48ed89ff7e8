"""Stacks whose focus is known are measured right, whatever the region, batch and threads."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_focusqc.errors import SettingsError, StackError, WeightsError
from napari_focusqc.geometry import Region
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import blur_channels, relative_kernels
from napari_focusqc.pipeline import focus_distance, measure_stack
from napari_focusqc.pipeline.stack import StackResult
from napari_focusqc.pipeline.stack_beginning import pairs_of
from napari_focusqc.pipeline.stack_composite import filled, seam_weights
from napari_focusqc.progress import finish
from napari_focusqc.results.focus_height import StackReason
from napari_focusqc.settings.stacks import StackSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.slides.plane_files import open_plane_files
from napari_focusqc.tiles.sharpness import FIGURES

Z = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
MPP, TILE = 0.25, 112


def measured(slide: Any, **settings: Any) -> StackResult:
    return finish(measure_stack(slide, StackSettings(device="cpu", **settings)))


def defocused(sharp: NDArray[np.uint8], z_um: float) -> NDArray[np.uint8]:
    """See a sharp field through a lens `z_um` from focus."""
    blurred = blur_channels(sharp, relative_kernels(Objective(0.75), z_um, MPP))
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sharp(tissue_image: Callable[..., NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return tissue_image(TILE, 4 * TILE)


@pytest.fixture(scope="module")
def planes(sharp: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a stack whose left half is in focus at −2 µm and its right half at 1 µm."""
    halves = np.hsplit(sharp, 2)
    pairs = [[defocused(half, z - at) for half, at in zip(halves, (-2, 1), strict=True)] for z in Z]
    return np.stack([np.hstack(pair) for pair in pairs])


@pytest.fixture
def stack(planes: NDArray[np.uint8]) -> ArraySlide:
    return ArraySlide([planes], mpp=MPP, name="stack", z_um=Z)


@pytest.fixture
def small(planes: NDArray[np.uint8]) -> ArraySlide:
    """Return a part of it over both halves, of 3 × 4 tiles of the network in `weights`."""
    return ArraySlide([planes[:, :96, 160:288]], mpp=MPP, name="small", z_um=Z)


def network_weights(folder: Path, name: str, bias: float | None = None) -> Path:
    """Write weights of 32 px and 2 µm; with a bias they tell it of every tile."""
    import torch

    from napari_focusqc.models.card import WeightsCard
    from napari_focusqc.models.focus_distance import FocusDistance
    from napari_focusqc.models.weights import save_weights

    torch.manual_seed(0)
    options = {"width": 0.1, "input_px": 32, "delta_um": 2.0, "difference": True}
    network = FocusDistance(**options).eval()  # type: ignore[arg-type]
    if bias is not None:
        with torch.no_grad():
            network.head.weight.zero_()
            network.head.bias.fill_(bias)
    card = WeightsCard(name, "focus-distance", MPP, options)
    return save_weights(network, card, folder).path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network_weights(tmp_path_factory.mktemp("distance"), "toy")


@pytest.mark.parametrize("merit", FIGURES)
def test_each_half_of_a_simulated_stack_has_its_own_focus(stack: ArraySlide, merit: str) -> None:
    told = measured(stack, merit=merit, composite_mpx=0, tissue="none")
    heights = told.distance_map.merit_um
    assert heights.shape == (1, 4)
    assert heights[:, :2] == pytest.approx(-2, abs=0.5)
    assert heights[:, 2:] == pytest.approx(1, abs=0.5)
    assert told.distance_map.best_plane(heights).tolist() == [[2, 2, 5, 5]]


def test_the_composite_is_sharper_than_any_plane(
    stack: ArraySlide, planes: NDArray[np.uint8], sharp: NDArray[np.uint8]
) -> None:
    found = measured(stack, tissue="none").composite
    assert found is not None
    assert (found.pixels.shape, found.step_px, found.corner_px) == (sharp.shape, 1.0, (0.0, 0.0))

    def error(picture: NDArray[np.uint8]) -> float:
        return float(np.abs(picture.astype(float) - sharp).mean())

    assert error(found.pixels) < min(map(error, planes)) / 3
    middle = np.s_[20:90, 20:90]
    assert np.array_equal(found.pixels[middle], planes[2][middle])


def test_a_single_plane_is_its_own_composite(sharp: NDArray[np.uint8]) -> None:
    field = sharp[:, :200]
    planes = [defocused(field, z) for z in (-2.0, 0.0, 2.0)]
    found = measured(ArraySlide([np.stack(planes)], mpp=MPP, z_um=(0, 2, 4)), tissue="none")
    assert found.composite is not None
    assert np.array_equal(found.composite.pixels, planes[1])


def test_the_networks_distances_are_those_of_each_tile(small: ArraySlide, weights: Path) -> None:
    import torch

    from napari_focusqc.inference.distance import distances
    from napari_focusqc.models.registry import weights_in
    from napari_focusqc.models.weights import load_focus_distance

    found = measured(small, weights=weights, tissue="none", composite_mpx=0).distance_map
    assert found.source.pairs == tuple((n, n + 2) for n in range(6))
    assert found.distances_um.shape == (6, 3, 4)
    network = load_focus_distance(weights_in(weights))
    for pair, row, col in ((0, 0, 0), (3, 2, 3), (5, 1, 2)):
        tile = Region(32 * row, 32 * col, 32, 32)
        first, second = (small.read(tile, z=pair + n)[None] for n in (0, 2))
        told = distances(network, first, second, device=torch.device("cpu"))
        assert found.distances_um[pair, row, col] == pytest.approx(told[0], abs=1e-4)


def test_focus_lies_above_where_the_network_says_up(small: ArraySlide, tmp_path: Path) -> None:
    up = network_weights(tmp_path, "up", bias=1.5)
    found = measured(small, weights=up, planes="2,4", tissue="none", composite_mpx=0)
    assert (found.distance_map.distances_um == 1.5).all()
    assert (found.distance_map.network_um == 1.5).all()  # the second plane lies at 0
    assert (found.distance_map.reasons == StackReason.END).all()
    assert found.summary.best_plane == 4
    one, other = np.asarray(small.pyramid()[0])[[2, 4]]
    assert focus_distance(one, other, mpp=MPP, weights=up, device="cpu") == 1.5


@pytest.mark.parametrize("change", [{"batch": 1}, {"threads": 1}, {"threads": 3, "batch": 5}])
def test_neither_batch_nor_threads_matter(
    small: ArraySlide, weights: Path, change: dict[str, int]
) -> None:
    plain, other = (
        measured(small, weights=weights, tissue="none", composite_mpx=0, **each).distance_map
        for each in ({}, change)
    )
    assert np.array_equal(plain.merits, other.merits, equal_nan=True)
    assert np.array_equal(plain.found, other.found)
    assert other.distances_um == pytest.approx(plain.distances_um, abs=1e-4, nan_ok=True)


def test_a_region_has_the_tiles_of_the_whole(small: ArraySlide, weights: Path) -> None:
    region = Region(10, 40, 40, 40)
    whole, part = (
        measured(small, weights=weights, tissue="none", region=each) for each in (None, region)
    )
    grid = part.distance_map.grid
    at = np.s_[..., grid.row0 : grid.row0 + grid.rows, grid.col0 : grid.col0 + grid.cols]
    for name in ("merits", "found", "merit_um", "reasons"):
        everywhere = getattr(whole.distance_map, name)[at]
        assert np.array_equal(getattr(part.distance_map, name), everywhere, equal_nan=True)
    assert part.distance_map.distances_um == pytest.approx(
        whole.distance_map.distances_um[at], abs=1e-4, nan_ok=True
    )
    assert whole.composite is not None
    assert part.composite is not None
    top, left = map(int, part.composite.corner_px)
    height, width = part.composite.pixels.shape[:2]
    inner = np.s_[4:-4, 4:-4]  # half a seam
    there = whole.composite.pixels[top : top + height, left : left + width]
    assert np.array_equal(part.composite.pixels[inner], there[inner])


def test_what_cannot_be_measured_is_named(
    sharp: NDArray[np.uint8], tmp_path: Path, write_tiff: Any, spoil_tile: Any
) -> None:
    field = np.full((2 * TILE, 4 * TILE, 3), 245, np.uint8)
    field[:TILE, : 2 * TILE] = sharp[:, : 2 * TILE]
    field[TILE:, : 2 * TILE] = (190, 140, 175)
    for z in (-2, 0, 2):
        image = defocused(field, z)
        path = write_tiff(tmp_path / f"{z}um.tif", image, tile=TILE, compression="jpeg", mpp=MPP)
    spoil_tile(path, 1)
    slide = open_plane_files(tmp_path)
    found = measured(slide, tissue="luma").distance_map
    reasons = StackReason
    assert found.reasons[0, :2].tolist() == [reasons.MEASURED, reasons.UNREADABLE]
    assert (found.reasons[:, 2:] == reasons.GLASS).all()
    assert found.reasons[1, 0] == reasons.ABSTAINED
    named = found.found != reasons.MEASURED
    assert np.isnan(found.merits[..., named]).all()
    assert np.isnan(found.merit_um[named]).all()
    slide.close()


def test_a_peak_at_an_end_or_two_peaks_have_no_height(planes: NDArray[np.uint8]) -> None:
    above = ArraySlide([planes[:3, :, : 2 * TILE]], mpp=MPP, z_um=Z[:3])
    ends = measured(above, tissue="none").distance_map
    assert (ends.reasons == StackReason.END).all()
    assert (ends.sharpest_plane() == 2).all()
    twice = planes[[0, 2, 0, 2, 0], :, : 2 * TILE]
    doubled = measured(ArraySlide([twice], mpp=MPP, z_um=range(5)), tissue="none").distance_map
    assert (doubled.reasons == StackReason.DOUBLE).all()
    assert np.isnan(doubled.merit_um).all()


def test_planes_delta_apart_are_found_within_a_tenth() -> None:
    assert pairs_of((0, 1, 2, 3), 2.0) == ((0, 2), (1, 3))
    assert pairs_of((0, 2.2, 4.0), 2.0) == ((0, 1), (1, 2))
    assert pairs_of((0, 2.21), 2.0) == ()
    assert pairs_of((0, 1.79), 2.0) == ()
    assert pairs_of((0.0, 0.1, 2.0), 2.0) == ((0, 2),)  # the nearer to Δ


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"planes": "0,1"}, "no two planes of small lie 2 µm apart"),
        ({"heights": "0,1,2,3,4,5,6,7", "planes": "0,3"}, "within 10%"),
    ],
)
def test_a_network_that_cannot_serve_is_refused_and_merit_goes_on(
    small: ArraySlide, weights: Path, settings: dict[str, str], words: str
) -> None:
    told = measured(small, weights=weights, tissue="none", composite_mpx=0, **settings)
    assert words in told.summary.no_network
    assert np.isfinite(told.distance_map.merits).all()


def test_lengths_nobody_knows_leave_the_figures_of_merit(planes: NDArray[np.uint8]) -> None:
    for mpp, z, words in ((None, Z, "--mpp"), (MPP, None, "--z-step-um")):
        told = measured(ArraySlide([planes], mpp=mpp, z_um=z), composite_mpx=0)
        assert words in told.summary.no_network
        assert (told.distance_map.reasons == StackReason.MEASURED).all()
        assert told.summary.tilt is None
    assert told.summary.unit == "steps"
    steps = measured(ArraySlide([planes], mpp=MPP), z_step_um=0.5, composite_mpx=0)
    assert steps.distance_map.source.z_um == tuple(0.5 * n for n in range(8))
    assert steps.summary.unit == "µm"


def test_what_is_no_stack_is_refused(stack: ArraySlide, sharp: NDArray[np.uint8]) -> None:
    with pytest.raises(StackError, match="has one plane"):
        measured(ArraySlide([sharp], mpp=MPP))
    with pytest.raises(SettingsError, match="2 heights are given"):
        measured(stack, heights="0,1")
    with pytest.raises(WeightsError):
        measured(stack, weights=Path("nowhere.safetensors"))
    with pytest.raises(StackError, match="same field twice"):
        focus_distance(sharp, sharp[1:], mpp=MPP)


def test_two_planes_need_weights_structure_and_their_distance(weights: Path) -> None:
    empty = np.full((64, 64, 3), 200, np.uint8)
    with pytest.raises(StackError, match="enough structure"):
        focus_distance(empty, empty, mpp=MPP, weights=weights, device="cpu")
    with pytest.raises(StackError, match="2 µm apart"):
        focus_distance(empty, empty, mpp=MPP, delta_um=3, weights=weights)


def test_work_may_be_stopped(stack: ArraySlide) -> None:
    with closing(measure_stack(stack, StackSettings(tissue="none"))) as work:
        stages = [next(work).stage for _ in range(3)]
    assert stages[0] == "finding tissue"


def test_seams_sum_to_one_and_meet_in_the_middle() -> None:
    weights = seam_weights(112, 112)
    assert weights.sum(axis=0) == pytest.approx(1)
    assert weights[0, 0] + weights[2, -1] == pytest.approx(1, abs=0.05)
    assert (weights[1, 14:98] == 1).all()
    assert seam_weights(112, 30).shape == (3, 30)


def test_tiles_without_a_plane_take_the_nearest() -> None:
    planes = np.array([[-1, 3, -1], [-1, -1, -1], [5, -1, -1]], np.int16)
    full = filled(planes)
    assert (full >= 0).all()
    assert (full[0, 1], full[2, 0], full[0, 2]) == (3, 5, 3)


def test_the_real_smear_is_sharpest_where_its_makers_say(test_data: Path) -> None:
    slide = open_plane_files(test_data / "focus/smear-stack")
    told = measured(slide, tissue="none")
    best = told.summary.best_plane
    assert best is not None
    assert abs(slide.z_um[best]) <= 1
    known = told.distance_map.merit_um
    assert np.isfinite(known).all()
    assert np.abs(known).max() <= 1
    for name in FIGURES:
        height, reason = told.distance_map.field_peak(name)
        assert (abs(height) <= 1, reason) == (True, StackReason.MEASURED)
        curve = told.distance_map.field_curve(name)
        top = int(curve.argmax())
        assert (np.diff(curve[: top + 1]) > 0).all(), name
        assert (np.diff(curve[top:]) < 0).all(), name
    assert "heights" in told.summary.no_network
    slide.close()
