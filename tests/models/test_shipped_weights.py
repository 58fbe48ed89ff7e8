"""The focus weights in the package: whole, described, in the right sense on real tissue."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import immunohistochemistry

from napari_focusqc.models.card import Weights
from napari_focusqc.models.registry import find_weights, path_of, shipped_weights
from napari_focusqc.models.weights import load_network
from napari_focusqc.optics.camera import to_uint8
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.pipeline import score_image

DOCS = Path(__file__).parents[2] / "docs"
SHIPPED = tuple(weights for weights in shipped_weights() if weights.model.finds == "focus")
NAMES = [weights.card.name for weights in SHIPPED]


PARAMETERS = {
    "focuslitenn-1": 148,
    "focuslitenn-2": 299,
    "focuslitenn-10": 1491,
    "convfocus-3a": 8126,
    "convfocus-5a": 11345,
    "deepfocus": 1309858,
}
"""FocusLiteNN's are those of the paper's Table 1."""
LEAST_SPEARMAN = {
    "deepfocus": 0.74,
    "focuslitenn-1": 0.85,
    "focuslitenn-2": 0.83,
    "focuslitenn-10": 0.88,
}
"""DeepFocus answers yes or no: beyond its threshold more blur makes no difference. The filters of
one layer take sharpening for focus, and the scanners measured with sharpen."""
FEW_FILTERS = ("focuslitenn-1", "focuslitenn-2")
"""Call a field soft that was enlarged to twice its size, as the one at 0.25 µm/px here."""
LEAST_AUC = {"focuslitenn-1": 0.92, "focuslitenn-2": 0.92}
LEAST_ACCURACY = {"focuslitenn-1": 0.8, "focuslitenn-2": 0.8}


def test_each_model_ships_at_both_resolutions() -> None:
    wanted = {f"{model}-{mpp}" for model in PARAMETERS for mpp in (0.25, 0.5)}
    assert set(NAMES) == wanted


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_weights_load_and_their_card_tells_all(weights: Weights) -> None:
    card = weights.card
    assert weights.path == weights.path.with_name(f"{card.name}.safetensors")
    assert len(card.sha256) == 64  # and `load_network` compares it
    network = load_network(weights)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert trained == PARAMETERS[card.model]
    assert card.licence == "BSD-3-Clause"
    assert card.threshold is not None
    assert all((card.threshold_meaning, card.score_meaning, card.date, card.data))
    assert card.seed is not None
    assert all({"name", "licence", "images_training"} <= set(entry) for entry in card.data)


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_the_card_names_a_command_that_runs_elsewhere(weights: Weights) -> None:
    card = weights.card
    assert card.command.startswith(f"focusqc train {weights.model.network} --data DATA/")
    assert f"--mpp {card.mpp:g}" in card.command
    for option, value in card.network.items():
        assert f"--{option} {value}" in card.command or value == "min"
    assert str(Path.home()) not in card.to_json()
    assert "/work/" not in card.to_json()


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_figures_on_unseen_images_are_good_enough_to_ship(weights: Weights) -> None:
    figures = weights.card.figures
    assert figures["tile_spearman"] >= LEAST_SPEARMAN.get(weights.card.model, 0.9)
    assert figures["roc_auc"] >= LEAST_AUC.get(weights.card.model, 0.95)
    assert figures["balanced_accuracy"] >= LEAST_ACCURACY.get(weights.card.model, 0.85)
    assert figures["tiles"] >= 400


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_scores_of_real_tissue_rise_with_every_step_of_blur(weights: Weights) -> None:
    """scikit-image's DAB immunohistochemistry field, 0.5 µm/px, never trained on."""
    mpp = weights.card.mpp
    field = Image.fromarray(immunohistochemistry())
    side = round(512 * 0.5 / mpp)
    image = np.asarray(field.resize((side, side), Image.Resampling.LANCZOS))
    means = [
        float(
            np.nanmean(
                score_image(
                    to_uint8(blur(image, bokeh_kernel(radius_um / mpp))),
                    mpp=mpp,
                    model=weights.model.name,
                    tissue="none",
                ).scores
            )
        )
        for radius_um in (0, 0.7, 1.4, 2.8, 5.6)
    ]
    steps = np.diff(means)
    assert (steps > 0).all() or (weights.card.model == "deepfocus" and (steps > -1e-3).all())
    threshold = weights.card.threshold
    assert threshold is not None
    assert threshold < means[2]
    assert means[0] < threshold or weights.card.model in FEW_FILTERS


@pytest.mark.parametrize(("slide_mpp", "weights_mpp"), [(0.25, 0.25), (0.499, 0.5), (0.35, 0.5)])
def test_the_default_model_serves_both_usual_scans(slide_mpp: float, weights_mpp: float) -> None:
    weights = find_weights("focuslitenn", slide_mpp)
    assert (weights.card.model, weights.card.mpp) == ("focuslitenn-10", weights_mpp)


@pytest.mark.parametrize(
    "weights", [w for w in SHIPPED if w.card.calibration], ids=lambda w: w.card.name
)
def test_the_scale_in_micrometres_rises_and_holds_the_threshold(weights: Weights) -> None:
    """In focus is up to 0.5 µm and out of focus from 1 µm on, so the threshold lies about there."""
    calibration, threshold = weights.card.calibration, weights.card.threshold
    assert calibration is not None
    assert threshold is not None
    assert 0.4 < calibration.radius_um_of(np.array([threshold]))[0] < 1.3
    low, high = calibration.interval_um_of(np.array([threshold]))
    assert low[0] < high[0]


@pytest.mark.parametrize("weights", SHIPPED, ids=NAMES)
def test_what_a_card_starts_from_is_shipped_or_made_by_a_command_of_the_docs(
    weights: Weights,
) -> None:
    _, started, rest = weights.card.command.partition(" --start ")
    name = rest.split()[0] if started else ""
    if name.endswith("-base"):
        assert f"`{name}`" in (DOCS / "training.md").read_text(encoding="utf-8")
    elif started:
        assert path_of(Path(name)).is_file()
