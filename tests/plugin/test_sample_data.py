"""The sample slides: one built, one fetched."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer
from numpy.typing import NDArray

from napari_focusqc.plugin import sample_data
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.sample_data import cmu_small_region_layers, sample_slide_layers
from napari_focusqc.slides.sample.slide import (
    CELL_PX,
    SampleLayout,
    build_sample_slide,
    true_defocus,
)

SMALL = SampleLayout(side_px=1024, glass_px=128, lane_radii_px=(0.0, 3.0, 8.0, 5.0), corner_px=256)


@pytest.fixture
def small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the sample slide small; its path."""
    path = tmp_path / "sample.tif"
    monkeypatch.setattr(sample_data, "sample_slide", lambda _: build_sample_slide(path, SMALL))
    return path


def test_the_truth_lies_on_the_pixels_it_is_of(small_sample: Path) -> None:
    shown, truth = (Layer.create(*layer) for layer in sample_slide_layers())
    assert shown.data[0].shape == (1024, 1024, 3)
    assert not truth.visible
    assert truth.units == shown.units
    radius_um, _ = true_defocus(small_sample.with_name("sample-defocus-um.tif"))
    np.testing.assert_array_equal(truth.data, radius_um)
    for cell in ((0, 0), (3, 5), (15, 15)):
        middle = [n * CELL_PX + (CELL_PX - 1) / 2 for n in cell]
        assert shown.world_to_data(truth.data_to_world(cell)) == pytest.approx(middle)
    shown.metadata[METADATA_KEY]["slide"].close()


def test_the_fetched_slide_is_a_layer(
    tmp_path: Path,
    tissue_image: Callable[..., NDArray[np.uint8]],
    write_tiff: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetched = write_tiff(tmp_path / "fetched.tif", tissue_image(300, 300), mpp=0.5)
    monkeypatch.setattr(sample_data, "fetch_cmu_small_region", lambda _: fetched)
    ((levels, keywords, kind),) = cmu_small_region_layers()
    assert (levels[0].shape, kind, keywords["name"]) == ((300, 300, 3), "image", "fetched.tif")
    assert keywords["scale"] == pytest.approx((0.5, 0.5))
    keywords["metadata"][METADATA_KEY]["slide"].close()
