"""Which weights a slide is given, and what is refused before anything is loaded."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_focusqc.errors import TooCoarseError, UnknownModelError, WeightsError
from napari_focusqc.models import registry
from napari_focusqc.models.card import Weights, WeightsCard
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.registry import find_weights, model_card, shipped_models


def _shipped(model: str, mpp: float) -> Weights:
    return Weights(CARDS[model], WeightsCard(f"{model}-{mpp}", model, mpp, {}), Path("none"))


@pytest.fixture
def three_resolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    found = tuple(_shipped("focuslitenn-10", mpp) for mpp in (0.25, 0.5, 1.0))
    monkeypatch.setattr(registry, "shipped_weights", lambda: found)


def _write_card(folder: Path, card: WeightsCard) -> Path:
    path = folder / "mine.safetensors"
    path.write_bytes(b"")
    path.with_suffix(".json").write_text(card.to_json(), encoding="utf-8")
    return path


CARD = WeightsCard("mine", "focuslitenn-2", 0.5, {"kernels": 2, "pooling": "min"})


def test_an_unknown_model_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownModelError, match="'deepfocal'.*focuslitenn, focuslitenn-1"):
        model_card("deepfocal")


@pytest.mark.parametrize(
    ("slide_mpp", "weights_mpp"),
    [
        (0.25, 0.25),
        (0.2875, 0.25),  # 15 % coarser
        (0.288, 0.5),  # no longer: averaged down
        (0.44, 0.5),  # within 15 % of 0.5
        (0.1, 0.25),  # finer than all: the finest
        (0.5, 0.5),
        (1.14, 1.0),
    ],
)
def test_weights_are_chosen_by_resolution(
    three_resolutions: None, slide_mpp: float, weights_mpp: float
) -> None:
    assert find_weights("focuslitenn-10", slide_mpp).card.mpp == weights_mpp


def test_the_plain_name_takes_the_ten_kernel_weights(three_resolutions: None) -> None:
    weights = find_weights("focuslitenn", 0.25)
    assert weights.model.name == "focuslitenn"
    assert weights.card.model == "focuslitenn-10"


def test_a_slide_coarser_than_all_weights_is_refused(three_resolutions: None) -> None:
    with pytest.raises(TooCoarseError, match=r"1\.2 µm/px.*0\.25, 0\.5, 1 µm/px"):
        find_weights("focuslitenn", 1.2)


def test_a_coarse_slide_is_refused_for_the_users_weights_too(tmp_path: Path) -> None:
    path = _write_card(tmp_path, CARD)
    assert find_weights("focuslitenn", 0.55, path).path == path
    with pytest.raises(TooCoarseError, match=r"0\.6 µm/px"):
        find_weights("focuslitenn", 0.6, path)


def test_a_published_file_gets_a_card_without_threshold(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pt"
    path.write_bytes(b"abc")
    weights = find_weights("focuslitenn", 0.25, path)
    assert weights.card.mpp == 0.25
    assert weights.card.threshold is None
    assert weights.card.network == {}
    assert "authors" in weights.card.licence
    assert weights.card.sha256.startswith("ba7816bf8f01cfea")  # of "abc", FIPS 180-2


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no weights file"):
        find_weights("focuslitenn", 0.25, tmp_path / "none.pt")


def test_safetensors_need_their_card(tmp_path: Path) -> None:
    (tmp_path / "lone.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"lone\.json"):
        find_weights("focuslitenn", 0.25, tmp_path / "lone.safetensors")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "slide.svs").write_bytes(b"II*")
    with pytest.raises(WeightsError, match=r"slide\.svs is not a kind of weights"):
        find_weights("focuslitenn", 0.25, tmp_path / "slide.svs")


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    path = _write_card(tmp_path, CARD)
    assert find_weights("focuslitenn-2", 0.5, path).card.model == "focuslitenn-2"
    with pytest.raises(WeightsError, match=r"focuslitenn-2, not of focuslitenn-10"):
        find_weights("focuslitenn-10", 0.5, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "\x00",
        '{"name": "a", "model": "focuslitenn", "mpp": "fine", "network": {}}',
        '{"name": "a", "model": "focuslitenn", "mpp": -1, "network": {}}',
        '{"name": "a", "model": "focuslitenn", "mpp": NaN, "network": {}}',
        '{"name": "a", "model": "other", "mpp": 0.25, "network": {}}',
    ],
)
def test_a_damaged_card_is_refused(tmp_path: Path, text: str) -> None:
    path = _write_card(tmp_path, CARD)
    path.with_suffix(".json").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError, match="card"):
        find_weights("focuslitenn", 0.25, path)


def test_a_card_survives_json() -> None:
    card = replace(CARD, threshold=3.5, data=({"name": "a"},), figures={"spearman": 0.98})
    assert WeightsCard.from_json(card.to_json()) == card


def test_a_model_without_weights_is_not_offered_and_says_what_to_do(
    three_resolutions: None,
) -> None:
    assert [card.name for card in shipped_models()] == ["focuslitenn", "focuslitenn-10"]
    with pytest.raises(WeightsError, match=r"no weights of convfocus are shipped; train some"):
        find_weights("convfocus", 0.25)
