"""`focusqc calibrate` as a user meets it: weights in, the same weights with a scale out."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from napari_focusqc import FocusMap, score_image
from napari_focusqc.cli import main
from napari_focusqc.errors import CalibrationError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network, save_weights

NEW = {"threshold", "threshold_meaning", "calibration", "min_structure", "figures", "tables"}
SLOPE, OFFSET = 0.1, -3.0


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Write a data set of three fields, one of which is kept out."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "pink").mkdir()
    for seed in range(3):
        Image.fromarray(tissue_image(260, 250, seed)).save(folder / "pink" / f"{seed}.png")
    notes = {"name": "Pink fields", "licence": "CC0"}
    (folder / "pink" / "dataset.json").write_text(json.dumps(notes))
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save FocusLiteNN as its authors do, without a card, with scores on a scale of its own."""
    network = load_network(find_weights("focuslitenn-1", 0.25))
    network.rescale(SLOPE, OFFSET)
    path = tmp_path_factory.mktemp("published") / "theirs.pt"
    torch.save({"state_dict": network.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def coarse_images(tmp_path_factory: pytest.TempPathFactory, tissue_image) -> Path:
    """Write three small fields at 1 µm/px with grain, which the least blur takes."""
    folder = tmp_path_factory.mktemp("coarse")
    grain = np.random.default_rng(0).normal(0, 40, (100, 100, 1))
    for seed in range(3):
        field = np.clip(tissue_image(100, 100, seed) + grain, 0, 255).astype(np.uint8)
        Image.fromarray(field).save(folder / f"{seed}.png")
    (folder / "dataset.json").write_text('{"mpp": 1.0}')
    return folder


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the shipped DeepFocus as weights for 1 µm/px."""
    shipped = find_weights("deepfocus", 0.25)
    card = replace(shipped.card, name="coarse", mpp=1.0, calibration=None)
    return save_weights(load_network(shipped), card, tmp_path_factory.mktemp("weights")).path


def calibrate(model: str, images: Path, out: Path, *more: str | Path) -> int:
    arguments = ["--data", images, "--out", out, "--crops", 60, "--validation", "0.34", *more]
    return main(["calibrate", model, *map(str, arguments)])


def card_in(folder: Path, name: str) -> WeightsCard:
    return WeightsCard.from_json((folder / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def theirs(images: Path, published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibrate published weights; return the folder."""
    out = tmp_path_factory.mktemp("theirs") / "new" / "folder"
    assert calibrate("focuslitenn", images, out, "--weights", published) == 0
    return out


@pytest.fixture(scope="module")
def ours(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibrate shipped weights anew; return the folder."""
    out = tmp_path_factory.mktemp("ours")
    assert calibrate("focuslitenn-1", images, out) == 0
    return out


def scored(weights: Path, tissue_image) -> FocusMap:
    field = tissue_image(300, 400, 9)
    return score_image(field, mpp=0.25, model="focuslitenn", weights=weights, tissue="none")


def test_published_weights_get_a_threshold_and_a_scale_in_micrometres(
    published: Path, theirs: Path, tissue_image
) -> None:
    before, after = (
        scored(path, tissue_image) for path in (published, theirs / "theirs.safetensors")
    )
    np.testing.assert_array_equal(before.scores, after.scores)
    with pytest.raises(CalibrationError):
        before.blur_radius_um()
    assert np.isfinite(after.blur_radius_um()).all()
    assert before.source.threshold is None
    assert after.source.threshold == card_in(theirs, "theirs").threshold
    assert sorted(path.name for path in theirs.iterdir()) == ["theirs.json", "theirs.safetensors"]


def test_the_licence_of_published_weights_is_kept(published: Path, theirs: Path) -> None:
    before = find_weights("focuslitenn", 0.25, published).card
    after = find_weights("focuslitenn", 0.25, theirs / "theirs.safetensors").card
    assert "Prosperity" in after.note
    for each in fields(WeightsCard):
        if each.name not in NEW | {"sha256"}:
            assert getattr(after, each.name) == getattr(before, each.name), each.name


def test_a_card_says_when_from_what_and_how_it_was_calibrated(theirs: Path) -> None:
    calibration = card_in(theirs, "theirs").calibration
    assert calibration is not None
    assert re.search(
        r"made on \d{4}-\d\d-\d\d by “focusqc calibrate focuslitenn ", calibration.note
    )
    assert "--weights theirs.pt" in calibration.note
    assert "Pink fields (CC0; " in calibration.note
    assert str(theirs) not in calibration.note


def test_scores_on_another_scale_are_worth_the_same_micrometres(ours: Path, theirs: Path) -> None:
    """The published weights of this test are ours × 0.1 − 3, and so is all that is in scores."""
    our, their = card_in(ours, "focuslitenn-1-0.25"), card_in(theirs, "theirs")
    assert our.threshold is not None and their.threshold is not None
    assert their.threshold == pytest.approx(SLOPE * our.threshold + OFFSET, abs=SLOPE * 0.006)
    assert our.calibration is not None and their.calibration is not None
    assert their.calibration.radius_um == our.calibration.radius_um
    scores = SLOPE * np.array(our.calibration.score) + OFFSET
    np.testing.assert_allclose(their.calibration.score, scores, atol=1e-4)


def test_errors_in_classes_are_told_of_scores_that_are_classes_alone(
    ours: Path, theirs: Path
) -> None:
    assert card_in(ours, "focuslitenn-1-0.25").figures["mean_absolute_error"] > 0
    assert "mean_absolute_error" not in card_in(theirs, "theirs").figures


def test_weights_of_ours_keep_where_they_come_from(ours: Path) -> None:
    shipped = find_weights("focuslitenn-1", 0.25)
    after = find_weights("focuslitenn-1", 0.25, ours / "focuslitenn-1-0.25.safetensors")
    for each in fields(WeightsCard):
        if each.name not in NEW | {"sha256"}:
            assert getattr(after.card, each.name) == getattr(shipped.card, each.name), each.name
    assert after.card.figures["tiles"] == 60  # not the 400 and more of the training
    old, new = (load_network(weights).state_dict() for weights in (shipped, after))
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_deepfocus_keeps_the_papers_threshold_and_weights_their_resolution(
    coarse_images: Path, coarse: Path, tmp_path: Path, capsys
) -> None:
    assert calibrate("deepfocus", coarse_images, tmp_path, "--weights", coarse, "--seed", "1") == 0
    card = card_in(tmp_path, "coarse")
    assert (card.threshold, card.mpp, card.seed) == (0.5, 1.0, 0)
    assert "paper" in card.threshold_meaning
    assert "mean_absolute_error" not in card.figures
    assert card.calibration is not None and "--mpp 1.0 --" in card.calibration.note
    told = capsys.readouterr()
    assert "coarse was trained with the seed 0; with 1 images" in told.err
    assert '"tile_spearman"' in told.out and "out of focus above 0.5: " in told.out
    assert str(tmp_path / "coarse.safetensors") in told.out


def test_the_same_command_makes_the_same_card(
    coarse_images: Path, coarse: Path, tmp_path: Path, capsys
) -> None:
    for out in ("one", "two"):
        assert calibrate("deepfocus", coarse_images, tmp_path / out, "--weights", coarse) == 0
    one, two = ((tmp_path / out / "coarse.json").read_text("utf-8") for out in ("one", "two"))
    dated = re.compile(r"made on \d{4}-\d\d-\d\d")
    assert dated.sub("", one) == dated.sub("", two)
    assert "note" not in capsys.readouterr().err


def refused(capsys) -> str:
    """Return the one sentence of a refusal."""
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert sentence.startswith("focusqc: ")
    return sentence


def test_weights_and_cards_that_are_there_are_never_replaced(
    images: Path, theirs: Path, tmp_path: Path, capsys
) -> None:
    """Neither the calibrated pair itself nor another of its name, nor a card alone."""
    source = theirs / "theirs.safetensors"
    alone = tmp_path / "theirs.json"
    alone.write_text("a card without weights")
    before = {path: path.read_bytes() for path in (*theirs.iterdir(), alone)}
    for out in (theirs, tmp_path):
        assert calibrate("focuslitenn", images, out, "--weights", source) == 2
        assert "is there already" in refused(capsys)
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(tmp_path.iterdir()) == [alone]


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("magic", [], "no focus model 'magic'"),
        ("deepfocus", ["--weights", "focuslitenn-1-0.25"], "not of deepfocus"),
        ("focuslitenn", ["--weights", "nobodys"], "no weights file nobodys"),
        ("focuslitenn", ["--data", "nowhere"], "there is no folder nowhere"),
        ("focuslitenn", ["--data-mpp", "2"], "too few images"),
        ("focuslitenn", ["--crops", "1"], "crops is 1; it must lie between 60"),
        ("focuslitenn", ["--out", __file__], "nothing can be written in"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    model: str, more: list[str], words: str, images: Path, tmp_path: Path, capsys
) -> None:
    assert calibrate(model, images, tmp_path / "out", *more) == 2
    assert words in refused(capsys)
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize(
    ("factor", "words"), [(-1.0, "do not rise with the scores"), (0.0, "crops the score 0.5")]
)
def test_scores_that_do_not_rise_with_the_blur_are_refused(
    factor: float, words: str, coarse_images: Path, coarse: Path, tmp_path: Path, capsys
) -> None:
    found = find_weights("deepfocus", 1.0, coarse)
    network = load_network(found)
    with torch.no_grad():
        for parameter in network.fc[-1].parameters():
            parameter.mul_(factor)
    weights = save_weights(network, found.card, tmp_path).path
    assert calibrate("deepfocus", coarse_images, tmp_path / "out", "--weights", weights) == 2
    assert words in refused(capsys)
    assert not list((tmp_path / "out").iterdir())
