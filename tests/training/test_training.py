"""Training: the loss, the scale of the scores, resuming after a kill, and the card."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_focusqc.errors import OutputError, TrainingError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network
from napari_focusqc.settings.training import ConvFocusTraining, FocusLiteNNTraining
from napari_focusqc.training.defocus_data import Crops
from napari_focusqc.training.loop import fit, score_crops
from napari_focusqc.training.losses import RIGHT_CLASS, STRAIGHT_LINE, plcc_loss
from napari_focusqc.training.measures import best_threshold, class_line, figures
from napari_focusqc.training.recipes import CHECKPOINT, train_convfocus, train_focuslitenn


def _finish(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


@pytest.fixture(scope="module")
def crops() -> Crops:
    """Noise whose contrast falls with the class: something a network can learn at once."""
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.arange(60) % 30)
    noise = rng.normal(0, 1, (60, 47, 47, 1)) * (32 - classes)[:, None, None, None]
    images = np.clip(128 + noise.repeat(3, axis=3), 0, 255).astype(np.uint8)
    return Crops(images, classes, (0.35 * np.exp(3 * (classes - 1) / 28)).astype(np.float32))


def test_loss_is_one_minus_pearson() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 50))
    loss = plcc_loss(torch.from_numpy(x), torch.from_numpy(y))
    assert loss.item() == pytest.approx(1 - np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize(("slope", "loss"), [(3.0, 0.0), (-0.1, 2.0), (0.0, 1.0)])
def test_loss_of_straight_lines(slope: float, loss: float) -> None:
    truth = torch.arange(8, dtype=torch.float32)
    assert plcc_loss(slope * truth + 5, truth).item() == pytest.approx(loss, abs=1e-5)


def test_loss_of_constant_scores_has_a_finite_gradient() -> None:
    scores = torch.zeros(8, requires_grad=True)
    plcc_loss(scores, torch.arange(8, dtype=torch.float32)).backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_class_line_is_the_regression_of_class_on_score() -> None:
    classes = np.arange(30)
    slope, offset = class_line((classes - 4) / 2.5, classes)
    assert (slope, offset) == pytest.approx((2.5, 4))
    for scores in (-classes.astype(float), np.zeros(30)):
        with pytest.raises(TrainingError, match="do not rise"):
            class_line(scores, classes)


def test_threshold_parts_the_groups_and_ignores_what_lies_between() -> None:
    scores = np.array([1.0, 2, 3, 4, 100, -100, 6, 7])
    radius = np.array([0, 0.2, 0.5, 0.3, 0.7, 0.9, 1.0, 5], np.float32)
    assert best_threshold(scores, radius) == 5  # midway between 4 (sharp) and 6 (blurred)


def test_figures_by_hand() -> None:
    crops = Crops(
        np.zeros((4, 1, 1, 3), np.uint8),
        np.array([0, 1, 20, 25]),
        np.array([0, 0.4, 2.7, 4.6], np.float32),
    )
    found = figures(np.array([1.0, 3, 2, 4]), crops, threshold=2.5)
    assert found["tile_spearman"] == 0.8  # one pair of neighbours swapped: 1 − 6 · 2 / (4 · 15)
    assert found["roc_auc"] == 0.75  # of 2 × 2 pairs one is the wrong way round
    assert found["balanced_accuracy"] == 0.5
    assert (found["tiles"], found["tiles_in_focus"], found["tiles_out_of_focus"]) == (4, 2, 2)


def _settings(folder: Path, epochs: int = 6) -> FocusLiteNNTraining:
    return FocusLiteNNTraining(folder, folder, kernels=2, epochs=epochs, crops=60, batch=20)


def _network() -> FocusLiteNN:
    torch.manual_seed(0)
    return FocusLiteNN(2)


def test_training_learns(crops: Crops, tmp_path: Path) -> None:
    network = _network()
    _finish(fit(network, crops, _settings(tmp_path, 40), tmp_path / "a.pt", "run", STRAIGHT_LINE))
    assert np.corrcoef(score_crops(network, crops.images), crops.classes)[0, 1] > 0.95


@pytest.mark.parametrize("killed_after", [1, 3, 5])
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(
    crops: Crops, tmp_path: Path, killed_after: int
) -> None:
    unbroken, killed, resumed = _network(), _network(), FocusLiteNN(2)
    settings = _settings(tmp_path)
    _finish(fit(unbroken, crops, settings, tmp_path / "a.pt", "run", STRAIGHT_LINE))
    work = fit(killed, crops, settings, tmp_path / "b.pt", "run", STRAIGHT_LINE)
    for _ in range(killed_after):
        next(work)
    work.close()
    progress = list(fit(resumed, crops, settings, tmp_path / "b.pt", "run", STRAIGHT_LINE))
    assert [p.done for p in progress] == list(range(killed_after + 1, 7))
    for name, value in unbroken.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_run_is_refused(crops: Crops, tmp_path: Path) -> None:
    _finish(fit(_network(), crops, _settings(tmp_path), tmp_path / "a.pt", "one", STRAIGHT_LINE))
    with pytest.raises(TrainingError, match="other settings"):
        next(fit(_network(), crops, _settings(tmp_path), tmp_path / "a.pt", "two", STRAIGHT_LINE))


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_a_damaged_checkpoint_is_refused(crops: Crops, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.pt"
    _finish(fit(_network(), crops, _settings(tmp_path), path, "run", STRAIGHT_LINE))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(TrainingError, match="damaged"):
        next(fit(_network(), crops, _settings(tmp_path), path, "run", STRAIGHT_LINE))


def test_training_that_diverges_is_refused(crops: Crops, tmp_path: Path) -> None:
    network = _network()
    with torch.no_grad():
        network.conv.bias[0] = float("nan")
    with pytest.raises(TrainingError, match="smaller learning rate"):
        next(fit(network, crops, _settings(tmp_path), tmp_path / "a.pt", "run", STRAIGHT_LINE))


def test_an_output_folder_nobody_can_write_to_is_refused(crops: Crops, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        next(
            fit(
                _network(),
                crops,
                _settings(tmp_path),
                tmp_path / "file" / "a.pt",
                "run",
                STRAIGHT_LINE,
            )
        )


def test_the_recipe_writes_weights_that_load_with_a_card_that_tells_all(
    tiny: FocusLiteNNTraining,
) -> None:
    card = _finish(train_focuslitenn(tiny))
    assert sorted(path.name for path in tiny.out.iterdir()) == [
        "focuslitenn-2-0.25.json",
        "focuslitenn-2-0.25.safetensors",
    ]
    path = tiny.out / "focuslitenn-2-0.25.safetensors"
    assert WeightsCard.from_json(path.with_suffix(".json").read_text(encoding="utf-8")) == card
    weights = find_weights("focuslitenn-2", 0.25, path)
    assert load_network(weights)(torch.zeros(1, 3, 235, 235)).shape == (1,)
    assert card.threshold is not None
    assert card.command == (
        f"focusqc train focuslitenn --data DATA/{tiny.data.name} --out OUT --mpp 0.25 --epochs 3 "
        "--crops 60 --batch 20 --validation 0.25 --seed 0 --kernels 2"
    )
    assert card.figures["tiles"] == 60
    assert sum(entry["images_training"] for entry in card.data) == 4
    assert json.loads(card.to_json())["sha256"]


def test_a_killed_recipe_goes_on_and_ends_with_the_same_weights(
    tiny: FocusLiteNNTraining, tmp_path: Path
) -> None:
    unbroken = _finish(train_focuslitenn(tiny))
    broken = replace(tiny, out=tmp_path / "broken")
    for progress in (work := train_focuslitenn(broken)):
        if progress.stage.startswith("training") and progress.done == 2:
            work.close()
            break
    assert (broken.out / CHECKPOINT).is_file()
    assert _finish(train_focuslitenn(broken)).sha256 == unbroken.sha256


def test_scores_read_as_classes_after_the_fold(tiny: FocusLiteNNTraining, crops: Crops) -> None:
    """A straight line folded into the weights: regressing class on score again gives slope 1."""
    network = _network()
    _finish(fit(network, crops, _settings(tiny.out, 30), tiny.out / "a.pt", "run", STRAIGHT_LINE))
    network.rescale(*class_line(score_crops(network, crops.images), crops.classes))
    slope, offset = class_line(score_crops(network, crops.images), crops.classes)
    assert (slope, offset) == pytest.approx((1, 0), abs=1e-3)


def test_rates_fall_as_the_recipes_say() -> None:
    assert [STRAIGHT_LINE.rate(done) for done in (0.0, 0.499, 0.5, 0.99)] == [1, 1, 0.1, 0.1]
    assert [RIGHT_CLASS.rate(done) for done in (0.0, 0.5, 1.0)] == pytest.approx([1, 0.5, 0])


def test_convfocus_learns_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    classes = rng.permutation(np.arange(90) % 30)
    noise = rng.normal(0, 1, (90, 47, 47, 1)) * (32 - classes)[:, None, None, None]
    images = np.clip(128 + noise.repeat(3, axis=3), 0, 255).astype(np.uint8)
    crops = Crops(images, classes, np.ones(90, np.float32))
    torch.manual_seed(0)
    network = ConvFocus()
    settings = ConvFocusTraining(tmp_path, tmp_path, epochs=60, crops=90, batch=30)
    _finish(fit(network, crops, settings, tmp_path / "a.pt", "run", RIGHT_CLASS))
    assert np.corrcoef(score_crops(network, crops.images), classes)[0, 1] > 0.9


def test_a_killed_convfocus_ends_with_the_same_weights_and_a_card(
    field_folder: Path, tmp_path: Path
) -> None:
    settings = ConvFocusTraining(
        field_folder, tmp_path / "one", epochs=3, crops=60, batch=20, validation=0.25, cut="5a"
    )
    card = _finish(train_convfocus(settings))
    broken = replace(settings, out=tmp_path / "two")
    for progress in (work := train_convfocus(broken)):
        if progress.stage.startswith("training") and progress.done == 2:
            work.close()
            break
    assert _finish(train_convfocus(broken)).sha256 == card.sha256
    assert (card.name, card.network) == ("convfocus-5a-0.25", {"cut": "5a"})
    assert card.command == (
        f"focusqc train convfocus --data DATA/{field_folder.name} --out OUT --mpp 0.25 --epochs 3 "
        "--crops 60 --batch 20 --validation 0.25 --seed 0 --cut 5a"
    )
    assert card.figures["mean_absolute_error"] > 0
    weights = find_weights("convfocus-5a", 0.25, settings.out / f"{card.name}.safetensors")
    assert load_network(weights)(torch.zeros(2, 3, 139, 139)).shape == (2,)
