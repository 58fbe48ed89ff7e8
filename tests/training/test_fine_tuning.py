"""Fine-tuning on reviewed fields: better on those held back, honest on its card, taken up again."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from napari_focusqc.annotation.reviewed_fields import ReviewedField, ReviewedFields, inside
from napari_focusqc.errors import OutputError, SettingsError, TrainingError, WeightsError
from napari_focusqc.evaluation.nucleus_metrics import DetectionScore, score_images
from napari_focusqc.geometry import Region
from napari_focusqc.models.card import Weights, WeightsCard
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.own_folder import FOLDER_VARIABLE, own_files
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_micronet, save_weights
from napari_focusqc.pipeline.nuclei import find_nuclei
from napari_focusqc.progress import finish
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.settings.fine_tuning import FineTuning
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.training import fine_tuning, nucleus_loop
from napari_focusqc.training.fine_tuning import FineTuned, fine_tune
from napari_focusqc.training.reviewed_reading import parted

THIN = (4, 4, 4, 4, 4)
SIDE, GAP = 128, 140


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take few, small steps, and keep own weights in a folder of the test."""
    monkeypatch.setattr(nucleus_loop, "UNSEEN", 2)
    monkeypatch.setattr(fine_tuning, "BATCH", 1)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture(scope="module")
