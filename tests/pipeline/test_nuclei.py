"""A nucleus is where it is, however the slide is cut, read and searched.

Sums in another order move proximity by 1e-7, so values are compared to 1e-5 of its range.
"""

import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage import data

from napari_focusqc.errors import (
    FocusQCError,
    MissingMppError,
    RegionError,
    SettingsError,
    TooCoarseError,
    UnknownModelError,
    UnreadableRegionError,
    WeightsError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.inference.nuclei import missing_light
from napari_focusqc.models.card import Weights, WeightsCard
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.weights import save_weights
from napari_focusqc.pipeline import find_nuclei, find_nuclei_in_image
from napari_focusqc.progress import finish
from napari_focusqc.results.nucleus_table import NucleusTable
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles import cores

FEW = settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CENTRES = np.array([(y, x) for y in range(20, 480, 40) for x in range(17, 590, 37)])
SIZES = st.integers(150, 420)


@pytest.fixture(scope="module", params=[2, 8], ids=["torch's layers", "compiled"])
def thin_weights(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write weights of a small random network, whose output on tissue is 0.4 ± 0.25."""
    torch.manual_seed(0)
    widths = [request.param] * 5  # only multiples of 8 are compiled
    network = MicroNet(widths).eval()
    with torch.no_grad():
        output, last = network(tissue(400, 400, torch.Tensor)), network.blocks[9].last[1]
        last.weight.mul_(0.25 / output.std())
        last.bias.copy_((last.bias - output.mean()) * 0.25 / output.std() + 0.4)
    options = {"widths": widths, "sigmoid": False}
    card = WeightsCard("thin", "micronet", 0.25, options, threshold=0.3)
    return save_weights(network, card, tmp_path_factory.mktemp("thin")).path


def tissue(height: int, width: int, kind: type = np.ndarray) -> Any:
    """Return a stained field with noise, as pixels or as a network takes it."""
    noise = np.random.default_rng(0).integers(-12, 13, (height, width, 1))
    field = data.immunohistochemistry()[:height, :width].astype(int) + noise
    pixels = np.clip(field, 0, 255).astype(np.uint8)
    return pixels if kind is np.ndarray else torch.from_numpy(missing_light(pixels))[None]


@cache
def whole(weights: Path) -> NucleusTable:
    return found(tissue(400, 411), weights)


def found(slide: Any, weights: Path, core_px: int = 128, **changes: Any) -> NucleusTable:
    values = {"device": "cpu", "tissue": "none", "threads": 1, "weights": weights} | changes
    slide = ArraySlide([slide], mpp=0.25) if isinstance(slide, np.ndarray) else slide
    with patch.object(cores, "CORE_PX", core_px):
        return finish(find_nuclei(slide, NucleusSettings(**values)))


def by_place(table: NucleusTable) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    order = np.lexsort(table.centres.T)
    return table.centres[order], table.peaks[order]


def assert_same(one: NucleusTable, other: NucleusTable) -> None:
    (at, peaks), (places, values) = by_place(one), by_place(other)
    assert len(at) == len(places)
    np.testing.assert_allclose(at, places, rtol=0, atol=1 / 32)
    np.testing.assert_allclose(peaks, values, rtol=0, atol=1e-5)
    assert one.source.searched_px2 == pytest.approx(other.source.searched_px2, rel=1e-12)


@FEW
@given(SIZES, SIZES, st.sampled_from([128, 160, 208, 256]), st.integers(1, 3))
def test_cores_and_threads_change_nothing(
    thin_weights: Path, height: int, width: int, core_px: int, threads: int
) -> None:
    image = tissue(height, width)
    at_once = found(image, thin_weights, core_px=1024)
    assert len(at_once) > 20
    assert_same(found(image, thin_weights, core_px=core_px, threads=threads), at_once)


@FEW
@given(st.integers(0, 380), st.integers(0, 400), st.integers(1, 300), st.integers(1, 300))
def test_a_region_has_the_nuclei_of_the_whole_slide(
    thin_weights: Path, y: int, x: int, height: int, width: int
) -> None:
    region, every = Region(y, x, height, width), whole(thin_weights)
    area = region.clipped((400, 411))
    source = replace(every.source, searched_px2=float(area.height * area.width))
    part = found(tissue(400, 411), thin_weights, region=region)
    assert_same(part, replace(every.in_region(region), source=source))


@pytest.mark.parametrize("mpp", [0.125, 0.25, 0.2])
def test_nuclei_are_at_their_places_on_the_slide(
    dot_weights: Path, dotted: Any, mpp: float
) -> None:
    radius = 3 * 0.25 / mpp if mpp < 0.2 else 3
    table = found(ArraySlide([dotted(500, 600, CENTRES, radius)], mpp=mpp), dot_weights)
    distance, nearest = cKDTree(table.centres).query(CENTRES)
    assert len(table) == len(CENTRES) == len(set(nearest))
    assert distance.max() < (0.6 if mpp < 0.25 else 0.01)
    assert table.source.searched_px2 == pytest.approx(500 * 600, rel=0.01)


def test_every_update_has_the_nuclei_of_one_core_and_all_are_the_result(
    dot_weights: Path, dotted: Any
) -> None:
    slide = ArraySlide([dotted(300, 600, CENTRES)], mpp=0.25)
    options = NucleusSettings(weights=dot_weights, device="cpu", tissue="none", threads=2)
    updates = []
    with patch.object(cores, "CORE_PX", 256):
        work = find_nuclei(slide, options)
        while True:
            try:
                updates.append(next(work))
            except StopIteration as end:
                result = end.value
                break
    told = [step for step in updates if step.update is not None]
    assert [(step.done, step.total) for step in told] == [(done, 6) for done in range(7)]
    first, *tables = (step.update for step in told)
    assert len(first) == 0
    assert first.source.slide == "image"
    assert [len(table) for table in tables[:3]] == [
        (((256, right) > CENTRES) & ((0, right - 256) <= CENTRES)).all(axis=1).sum()
        for right in (256, 512, 768)
    ]
    areas = [table.source.searched_px2 for table in tables]
    assert areas == [256 * 256, 256 * 256, 256 * 88, 44 * 256, 44 * 256, 44 * 88]
    np.testing.assert_array_equal(np.concatenate([t.centres for t in tables]), result.centres)
    assert result.source == replace(first.source, searched_px2=300.0 * 600)


def test_glass_far_from_tissue_is_not_searched(dot_weights: Path) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(241, 246, (2000, 2400, 3), dtype=np.uint8)
    image[:700, :700] = rng.integers(170, 200, (700, 700, 3))
    dirt = [(100, 100), (650, 730), (900, 900), (1900, 2300)]
    for y, x in dirt:
        image[y - 3 : y + 4, x - 3 : x + 4] = 20
    reads: list[Region] = []

    class Watched(ArraySlide):
        def read(self, region: Region, *rest: Any, **more: Any) -> NDArray[np.uint8]:
            reads.append(region)
            return super().read(region, *rest, **more)

    slide = Watched([image], mpp=0.25)
    near = found(slide, dot_weights, 256, tissue="otsu")
    # the mask's pixels are 40 px of 0.25 µm, and the margin is four of them
    assert np.rint(near.centres).tolist() == [[100, 100], [650, 730]]
    assert 860**2 <= near.source.searched_px2 <= 880**2 + len(dirt) * 360**2
    assert "tissue has Y" in near.source.tissue
    reads.clear()
    found(slide, dot_weights, 256, tissue="otsu")
    assert max(region.bottom for region in reads) == 1024 + 128


def test_what_cannot_be_decoded_has_no_nuclei_and_its_area_is_told(
    dot_weights: Path, dotted: Any
) -> None:
    image = dotted(700, 600, [(y, x) for y in range(20, 700, 40) for x in range(20, 600, 40)])

    class Faulty(ArraySlide):
        def read(self, region: Region, level: int = 0, z: int = 0, out: Any = None) -> Any:
            if region.y < 512 and region.bottom > 256 and region.x < 256:
                raise UnreadableRegionError("a bad tile")
            return super().read(region, level, z, out)

    slide = Faulty([image], mpp=0.25)
    assert slide.tile_shapes == ((256, 256),)
    table, sound = found(slide, dot_weights, 256), found(image, dot_weights, 256)
    pixel = np.rint(sound.centres)
    bad = (pixel[:, 0] >= 256) & (pixel[:, 0] < 512) & (pixel[:, 1] < 256)
    assert 30 < bad.sum() < len(sound)
    np.testing.assert_array_equal(by_place(table)[0], by_place(sound.only(~bad))[0])
    assert table.source.unreadable_px2 == 256 * 256
    assert table.source.searched_px2 == 700 * 600 - 256 * 256
    assert_same(found(slide, dot_weights, 400), table)


def test_a_higher_threshold_gives_what_a_search_with_it_would(thin_weights: Path) -> None:
    image = tissue(300, 300)
    low = found(image, thin_weights, least=0.2)
    least = float(np.median(low.peaks))
    high = found(image, thin_weights, least=least)
    assert 0 < len(high) < len(low)
    assert low.source.least == 0.2
    assert found(image, thin_weights).source.least == 0.3
    assert_same(low.at_least(least), high)


def test_find_nuclei_in_image_searches_all_of_it(dot_weights: Path, dotted: Any) -> None:
    table = find_nuclei_in_image(
        dotted(200, 300, [(50, 60), (150, 250)]), mpp=0.25, weights=dot_weights
    )
    assert table.centres.dtype == table.peaks.dtype == np.float32
    np.testing.assert_array_equal(table.centres, [(50, 60), (150, 250)])
    assert (table.peaks > 0.4).all()
    assert table.per_mm2(table.source.searched_px2) == pytest.approx(2 / (0.05 * 0.075))


def test_the_chosen_plane_of_a_stack_is_searched(dot_weights: Path, dotted: Any) -> None:
    stack = np.stack([dotted(100, 100, [(30, 30)]), dotted(100, 100, [(60, 70)])])
    table = found(ArraySlide([stack], mpp=0.25), dot_weights, plane=1)
    np.testing.assert_array_equal(table.centres, [(60, 70)])
    assert table.source.plane == 1


@pytest.mark.parametrize(
    ("mpp", "changes", "error", "sentence"),
    [
        (None, {}, MissingMppError, r"NucleusSettings\(mpp=…\)"),
        (1.0, {}, TooCoarseError, "coarser than the weights"),
        (0.25, {"model": "focuslitenn"}, UnknownModelError, "no model of nuclei"),
        (0.25, {"weights": Path("no-such.safetensors")}, WeightsError, "no-such"),
        (0.25, {"region": Region(5000, 0, 9, 9)}, RegionError, "lies outside"),
        (0.25, {"plane": 3}, RegionError, "plane"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_a_sentence(
    dot_weights: Path,
    mpp: float | None,
    changes: dict[str, Any],
    error: type[FocusQCError],
    sentence: str,
) -> None:
    slide = ArraySlide([np.zeros((100, 100, 3), np.uint8)], mpp=mpp)
    with pytest.raises(error, match=sentence) as refusal:
        found(slide, **{"weights": dot_weights, "tissue": "otsu", **changes})
    assert "\n" not in str(refusal.value)


def test_weights_without_a_threshold_ask_for_one(tmp_path: Path, dotted: Any) -> None:
    card = WeightsCard("bare", "micronet", 0.25, {"widths": [1] * 5, "sigmoid": False})
    bare: Weights = save_weights(MicroNet((1, 1, 1, 1, 1)), card, tmp_path)
    assert bare.model == CARDS["micronet"]
    with pytest.raises(WeightsError, match="gives no threshold; say from which peak on"):
        found(dotted(50, 50, [(20, 20)]), bare.path)
    assert found(dotted(50, 50, [(20, 20)]), bare.path, least=0.5).source.least == 0.5


def test_settings_out_of_range_name_the_field_and_the_range() -> None:
    with pytest.raises(SettingsError, match=r"least is 1.5; it must lie between 0.0 and 1.0"):
        NucleusSettings(least=1.5)


def test_closing_a_search_leaves_no_thread(dot_weights: Path, dotted: Any) -> None:
    slide = ArraySlide([dotted(600, 600, CENTRES)], mpp=0.25)
    options = NucleusSettings(weights=dot_weights, device="cpu", tissue="none", threads=2)
    before = torch.get_num_threads()
    with patch.object(cores, "CORE_PX", 128):
        work = find_nuclei(slide, options)
        while next(work).done < 2:
            pass
        work.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("focusqc")]
    assert torch.get_num_threads() == before
