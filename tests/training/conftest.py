"""A tiny folder of fields, as `focusqc train` expects it."""

import json
from pathlib import Path

import pytest
from PIL import Image

from napari_focusqc.settings.training import FocusLiteNNTraining


@pytest.fixture(scope="session")
def field_folder(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Write two data sets: four described fields, two undescribed ones and a label image."""
    folder = tmp_path_factory.mktemp("fields")
    for data_set, seeds in (("stained", range(4)), ("plain", range(10, 12))):
        (folder / data_set / "images").mkdir(parents=True)
        for seed in seeds:
            image = Image.fromarray(tissue_image(300, 290, seed))
            image.save(folder / data_set / "images" / f"{seed}.png")
    (folder / "plain" / "labels").mkdir()
    Image.new("I;16", (300, 290)).save(folder / "plain" / "labels" / "10.png")
    notes = {
        "name": "Stained fields",
        "licence": "CC0",
        "mpp": 0.26,
        "note": "made for this test",
    }
    (folder / "stained" / "dataset.json").write_text(json.dumps(notes))
    return folder


@pytest.fixture
def tiny(field_folder: Path, tmp_path: Path) -> FocusLiteNNTraining:
    return FocusLiteNNTraining(
        field_folder, tmp_path / "out", kernels=2, epochs=3, crops=60, batch=20, validation=0.25
    )
