"""The weights in the package that find nuclei: whole, described, and good on fields never seen."""

from pathlib import Path

import numpy as np
import pytest

from napari_focusqc.evaluation.nucleus_metrics import score_images
from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights, shipped_weights
from napari_focusqc.models.weights import load_micronet
from napari_focusqc.pipeline import find_nuclei_in_image
from napari_focusqc.progress import finish
from napari_focusqc.training.nucleus_fields import read_nucleus_fields

SHIPPED = tuple(weights for weights in shipped_weights() if weights.model.finds == "nuclei")
NAMES = [weights.card.name for weights in SHIPPED]
LEAST_F1 = {"micronet-0.25": 0.8, "micronet-0.5": 0.8}
"""Within 16 px at 40x, of images that were kept out of training."""
LEAST_F1_ELSEWHERE = {"micronet-0.25": 0.7, "micronet-0.5": 0.65}
"""Of MoNuSeg's outlined fields, none of which was trained on."""


def test_nuclei_are_found_at_both_resolutions() -> None:
    assert set(NAMES) == set(LEAST_F1)


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_weights_load_and_their_card_tells_all(weights: Weights) -> None:
    card = weights.card
    assert sum(p.numel() for p in load_micronet(weights).parameters()) == 1_822_241
    assert all((card.threshold_meaning, card.score_meaning, card.date, card.data, card.note))
    assert card.command.startswith("focusqc train micronet --data DATA/")
    assert f"--mpp {card.mpp:g}" in card.command
    assert "/work/" not in card.to_json()
    assert card.figures["f1_16px"] >= LEAST_F1[card.name]


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_only_public_domain_data_makes_weights_for_any_use(weights: Weights) -> None:
    free = all(entry["licence"].startswith("CC0") for entry in weights.card.data)
    assert free == (weights.card.licence == "BSD-3-Clause")
    assert free == ("noncommercial" not in weights.card.name)


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_glass_has_no_nuclei(mpp: float) -> None:
    rng = np.random.default_rng(0)
    glass = np.clip(rng.normal((240, 238, 241), 2, (300, 400, 3)), 0, 255).astype(np.uint8)
    assert len(find_nuclei_in_image(glass, mpp=mpp)) == 0


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_nuclei_of_other_stains_and_scanners_are_found(weights: Weights, test_data: Path) -> None:
    mpp = weights.card.mpp
    fields = finish(
        read_nucleus_fields(
            test_data / "histology/monuseg-train",
            mpp=mpp,
            data_mpp=0.25,
            crop_px=200,
            validation=0.2,
            seed=0,
        )
    ).validation
    found = [find_nuclei_in_image(field.pixels, mpp=mpp).centres for field in fields]
    true = [field.centres for field in fields]
    (score,) = score_images(found, true, mpp=mpp, radii_px=(4 / mpp,))
    assert score.pooled.f1 >= LEAST_F1_ELSEWHERE[weights.card.name]


@pytest.mark.parametrize(("slide_mpp", "weights_mpp"), [(0.25, 0.25), (0.499, 0.5), (0.35, 0.5)])
def test_both_usual_scans_are_served(slide_mpp: float, weights_mpp: float) -> None:
    assert find_weights("micronet", slide_mpp, None, "nuclei").card.mpp == weights_mpp
