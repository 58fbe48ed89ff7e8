"""From a folder to weights and a card: all that a recipe writes, resumes, refuses, repeats."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from napari_focusqc.cli import main
from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.deepfocus import DeepFocus
from napari_focusqc.models.own_folder import FOLDER_VARIABLE
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network
from napari_focusqc.progress import finish
from napari_focusqc.settings.training import (
    ConvFocusTraining,
    DeepFocusTraining,
    FocusLiteNNTraining,
    TrainSettings,
)
from napari_focusqc.training.fields import TrainingFields
from napari_focusqc.training.recipes import (
    CHECKPOINT,
    train_convfocus,
    train_deepfocus,
    train_focuslitenn,
)
from napari_focusqc.training.record import command_line, run_name

RECIPES: dict[str, Callable[[Any], Any]] = {
    "focuslitenn": train_focuslitenn,
    "convfocus": train_convfocus,
    "deepfocus": train_deepfocus,
}
TILES = {"focuslitenn": 235, "convfocus": 139, "deepfocus": 64}


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    settings: TrainSettings
    card: WeightsCard

    @property
    def path(self) -> Path:
        return self.settings.out / f"{self.card.name}.safetensors"


@pytest.fixture(scope="module")
def trained(
    coarse_folder: Path, small_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Trained]:
    """Return `trained(model)`; each model is trained once, two of them where blur is few px."""
    out = tmp_path_factory.mktemp("trained")
    tiny = {"crops": 60, "batch": 20, "validation": 0.25}
    coarse = tiny | {"mpp": 1.0, "data_mpp": 1.0}
    settings: dict[str, TrainSettings] = {
        "focuslitenn": FocusLiteNNTraining(
            coarse_folder, out / "focuslitenn", kernels=2, epochs=10, **coarse
        ),
        "convfocus": ConvFocusTraining(
            coarse_folder, out / "convfocus", cut="5a", epochs=8, **coarse
        ),
        "deepfocus": DeepFocusTraining(small_folder, out / "deepfocus", epochs=2, **tiny),
    }
    done: dict[str, Trained] = {}

    def run(model: str) -> Trained:
        if model not in done:
            done[model] = Trained(settings[model], finish(RECIPES[model](settings[model])))
        return done[model]

    return run


@pytest.mark.parametrize(
    ("model", "name", "network"),
    [
        ("focuslitenn", "focuslitenn-2-1", {"kernels": 2, "pooling": "min"}),
        ("convfocus", "convfocus-5a-1", {"cut": "5a"}),
        ("deepfocus", "deepfocus-0.25", {}),
    ],
)
def test_a_recipe_writes_weights_that_load_with_a_card_that_tells_all(
    model: str, name: str, network: dict[str, Any], trained: Callable[..., Trained]
) -> None:
    run = trained(model)
    card, out = run.card, run.settings.out
    assert (card.name, card.network) == (name, network)
    endings = ("json", "loss.csv", "loss.png", "safetensors")
    assert sorted(path.name for path in out.iterdir()) == [f"{name}.{each}" for each in endings]
    assert WeightsCard.from_json((out / f"{name}.json").read_text(encoding="utf-8")) == card
    weights = find_weights(card.model, card.mpp, run.path)
    tile_px = TILES[model]
    assert load_network(weights)(torch.zeros(2, 3, tile_px, tile_px)).shape == (2,)
    assert [(e["images_training"], e["images_validation"]) for e in card.data] == [(1, 1), (3, 1)]
    assert json.loads(card.to_json())["sha256"]


@pytest.mark.parametrize("model", list(RECIPES))
def test_a_card_says_what_the_scores_are_worth(model: str, trained: Callable[..., Trained]) -> None:
    card = trained(model).card
    assert card.calibration is not None and card.calibration.note
    assert (np.diff(card.calibration.score) > 0).all()
    assert (np.diff(card.calibration.radius_um) >= 0).all()
    assert card.min_structure is not None and card.min_structure >= 0
    for name in ("abstained", "abstained_in_focus", "abstained_out_of_focus"):
        assert 0 <= card.figures[name] <= 1
    # so few crops and epochs teach ConvFocus nothing that scanners of every kind leave to be seen
    assert card.figures["tile_spearman"] > (-1 if model == "convfocus" else 0.1)
    assert -1 <= card.figures["stack_spearman"] <= 1
    assert 0 <= card.figures["stack_auc_0.5_1.0_um"] <= 1
    tiles = {"focuslitenn": 1, "convfocus": 1, "deepfocus": 4}[model]
    assert 0 < card.figures["stack_tiles"] <= 2 * 13 * tiles  # two fields, 13 distances
    assert card.figures["tiles"] == 60
    ((title, table),) = card.tables.items()
    assert "unseen" in title.lower()
    assert [row[0] for row in table["rows"]] == list(range(30))


def test_deepfocus_has_the_papers_threshold_and_the_others_a_fitted_one(
    trained: Callable[..., Trained],
) -> None:
    card = trained("deepfocus").card
    assert card.threshold == 0.5
    assert "paper" in card.threshold_meaning
    assert "mean_absolute_error" not in card.figures
    for model in ("focuslitenn", "convfocus"):
        fitted = trained(model).card
        assert "balanced accuracy" in fitted.threshold_meaning
        assert fitted.figures["mean_absolute_error"] > 0
        assert -1 <= fitted.figures["bokeh_tile_spearman"] <= 1


@pytest.mark.parametrize("model", list(RECIPES))
def test_the_losses_of_every_epoch_lie_beside_the_weights(
    model: str, trained: Callable[..., Trained]
) -> None:
    run = trained(model)
    path = run.settings.out / f"{run.card.name}.loss.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    assert head == "epoch,training,unseen"
    numbers = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    np.testing.assert_array_equal(numbers[:, 0], np.arange(run.settings.epochs) + 1)
    assert (numbers[:, 1:] > 0).all()
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.width > picture.height > 100


def run_until_trained(work: Any, epochs: int) -> None:
    """Go on until so many epochs are trained, then kill the run."""
    for step in work:
        if step.stage.startswith("training") and step.done == epochs:
            work.close()
            return
    pytest.fail("the run ended before it was killed")


def test_a_killed_run_goes_on_to_the_same_weights_and_losses(
    trained: Callable[..., Trained], tmp_path: Path
) -> None:
    """Nothing but judging follows the last epoch: DeepFocus folds nothing."""
    unbroken = trained("deepfocus")
    broken = replace(unbroken.settings, out=tmp_path / "broken")
    for epochs in (1, unbroken.settings.epochs):
        run_until_trained(train_deepfocus(broken), epochs)
    left = torch.load(broken.out / CHECKPOINT, weights_only=True)
    known = load_network(find_weights("deepfocus", 0.25, unbroken.path)).state_dict()
    assert left["network"].keys() == known.keys()
    assert all(torch.equal(left["network"][name], known[name]) for name in known)
    written = unbroken.path.with_suffix(".loss.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [f"{n},{a:.6f},{b:.6f}" for n, (a, b) in enumerate(left["history"], 1)] == written


def test_the_cards_command_makes_the_same_weights(
    trained: Callable[..., Trained], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained("convfocus")
    folder = run.settings.data
    assert run.card.command == (
        f"focusqc train convfocus --data DATA/{folder.name} --out OUT --mpp 1.0 --data-mpp 1.0 "
        "--validation 0.25 --seed 0 --epochs 8 --crops 60 --batch 20 --cut 5a"
    )
    here = run.card.command.replace("DATA", str(folder.parent)).replace("OUT", str(tmp_path / "o"))
    assert main(shlex.split(here)[1:]) == 0
    card = (tmp_path / "o" / f"{run.card.name}.json").read_text(encoding="utf-8")
    assert WeightsCard.from_json(card).sha256 == run.card.sha256
    assert '"stack_spearman"' in capsys.readouterr().out


# --- Fine-tuning ------------------------------------------------------------------------------


def state_after_an_epoch(settings: TrainSettings) -> dict[str, torch.Tensor]:
    """Train one epoch at a rate that hardly moves weights; return them from the checkpoint."""
    slow = replace(settings, epochs=2, learning_rate=1e-6)
    run_until_trained(train_deepfocus(slow), 1)
    found: dict[str, torch.Tensor] = torch.load(slow.out / CHECKPOINT, weights_only=True)["network"]
    return found


def furthest(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Return the largest change of a weight that is learned by steps, batch norms left out."""
    names = [name for name in one if name.startswith(("conv", "fc"))]
    return max(float((one[name] - other[name]).abs().max()) for name in names)


