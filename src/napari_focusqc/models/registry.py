"""Which models there are, and which weights serve a slide.

Room: models. Plain tables and JSON; loads no torch, so that asking for help stays quick.
"""

from dataclasses import replace
from importlib.resources import files
from math import isfinite
from pathlib import Path

from napari_focusqc.errors import TooCoarseError, UnknownModelError, WeightsError
from napari_focusqc.geometry import same_resolution
from napari_focusqc.models.card import Finds, ModelCard, Weights, WeightsCard
from napari_focusqc.models.cards import CARDS
from napari_focusqc.models.own_folder import ENDINGS, own_file
from napari_focusqc.models.published import PUBLISHED_AS, published_card
from napari_focusqc.models.weights_file import check_sum, content_of

SHIPPED_AS = {
    "focuslitenn": "focuslitenn-10",
    "convfocus": "convfocus-5a",
    "focus-distance": "focus-distance-112",
}
"""Whose shipped weights a model without weights of its own name takes."""


def model_card(name: str, finds: Finds = "focus") -> ModelCard:
    """Look a model up by name.

    Raises
    ------
    UnknownModelError
        There is no such model, or it finds something else.
    """
    known = {card.name: card for card in CARDS.values() if card.finds == finds}
    if name not in known:
        kinds = {
            "focus": "focus model",
            "nuclei": "model of nuclei",
            "distance": "model of focus distance",
        }
        raise UnknownModelError(f"no {kinds[finds]} {name!r}; there are: {', '.join(known)}")
    return known[name]


def shipped_weights() -> tuple[Weights, ...]:
    """List the weights inside the package, by model and from fine to coarse.

    Raises
    ------
    WeightsError
        A card inside the package is damaged.
    """
    folder = Path(str(files("napari_focusqc.models").joinpath("weights")))
    found = [_with_card(path.with_suffix(".safetensors")) for path in folder.glob("*.json")]
    order = list(CARDS)
    return tuple(sorted(found, key=lambda w: (order.index(w.model.name), w.card.mpp)))


def shipped_models(finds: Finds = "focus") -> tuple[ModelCard, ...]:
    """List the models that work as they are installed, in the order of `CARDS`."""
    names = {weights.card.model for weights in shipped_weights()}
    return tuple(
        card
        for card in CARDS.values()
        if card.finds == finds and SHIPPED_AS.get(card.name, card.name) in names
    )


def find_weights(
    model: str, mpp: float, path: Path | None = None, finds: Finds = "focus"
) -> Weights:
    """Choose the weights that score a slide, find its nuclei, or measure its focus.

    Among the shipped ones those trained within 15 % of the slide's µm/px are preferred; else the
    finest that the slide can be averaged down to.

    Parameters
    ----------
    model
        A name in `CARDS`.
    mpp
        Micrometres per pixel of the slide's level 0.
    path
        The user's own weights: a file that `weights_in` describes, or the name of one in
        `models.own_folder.own_folder` or in the package. Weights of that folder are used only
        when they are named.

    finds
        What they are wanted for.

    Raises
    ------
    UnknownModelError
        There is no such model, or it finds something else.
    WeightsError
        The file is missing, has no readable card, or belongs to another model; or none is given,
        and none is shipped.
    TooCoarseError
        The slide has more µm/px than any of the weights accept.
    """
    card = model_card(model, finds)
    if path is None:
        name = SHIPPED_AS.get(model, model)
        choice = [replace(w, model=card) for w in shipped_weights() if w.card.model == name]
    else:
        choice = [_given(card, path)]
    if not choice:
        raise WeightsError(
            f"no weights of {model} are shipped; train some (focusqc train), give the file, or "
            f"choose one of {', '.join(card.name for card in shipped_models(finds))}"
        )
    serving = [w for w in choice if same_resolution(mpp, w.card.mpp) or mpp < w.card.mpp]
    if not serving:
        there_are = ", ".join(f"{w.card.mpp:g}" for w in choice)
        raise TooCoarseError(
            f"the slide has {mpp:g} µm/px, coarser than the weights of {model} "
            f"(trained at: {there_are} µm/px); use a finer scan, or train weights for {mpp:g} µm/px"
        )
    return min(serving, key=lambda w: (not same_resolution(mpp, w.card.mpp), w.card.mpp))


def weights_in(path: Path) -> Weights:
    """Describe a file of the user's by what it and its card say, without loading a network.

    Parameters
    ----------
    path
        `.safetensors` with the `.json` card that training wrote beside it, or a file as a
        model's authors publish it (`models.published.PUBLISHED_AS`).

    Raises
    ------
    WeightsError
        The file is missing, too large or no kind of weights, has no readable card, or is not the
        one its card describes.
    """
    if path.is_file() and path.suffix not in ENDINGS:
        raise WeightsError(
            f"{path.name} is not a kind of weights known here; give a {', '.join(ENDINGS)} file"
        )
    content = content_of(path)
    if path.suffix == ".safetensors":
        weights = _with_card(path)
        check_sum(weights.card, content, path.name)
        return weights
    model = CARDS[PUBLISHED_AS[path.suffix]]
    return Weights(model, published_card(model, path, content), path)


def _given(model: ModelCard, path: Path) -> Weights:
    """Describe the file a user gives by its path or name, and refuse what the model cannot use."""
    weights = weights_in(path_of(path))
    _check_same_network(model, weights)
    return replace(weights, model=model)


def path_of(given: Path) -> Path:
    """Return the file a user means: a path, else a name in their folder, else a shipped one.

    Parameters
    ----------
    given
        A file, or a name that ``focusqc models`` lists. What is neither comes back as it is.

    Raises
    ------
    WeightsError
        Several files of the user's folder have this name.
    """
    if given.is_file() or len(given.parts) != 1:
        return given
    shipped = (weights.path for weights in shipped_weights() if weights.card.name == given.name)
    return own_file(given.name) or next(shipped, given)


def _with_card(path: Path) -> Weights:
    """Read the card beside a safetensors file."""
    card_path = path.with_suffix(".json")
    try:
        text = card_path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise WeightsError(
            f"{path.name} has no card; put {card_path.name}, which training wrote, beside it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"the weights card {card_path.name} cannot be read ({error}); it must be the JSON file "
            "that training wrote beside the weights"
        ) from error
    card = WeightsCard.from_json(text)
    if card.model not in CARDS:
        raise WeightsError(
            f"the card {card_path.name} names the model {card.model!r}; there are: "
            f"{', '.join(CARDS)}"
        )
    if not (isfinite(card.mpp) and card.mpp > 0):
        raise WeightsError(
            f"the card {card_path.name} gives {card.mpp!r} as µm/px; it must be a positive number"
        )
    return Weights(CARDS[card.model], card, path)


def _check_same_network(model: ModelCard, weights: Weights) -> None:
    """Refuse weights of another network, or of another size of it."""
    fixed = weights.model.fixed
    other_size = None not in (model.fixed, fixed) and model.fixed != fixed
    if model.network != weights.model.network or other_size:
        raise WeightsError(
            f"{weights.path.name} holds weights of {weights.card.model}, not of {model.name}; "
            f"choose the model {weights.card.model} or other weights"
        )
