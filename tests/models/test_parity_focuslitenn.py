"""The authors' own weights and scores: 15 images × 6 checkpoints, by network and front door."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from napari_focusqc.geometry import Region
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network
from napari_focusqc.pipeline import score_image
from napari_focusqc.slides.opening import open_slide

Images = dict[str, NDArray[np.uint8]]
CHECKPOINTS = [f"{n}kernel-{loss}" for n in (1, 2, 10) for loss in ("plcc", "mse")]


@pytest.fixture(scope="module")
def reference(test_data: Path) -> dict[str, Any]:
    text = (test_data / "peers/focuslitenn/reference.json").read_text(encoding="utf-8")
    return json.loads(text)


@pytest.fixture(scope="module")
def images(test_data: Path, reference: dict[str, Any]) -> Images:
    """Make or read the 15 images, each checked against the reference's checksum."""
    made: Images = {}
    for entry in reference["images"]:
        made[entry["name"]] = _image(entry, test_data, made)
    for entry in reference["images"]:
        image = made[entry["name"]]
        assert image.shape[:2] == (entry["size_wh"][1], entry["size_wh"][0])
        assert hashlib.sha256(image.tobytes()).hexdigest() == entry["rgb_bytes_sha256"]
    assert len(made) == 15
    return made


def _image(entry: dict[str, Any], test_data: Path, made: Images) -> NDArray[np.uint8]:
    name = entry["name"]
    if name.endswith(".png"):
        with Image.open(test_data / entry["file"].removeprefix("data/")) as png:
            return np.array(png.convert("RGB"))
    if crop := re.fullmatch(r"svs_x(\d+)_y(\d+)", name):
        x, y = map(int, crop.groups())
        slide = open_slide(test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs")
        try:
            return slide.read(Region(y, x, 1024, 1024))
        finally:
            slide.close()
    if blurred := re.fullmatch(r"(svs_x\d+_y\d+)_gauss([\d.]+)", name):
        sigma = float(blurred[2])
        smooth = gaussian_filter(made[blurred[1]].astype(float), (sigma, sigma, 0), mode="reflect")
        return np.clip(np.rint(smooth), 0, 255).astype(np.uint8)
    if constant := re.fullmatch(r"const(\d+)_235", name):
        return np.full((235, 235, 3), int(constant[1]), np.uint8)
    if name == "randomstate0_235":
        return np.random.RandomState(0).randint(0, 256, (235, 235, 3)).astype(np.uint8)
    assert name == "formula_491x363", f"an image this test cannot make: {name}"
    y, x, c = np.meshgrid(np.arange(491), np.arange(363), np.arange(3), indexing="ij")
    return ((x * 7 + y * 13 + c * 29 + (x * y) // 17) % 256).astype(np.uint8)


def _patches(image: NDArray[np.uint8]) -> torch.Tensor:
    """Cut the published script's patches: 235 px, stride 128, row by row, no remainder."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (235, 235), axis=(0, 1))
    rows = windows[::128, ::128].reshape(-1, 3, 235, 235)
    return torch.from_numpy(np.ascontiguousarray(rows)).float() / 255


def _check(scores: NDArray[np.float32], truth: dict[str, Any], tolerance: float) -> None:
    """Compare everything the reference says of an image: its mean and what it has of patches."""
    assert abs(scores.mean() - truth["mean"]) <= tolerance
    if "patches" in truth:
        assert len(scores) == len(truth["patches"])
        assert np.abs(scores - np.array(truth["patches"])).max() <= tolerance
    else:
        found = np.array([scores[0], scores.min(), scores.max()])
        expected = np.array([truth[key] for key in ("first_patch", "min", "max")])
        assert np.abs(found - expected).max() <= tolerance


def _checkpoint(test_data: Path, reference: dict[str, Any], checkpoint: str) -> Path:
    return test_data / "peers/focuslitenn" / reference["weights"][checkpoint]["file"]


def _tolerance(checkpoint: str) -> float:
    return 1e-4 if checkpoint.startswith("10") else 2e-5


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_the_network_gives_the_authors_scores_patch_by_patch(
    checkpoint: str, test_data: Path, reference: dict[str, Any], images: Images
) -> None:
    path = _checkpoint(test_data, reference, checkpoint)
    weights = find_weights("focuslitenn", 0.25, path)
    assert weights.card.sha256 == reference["weights"][checkpoint]["sha256"]
    network = load_network(weights)
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == reference["weights"][checkpoint]["params"]
    for entry in reference["images"]:
        with torch.inference_mode():
            scores = network(_patches(images[entry["name"]])).numpy()
        _check(scores, entry["scores"][checkpoint], _tolerance(checkpoint))


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_score_image_gives_the_authors_scores(
    checkpoint: str, test_data: Path, reference: dict[str, Any], images: Images
) -> None:
    path = _checkpoint(test_data, reference, checkpoint)
    for entry in reference["images"]:
        focus_map = score_image(
            images[entry["name"]], mpp=0.25, model="focuslitenn", weights=path, tissue="none"
        )
        assert focus_map.scores.size == entry["n_patches"]
        _check(focus_map.scores.ravel(), entry["scores"][checkpoint], _tolerance(checkpoint))
