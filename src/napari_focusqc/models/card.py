"""What a model is and what a set of weights was trained on; plain facts, no torch.

Room: models. A `ModelCard` is written by hand, once per network; a `WeightsCard` is written by
training and travels as JSON beside its weights.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.calibration import Calibration

Finds = Literal["focus", "nuclei", "distance"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as its paper describes it.

    Parameters
    ----------
    name
        What users type, such as ``"focuslitenn"``.
    title
        What users read.
    network
        Key of the network's class in `models.weights.NETWORKS`.
    tile_px, stride_px
        Side of the square the network sees and distance between two of them, px at the
        resolution of the weights.
    mpp
        The paper's micrometres per pixel; weights may be trained for others.
    output
        What the score means, one sentence. Higher is always more out of focus.
    cite
        The paper.
    fixed
        The option of the network that the model's name fixes, such as ``("kernels", 10)``, or None
        where the weights decide.
    scale
        Scores in focus and most out of focus, of weights that score `on_scale` and have a
        threshold: the ends of the colours in every picture of such a map.
    threshold
        The paper's, of a score that is a probability; None where every set of weights needs its
        own.
    light
        Whether the network takes hardly longer than decoding the slide.
    finds
        What its weights tell: how a tile is in focus, where nuclei are, or how far away, and in
        which direction, the focus is.
    """

    name: str
    title: str
    network: str
    tile_px: int
    stride_px: int
    mpp: float
    output: str
    cite: str
    fixed: tuple[str, int | str] | None = None
    scale: tuple[float, float] = (0.0, 29.0)
    threshold: float | None = None
    light: bool = False
    finds: Finds = "focus"

    def on_scale(self, command: str) -> bool:
        """Say whether weights score on `scale`.

        A probability always does. Classes are what our training makes of a score, and it writes its
        command on the card; the cards of published weights have none, calibrated or not.

        Parameters
        ----------
        command
            `WeightsCard.command`.
        """
        return self.threshold is not None or bool(command)


@dataclass(frozen=True, slots=True)
class WeightsCard:
    """Where a set of weights comes from and how it did on images it never saw.

    Parameters
    ----------
    name
        File name without its ending, such as ``"focuslitenn-10-0.25"``.
    model
        `ModelCard.name` the weights belong to.
    mpp
        Micrometres per pixel the weights were trained at.
    network
        What the network's constructor needs, such as ``{"kernels": 10, "pooling": "min"}``.
    threshold
        Tiles scoring above it are out of focus, peaks from it on are nuclei; None where nobody
        measured one.
    threshold_meaning
        The blur at the threshold, in words with units.
    score_meaning
        What a score of these weights measures.
    data
        One dict per training set: name, licence, images for training and validation.
    licence
        Licence of the weights.
    seed, command, date
        How to make them again: random seed, full command line, ISO date.
    figures
        Measured on the validation images, name to number.
    sha256
        Of the safetensors file, hex.
    note
        What a user must know besides, such as a non-commercial licence.
    calibration
        From score to equivalent blur radius; None where nobody fitted one.
    min_structure
        Tiles whose `tiles.structure.structure_of` is smaller, %, are abstained; None
        judges every tile.
    tables
        Measured tables by title: ``{"columns": [...], "rows": [[...], ...]}``.
    """

    name: str
    model: str
    mpp: float
    network: dict[str, Any]
    threshold: float | None = None
    threshold_meaning: str = ""
    score_meaning: str = ""
    data: tuple[dict[str, Any], ...] = ()
    licence: str = ""
    seed: int | None = None
    command: str = ""
    date: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    sha256: str = ""
    note: str = ""
    calibration: Calibration | None = None
    min_structure: float | None = None
    tables: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as indented JSON text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "WeightsCard":
        """Read a card back.

        Raises
        ------
        WeightsError
            The text is not a card of this kind.
        """
        try:
            values = json.loads(text)
            values["data"] = tuple(values.get("data", ()))
            values["mpp"] = float(values["mpp"])
            for name in ("threshold", "min_structure"):
                if values.get(name) is not None:
                    values[name] = float(values[name])
            if values.get("calibration") is not None:
                values["calibration"] = Calibration.from_dict(values["calibration"])
            values["tables"] = dict(values.get("tables", {}).items())
            _check_least(values.get("min_structure"))
            return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})
        except WeightsError:
            raise
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise WeightsError(
                f"the weights card cannot be read ({error}); it must be the JSON file that "
                "training wrote beside the weights"
            ) from error


def _check_least(min_structure: float | None) -> None:
    """Refuse a least structure that no tile can be compared with."""
    if min_structure is not None and not (isfinite(min_structure) and min_structure >= 0):
        raise WeightsError(
            f"the weights card gives {min_structure!r} as least structure; it must be a number "
            "from 0 up"
        )


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights with its card and its model: everything but the numbers.

    Parameters
    ----------
    model
        The model they belong to.
    card
        Where they come from.
    path
        The file, ``.safetensors`` or a published ``.pt``.
    """

    model: ModelCard
    card: WeightsCard
    path: Path
