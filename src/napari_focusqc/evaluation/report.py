"""Tables for people to read, in Markdown.

Room: evaluation. Every number comes from a card; none is written here.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from napari_focusqc.errors import EvaluationError
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.cards import CARDS

BEGIN = "<!-- begin: focusqc models --markdown -->"
END = "<!-- end -->"


def models_table(cards: Sequence[WeightsCard]) -> str:
    """Return what weights cards say, as Markdown of three parts.

    Parameters
    ----------
    cards
        In the order in which they shall stand.

    Returns
    -------
    An overview, the figures measured on images kept out of training, and how each was made;
    one sentence where there are no cards.
    """
    if not cards:
        return "No weights ship with this version."
    return "\n\n".join(
        [
            "### Overview",
            _overview(cards),
            "### Measured on images kept out of training",
            *(_figures(some) for some in _kinds(cards)),
            "### How they were made",
            *(_making(card) for card in cards),
        ]
    )


def with_table(page: str, table: str) -> str:
    """Return a page whose part between `BEGIN` and `END` is replaced by a table.

    Raises
    ------
    EvaluationError
        The page has no such part.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise EvaluationError(f"the page has no part between {BEGIN} and {END}; put them in")
    return f"{head}{begin}\n\n{table}\n\n{end}{tail}"


def _overview(cards: Sequence[WeightsCard]) -> str:
    rows = [
        (
            f"`{card.name}`",
            f"`{card.model}`",
            f"{card.mpp:g}",
            "not measured" if card.threshold is None else f"{card.threshold:.4g}",
            card.threshold_meaning or "not stated",
            card.licence or "not stated",
        )
        for card in cards
    ]
    head = ("weights", "model", "µm/px", "threshold", "what that means", "licence")
    return _table(head, rows)


def _kinds(cards: Sequence[WeightsCard]) -> list[list[WeightsCard]]:
    """Part cards by what their models find; other things have other figures."""
    kinds: dict[str, list[WeightsCard]] = {}
    for card in cards:
        model = CARDS.get(card.model)
        kinds.setdefault(model.finds if model else "", []).append(card)
    return list(kinds.values())


def _figures(cards: Sequence[WeightsCard]) -> str:
    """Return one row per figure and one column per card: figures are many, cards are few."""
    names = list(dict.fromkeys(name for card in cards for name in card.figures))
    if not names:
        return "None were measured."
    rows = [
        (name.replace("_", " "), *(_figure(card.figures.get(name)) for card in cards))
        for name in names
    ]
    return _table(("figure", *(f"`{card.name}`" for card in cards)), rows)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _making(card: WeightsCard) -> str:
    facts = [
        ("score", card.score_meaning),
        ("network", ", ".join(f"{name} {value}" for name, value in card.network.items())),
        ("training data", "; ".join(_data(each) for each in card.data)),
        ("command", f"`{card.command}`" if card.command else ""),
        ("seed", "" if card.seed is None else str(card.seed)),
        ("date", card.date),
        ("sha256", f"`{card.sha256}`" if card.sha256 else ""),
        ("note", card.note),
    ]
    lines = [f"- {name}: {' '.join(text.split())}" for name, text in facts if text]
    return "\n".join([f"#### {card.name}", "", *lines])


def _data(facts: dict[str, Any]) -> str:
    """Return one training set in words, its name first, whatever else its card says of it."""
    rest = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if name != "name"
    )
    name = facts.get("name", "unnamed")
    return f"{name} ({rest})" if rest else str(name)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(head), *(list(row) for row in rows)]
    rule = ["---"] * len(cells[0])
    lines = [cells[0], rule, *cells[1:]]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Keep a text inside its cell: a bar would end it, a new line the table."""
    return " ".join(text.split()).replace("|", "\\|")
