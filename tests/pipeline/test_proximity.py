"""The proximity map is what the search saw: its peaks are the nuclei, its cut changes nothing."""

from pathlib import Path
from threading import enumerate as enumerate_threads
from unittest.mock import patch

import numpy as np
import pytest
import torch
from skimage import data

from napari_focusqc.errors import RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.weights import save_weights
from napari_focusqc.pipeline import find_nuclei, proximity
from napari_focusqc.pipeline.proximity import proximity_map
from napari_focusqc.progress import finish
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles import cores


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    options = {"widths": [2, 2, 2, 2, 2], "sigmoid": True}
    card = WeightsCard("thin", "micronet", 0.5, options, threshold=0.3)
    network = MicroNet((2, 2, 2, 2, 2), sigmoid=True).eval()
    return save_weights(network, card, tmp_path_factory.mktemp("thin")).path


def slide(mpp: float = 0.5) -> ArraySlide:
    return ArraySlide([data.immunohistochemistry()[:250, :300]], mpp=mpp, name="slide")


def asked(weights: Path, region: Region | None = None) -> NucleusSettings:
    return NucleusSettings(
        weights=weights, device="cpu", tissue="none", threads=1, least=0.0, region=region
    )


def test_a_region_is_cut_from_the_map_of_the_whole(weights: Path) -> None:
    with patch.object(cores, "CORE_PX", 128):
        whole = finish(proximity_map(slide(), asked(weights)))
        part = finish(proximity_map(slide(), asked(weights, Region(100, 120, 90, 140))))
    assert whole.values.shape == (250, 300)
    assert (whole.first_px, whole.step_px, whole.mpp) == ((0, 0), 1, 0.5)
    assert part.first_px == (100, 120)
    np.testing.assert_allclose(part.values, whole.values[100:190, 120:260], atol=1e-5)


def test_nuclei_lie_on_its_peaks(weights: Path) -> None:
    shown = finish(proximity_map(slide(), asked(weights)))
    found = finish(find_nuclei(slide(), asked(weights)))
    assert len(found) > 20
    row, col = np.rint(found.centres).astype(int).T
    np.testing.assert_allclose(shown.values[row, col], found.peaks, atol=1e-5)


def test_a_finer_slide_has_one_value_for_several_pixels(weights: Path) -> None:
    part = finish(proximity_map(slide(0.25), asked(weights, Region(101, 40, 60, 80))))
    assert part.values.shape == (31, 40)
    assert part.step_px == 2
    assert part.first_px == (100.5, 40.5)


def test_too_large_a_region_is_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proximity, "MOST_PX", 10_000)
    with pytest.raises(RegionError, match=r"0\.1 million pixels .* zoom in"):
        finish(proximity_map(slide(), asked(weights)))


def test_a_map_that_is_stopped_leaves_no_thread(weights: Path) -> None:
    with patch.object(cores, "CORE_PX", 32):
        drawing = proximity_map(slide(), asked(weights))
        stages = [step.done for step, _ in zip(drawing, range(5), strict=False)]
        drawing.close()
    assert stages[-1] > 0
    assert not [each for each in enumerate_threads() if each.name.startswith("focusqc")]
