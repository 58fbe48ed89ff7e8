"""A tiny folder of fields, as `focusqc train` expects it."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from napari_focusqc.settings.training import FocusLiteNNTraining


def write_fields(folder: Path, shape: tuple[int, int], tissue_image: Any) -> Path:
    """Write two data sets: four described fields, two undescribed ones and a label image."""
    for data_set, seeds in (("stained", range(4)), ("plain", range(10, 12))):
        (folder / data_set / "images").mkdir(parents=True)
        for seed in seeds:
            image = Image.fromarray(tissue_image(*shape, seed))
            image.save(folder / data_set / "images" / f"{seed}.png")
    (folder / "plain" / "labels").mkdir()
    Image.new("I;16", shape).save(folder / "plain" / "labels" / "10.png")
    notes = {
        "name": "Stained fields",
        "licence": "CC0",
        "mpp": 0.26,
        "note": "made for this test",
    }
    (folder / "stained" / "dataset.json").write_text(json.dumps(notes))
    return folder


@pytest.fixture(scope="session")
def field_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Return `write_fields` of 300 × 290 px: one tile of FocusLiteNN each."""
    return write_fields(tmp_path_factory.mktemp("fields"), (300, 290), tissue_image)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Return `write_fields` of 150 × 145 px: one tile of ConvFocus or four of DeepFocus each."""
    return write_fields(tmp_path_factory.mktemp("small"), (150, 145), tissue_image)


@pytest.fixture
def tiny(field_folder: Path, tmp_path: Path) -> FocusLiteNNTraining:
    return FocusLiteNNTraining(
        field_folder, tmp_path / "out", kernels=2, epochs=3, crops=60, batch=20, validation=0.25
    )