def test_fine_tuning_starts_from_the_weights_that_are_named(
    trained: Callable[..., Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("deepfocus")
    monkeypatch.setenv(FOLDER_VARIABLE, str(run.settings.out))
    known = load_network(find_weights("deepfocus", 0.25, run.path)).state_dict()
    torch.manual_seed(run.settings.seed)
    assert furthest(DeepFocus().state_dict(), known) > 1e-2
    settings = replace(run.settings, out=tmp_path, start=Path(run.card.name))
    assert furthest(state_after_an_epoch(settings), known) < 1e-4


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"start": Path("some.safetensors")}, False),
        ({"seed": 1}, False),
        ({"crops": 61}, False),
        ({"out": Path("elsewhere"), "data": Path("moved"), "device": "cpu"}, True),
    ],
)
def test_a_checkpoint_belongs_to_all_that_the_weights_depend_on(
    changed: dict[str, Any], same: bool
) -> None:
    settings, sharp = DeepFocusTraining(Path("data"), Path("out")), TrainingFields((), (), ())
    assert (run_name(replace(settings, **changed), sharp) == run_name(settings, sharp)) == same


@pytest.mark.parametrize(
    ("start", "options"),
    [("deepfocus", {}), ("focuslitenn", {"kernels": 1}), ("focuslitenn", {"pooling": "minmax"})],
    ids=["another network", "other kernels", "other pooling"],
)
def test_weights_of_another_network_are_no_start(
    start: str, options: dict[str, Any], trained: Callable[..., Trained], tmp_path: Path
) -> None:
    run = trained("focuslitenn")
    settings = replace(run.settings, out=tmp_path, start=trained(start).path, **options)
    with pytest.raises(WeightsError, match="weights of the same network"):
        finish(train_focuslitenn(settings))


def test_a_start_that_is_not_there_is_refused(tiny: FocusLiteNNTraining) -> None:
    with pytest.raises(WeightsError, match="there is no weights file"):
        finish(train_focuslitenn(replace(tiny, start=Path("nowhere.safetensors"))))


def test_a_command_names_the_weights_it_starts_from_as_they_are_listed(tmp_path: Path) -> None:
    start = tmp_path / "convfocus-5a-0.25.safetensors"
    settings = ConvFocusTraining(tmp_path, tmp_path, start=start)
    command = command_line("train convfocus", settings, ())
    assert command.endswith(" --start convfocus-5a-0.25")