def drawn() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Draw dark discs on pink, none near another: an image and the centres."""
    rng = np.random.default_rng(0)
    height, width = 2 * GAP, 4 * GAP
    image = np.full((height, width, 3), (225, 170, 200), np.uint8)
    cells = np.stack(np.mgrid[10 : height - 10 : 24, 10 : width - 10 : 24], axis=2).reshape(-1, 2)
    centres = (cells + rng.uniform(-4, 4, cells.shape)).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    for at in centres:
        image[(y - at[0]) ** 2 + (x - at[1]) ** 2 < 36] = (90, 50, 130)
    return image, centres


@pytest.fixture
def slide(drawn: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> Iterator[ArraySlide]:
    made = ArraySlide([drawn[0]], mpp=0.25, name="discs.svs")
    yield made
    made.close()


@pytest.fixture
def reviewed(drawn: tuple[NDArray[np.uint8], NDArray[np.float32]]) -> ReviewedFields:
    """Review eight fields of the slide."""
    fields = []
    for number in range(8):
        region = Region(number // 4 * GAP, number % 4 * GAP, SIDE, SIDE)
        fields.append(ReviewedField(region, drawn[1][inside(region, drawn[1])]))
    return ReviewedFields("discs.svs", 0.25, 0, tuple(fields))


def base(folder: Path, model: str = "micronet", **facts: object) -> Weights:
    """Write weights that have learned nothing; one in ten of their peaks is at the threshold."""
    torch.manual_seed(2)
    network = MicroNet(THIN)
    values = {"threshold": 0.137, "licence": "CC0 1.0", "figures": {"xi": 0.3}} | facts
    card = WeightsCard(f"{model}-base", model, 0.25, {"widths": list(THIN), "sigmoid": False})
    return save_weights(network, replace(card, **values), folder)


def tuning(weights: Weights, **changes: object) -> FineTuning:
    values = {"iterations": 20, "learning_rate": 0.03, "device": "cpu"} | changes
    return FineTuning(weights=weights.path, **values)


def in_a_run(slide: ArraySlide, path: Path, fields: tuple[ReviewedField, ...]) -> DetectionScore:
    """Score what a run over each field finds."""
    found = []
    for field in fields:
        settings = NucleusSettings(weights=path, region=field.region, device="cpu", threads=1)
        found.append(finish(find_nuclei(slide, settings)).in_region(field.region).centres)
    true = [field.centres for field in fields]
    return score_images(found, true, mpp=0.25, radii_px=(16,))[0].pooled


def test_nuclei_in_fields_held_back_are_found_afterwards(
    slide: ArraySlide, reviewed: ReviewedFields, folder: Path, tmp_path: Path
) -> None:
    weights = base(tmp_path)
    tuned = finish(fine_tune(slide, reviewed, tuning(weights, iterations=40, freeze=0)))
    assert 0 < tuned.before.f1 < 0.4
    assert tuned.after.f1 > 0.8
    assert not tuned.worse
    assert tuned.held_back == 2
    held = parted(reviewed, 0.25, 0)[1]
    for path, score in ((weights.path, tuned.before), (tuned.path, tuned.after)):
        run = in_a_run(slide, path, held)
        assert (run.tp, run.fp, run.fn) == (score.tp, score.fp, score.fn)
        assert run.distance_px == pytest.approx(score.distance_px, abs=1 / 32)
    assert tuned.verdict == (
        f"F1 went from {tuned.before.f1:.3f} to {tuned.after.f1:.3f} on 2 held-back fields"
    )
    found = find_weights("micronet", 0.25, Path("micronet-tuned-0.25"), finds="nuclei")
    assert tuned.name == found.card.name == "micronet-tuned-0.25"
    assert own_files() == (tuned.path,) == (found.path,)
    assert not list(folder.rglob("*.pt"))
    card = found.card
    assert card.figures["f1_4um_before"] == round(tuned.before.f1, 4)
    assert card.figures["f1_4um_after"] == round(tuned.after.f1, 4)
    assert card.data[-1]["name"] == "fields reviewed by the user on discs.svs"
    assert (card.data[-1]["images_training"], card.data[-1]["images_validation"]) == (6, 2)
    assert card.licence == "CC0 1.0"
    assert "the fields trained on" in card.threshold_meaning
    assert card.note.startswith("started from micronet-base; ")
    assert "weights='micronet-base.safetensors'" in card.command
    assert str(tmp_path) not in card.to_json()
    with pytest.raises(OutputError, match="is there already, and fine-tuning replaces nothing"):
        next(fine_tune(slide, reviewed, tuning(weights)))


def test_frozen_blocks_stay_as_they_were_and_names_and_licences_too(
    slide: ArraySlide, reviewed: ReviewedFields, tmp_path: Path
) -> None:
    used = ({"name": "fields reviewed by the user on discs.svs", "licence": "the user's own"},)
    weights = base(tmp_path, "micronet-noncommercial", licence="CC BY-NC 4.0", data=used)
    settings = tuning(weights, freeze=3, name="mine")
    tuned = finish(fine_tune(slide, reviewed, settings))
    assert tuned.name == "micronet-noncommercial-mine-0.25"
    found = find_weights("micronet", 0.25, Path(tuned.name), finds="nuclei")
    assert found.card.licence == "CC BY-NC 4.0"
    assert "had learned from fields of this slide" in found.card.note
    before, after = (load_micronet(each).state_dict() for each in (weights, found))
    kept = {name for name in before if name.startswith(("blocks.0.", "blocks.1.", "blocks.2."))}
    for name, value in before.items():
        if name in kept:
            assert torch.equal(after[name], value), name
        elif name.endswith("weight"):
            assert not torch.equal(after[name], value), name


def test_a_stopped_run_ends_with_the_same_weights(
    slide: ArraySlide,
    reviewed: ReviewedFields,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tuning(base(tmp_path))
    work = fine_tune(slide, reviewed, settings)
    while next(work).done != 11 or not list(folder.rglob("*.pt")):
        pass
    work.close()
    work = fine_tune(slide, reviewed, settings)
    trained = [step.done for step in work if step.stage.startswith("training")]
    assert trained[0] > 1
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "whole"))
    whole = finish(fine_tune(slide, reviewed, settings))
    (again,) = folder.glob("*.safetensors")
    assert again.read_bytes() == whole.path.read_bytes()


def test_other_fields_begin_anew_and_leave_one_checkpoint(
    slide: ArraySlide, reviewed: ReviewedFields, folder: Path, tmp_path: Path
) -> None:
    settings = tuning(base(tmp_path))
    for fields in (reviewed, reviewed.without(reviewed.fields[0].region)):
        work = fine_tune(slide, fields, settings)
        stages = []
        while len(stages) < 10:
            step = next(work)
            stages += [step.done] if step.stage.startswith("training") else []
        work.close()
        assert stages[0] == 1
        assert len(list(folder.rglob("*.pt"))) == 1


def test_where_nothing_is_found_the_old_threshold_stays(
    slide: ArraySlide, reviewed: ReviewedFields, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "RADIUS_UM", 1e-6)
    weights = base(tmp_path, threshold_meaning="guessed")
    tuned = finish(fine_tune(slide, reviewed, tuning(weights)))
    card = find_weights("micronet", 0.25, tuned.path, finds="nuclei").card
    assert (card.threshold, card.threshold_meaning) == (0.137, "guessed")
    assert tuned.after.f1 == 0


def test_worse_weights_say_so() -> None:
    good, bad = DetectionScore(9, 1, 1, 1.0), DetectionScore(5, 5, 5, 2.0)
    tuned = FineTuned(Path("w"), "w", good, bad, 1)
    assert tuned.worse
    assert tuned.verdict == (
        "F1 fell from 0.900 to 0.500 on 1 held-back field; review more fields, or keep the weights "
        "you started from"
    )
    assert not replace(tuned, after=good).worse


def test_too_few_fields_another_slide_and_weights_without_threshold_are_refused(
    slide: ArraySlide, reviewed: ReviewedFields, tmp_path: Path
) -> None:
    settings = tuning(base(tmp_path))
    empty = replace(reviewed.fields[1], centres=np.empty((0, 2), np.float32))
    one = replace(reviewed, fields=(reviewed.fields[0], empty))
    with pytest.raises(TrainingError, match="1 reviewed field has nuclei.*mark at least two views"):
        next(fine_tune(slide, one, settings))
    with pytest.raises(TrainingError, match=r"reviewed on other\.svs, and this is discs\.svs"):
        next(fine_tune(slide, replace(reviewed, slide="other.svs"), settings))
    with pytest.raises(WeightsError, match="no threshold on its card"):
        next(fine_tune(slide, reviewed, tuning(base(tmp_path, threshold=None))))


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", ".a", "x" * 41, "ü", "a\n"])
def test_a_name_that_is_none_for_a_file_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="is not one for weights"):
        FineTuning(name=name)
