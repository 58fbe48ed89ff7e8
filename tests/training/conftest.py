"""A tiny folder of fields, as `focusqc train` expects it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from napari_focusqc.settings.training import FocusLiteNNTraining


def write_fields(
    folder: Path, images: Callable[[int], NDArray[np.uint8]], mpp: float = 0.26
) -> Path:
    """Write two data sets: four described fields, two undescribed ones and a label image."""
    for data_set, seeds in (("stained", range(4)), ("plain", range(10, 12))):
        (folder / data_set / "images").mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(images(seed)).save(folder / data_set / "images" / f"{seed}.png")
    (folder / "plain" / "labels").mkdir()
    shape = images(10).shape[:2]
    Image.new("I;16", shape).save(folder / "plain" / "labels" / "10.png")
    notes = {
        "name": "Stained fields",
        "licence": "CC0",
        "mpp": mpp,
        "note": "made for this test",
    }
    (folder / "stained" / "dataset.json").write_text(json.dumps(notes))
    return folder


def grainy(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Add grain from pixel to pixel, which the least blur takes: soon learned from few crops."""
    grain = np.random.default_rng(0).normal(0, 40, (*pixels.shape[:2], 1))
    return np.clip(pixels + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def field_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Return `write_fields` of 300 × 290 px."""
    folder = tmp_path_factory.mktemp("fields")
    return write_fields(folder, lambda seed: tissue_image(300, 290, seed))


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Return `write_fields` of 150 × 145 px: four tiles of DeepFocus each."""
    folder = tmp_path_factory.mktemp("small")
    return write_fields(folder, lambda seed: grainy(tissue_image(150, 145, seed)))


@pytest.fixture(scope="session")
def coarse_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Return `write_fields` of 240 × 238 px at 1.04 µm/px, where blur is a quarter as many px."""
    folder = tmp_path_factory.mktemp("coarse")
    return write_fields(folder, lambda seed: grainy(tissue_image(240, 238, seed)), mpp=1.04)


@pytest.fixture
def tiny(field_folder: Path, tmp_path: Path) -> FocusLiteNNTraining:
    return FocusLiteNNTraining(
        field_folder, tmp_path / "out", kernels=2, epochs=3, crops=60, batch=20, validation=0.25
    )
