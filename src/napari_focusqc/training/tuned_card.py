"""The card of weights that learned from a user's reviewed fields.

Room: training. Licence, model and resolution are those of the weights that were started from.
"""

from dataclasses import fields, replace
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from napari_focusqc.annotation.reviewed_fields import ReviewedFields
from napari_focusqc.evaluation.nucleus_metrics import DetectionScore
from napari_focusqc.models.card import WeightsCard
from napari_focusqc.settings.fine_tuning import FineTuning
from napari_focusqc.training.reviewed_reading import Reviewed

THRESHOLD_MEANING = (
    "peaks from this proximity on are nuclei: the best F1 at 4 µm of the fields trained on"
)
NOTE = (
    "fine-tuned on reviewed fields of one slide; before (with the threshold of the weights started "
    "from) and after are measured on other fields of that slide, and may differ elsewhere"
)
AGAIN = "the weights started from had learned from fields of this slide, so figures may flatter"


def learned_from(reviewed: ReviewedFields, parts: tuple[Reviewed, Reviewed]) -> dict[str, Any]:
    """Describe the fields trained on and those held back, as a card lists data."""
    facts: dict[str, Any] = {
        "name": f"fields reviewed by the user on {reviewed.slide}",
        "licence": "the user's own",
        "mpp": reviewed.mpp,
    }
    for word, part in zip(("training", "validation"), parts, strict=True):
        facts[f"images_{word}"] = len(part)
        facts[f"nuclei_{word}"] = sum(len(field.centres) for field in part)
    return facts


def tuned_card(
    base: WeightsCard,
    name: str,
    settings: FineTuning,
    used: dict[str, Any],
    scores: tuple[DetectionScore, DetectionScore],
    threshold: float | None,
) -> WeightsCard:
    """Write down where the weights come from and what they are worth.

    Parameters
    ----------
    base
        Of the weights that were started from.
    name
        Of the new weights.
    settings
        Of the fine-tuning.
    used
        From `learned_from`.
    scores
        Of the held-back fields, before and after.
    threshold
        Chosen on the fields trained on; None where the old one stays.
    """
    figures = {"held_back_fields": float(used["images_validation"])}
    for when, score in zip(("before", "after"), scores, strict=True):
        for what in ("f1", "precision", "recall"):
            if isfinite(value := getattr(score, what)):
                figures[f"{what}_4um_{when}"] = round(value, 4)
    notes = [f"started from {base.name}", NOTE]
    if any(used["name"] == each.get("name") for each in base.data):
        notes.append(AGAIN)
    if threshold is not None:
        base = replace(base, threshold=threshold, threshold_meaning=THRESHOLD_MEANING)
    return replace(
        base,
        name=name,
        data=(*base.data, used),
        seed=settings.seed,
        command=_call(settings),
        date=datetime.now(UTC).date().isoformat(),
        figures=figures,
        tables={},
        note="; ".join(notes),
    )


def _call(settings: FineTuning) -> str:
    """Return the call that makes the same weights of the same fields; of a file only its name."""
    facts = {field.name: getattr(settings, field.name) for field in fields(settings)}
    words = [
        f"{name}={(value.name if isinstance(value, Path) else value)!r}"
        for name, value in facts.items()
        if name != "device"
    ]
    return f"fine_tune(slide, reviewed, FineTuning({', '.join(words)}))"
