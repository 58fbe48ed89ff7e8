"""The pages that list models say what the cards say."""

from pathlib import Path

import pytest

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.report import BEGIN, END, models_table, with_table
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.registry import shipped_weights

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
CARD = WeightsCard(
    name="focuslitenn-2-0.5",
    model="focuslitenn-2",
    mpp=0.5,
    network={"kernels": 2, "pooling": "min"},
    threshold=6.25,
    threshold_meaning="a blur disk of 1 µm | more or less",
    score_meaning="blur class",
    data=({"name": "fields", "licence": "CC0", "training_images": 8},),
    licence="BSD-3-Clause",
    seed=3,
    command="focusqc train focuslitenn",
    date="2026-01-01",
    figures={"tile_spearman": 0.98765, "tiles": 1200},
    sha256="ab" * 32,
    note="not for\nclinical use",
)


def test_docs_models_says_what_the_shipped_cards_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    table = models_table([weights.card for weights in shipped_weights()])
    assert page == with_table(page, table), "run: python scripts/models_page.py"


def test_every_field_of_a_card_is_in_the_table() -> None:
    assert models_table([CARD]) == "\n".join(
        [
            "### Overview",
            "",
            "| weights | model | µm/px | threshold | what that means | licence |",
            "| --- | --- | --- | --- | --- | --- |",
            "| `focuslitenn-2-0.5` | `focuslitenn-2` | 0.5 | 6.25 "
            "| a blur disk of 1 µm \\| more or less | BSD-3-Clause |",
            "",
            "### Measured on images kept out of training",
            "",
            "| figure | `focuslitenn-2-0.5` |",
            "| --- | --- |",
            "| tile spearman | 0.9877 |",
            "| tiles | 1,200 |",
            "",
            "### How they were made",
            "",
            "#### focuslitenn-2-0.5",
            "",
            "- score: blur class",
            "- network: kernels 2, pooling min",
            "- training data: fields (licence CC0, training images 8)",
            "- command: `focusqc train focuslitenn`",
            "- seed: 3",
            "- date: 2026-01-01",
            f"- sha256: `{'ab' * 32}`",
            "- note: not for clinical use",
        ]
    )


def test_what_a_card_does_not_say_is_not_made_up() -> None:
    table = models_table([WeightsCard("w", "focuslitenn", 0.25, {})])
    assert "| `w` | `focuslitenn` | 0.25 | not measured | not stated | not stated |" in table
    assert "None were measured." in table
    assert "seed" not in table


def test_without_cards_there_is_a_sentence() -> None:
    assert models_table([]) == "No weights ship with this version."


def test_what_finds_other_things_has_a_table_of_its_own() -> None:
    focus = WeightsCard("a", "focuslitenn", 0.25, {}, figures={"roc_auc": 0.5})
    nuclei = WeightsCard("b", "micronet", 0.25, {}, figures={"f1_16px": 0.25})
    table = models_table([focus, nuclei])
    assert "| figure | `a` |\n| --- | --- |\n| roc auc | 0.5 |\n\n| figure | `b` |" in table
    assert "| f1 16px | 0.25 |" in table


def test_figures_of_several_cards_stand_side_by_side() -> None:
    one = WeightsCard("a", "focuslitenn", 0.25, {}, figures={"x": 0.5, "y": 0.25})
    two = WeightsCard("b", "focuslitenn", 0.5, {}, figures={"y": 0.75})
    table = models_table([one, two])
    assert "| x | 0.5 |  |" in table
    assert "| y | 0.25 | 0.75 |" in table


def test_a_table_is_put_between_its_marks() -> None:
    page = f"head\n{BEGIN}\nold\n{END}\ntail\n"
    new = with_table(page, "new")
    assert new == f"head\n{BEGIN}\n\nnew\n\n{END}\ntail\n"
    assert with_table(new, "new") == new


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_marks_is_refused(page: str) -> None:
    with pytest.raises(EvaluationError, match="no part between"):
        with_table(page, "new")
