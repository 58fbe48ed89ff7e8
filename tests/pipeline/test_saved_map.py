"""A map that was really scored is saved and loaded without loss, its source included."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.data import immunohistochemistry

from napari_focusqc import FocusMap, score_image
from napari_focusqc.models import registry
from napari_focusqc.models.card import Weights


def test_a_scored_map_comes_back_with_all_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card lists its data sets in a tuple, which JSON would give back as a list."""

    def with_data(model: str, mpp: float, path: Path | None) -> Weights:
        weights = registry.find_weights(model, mpp, path)
        data = ({"name": "fields", "licence": "CC0", "images": ("a", "b")},)
        return replace(weights, card=replace(weights.card, data=data))

    monkeypatch.setattr("napari_focusqc.pipeline.beginning.find_weights", with_data)
    scored = score_image(immunohistochemistry(), mpp=0.25, model="focuslitenn-1", tissue="none")
    loaded = FocusMap.load(scored.save(tmp_path / "map.ome.zarr"))
    assert loaded.source == scored.source
    assert loaded.source.weights["data"][0]["images"] == ["a", "b"]
    assert loaded.grid == scored.grid
    np.testing.assert_array_equal(loaded.scores, scored.scores)
