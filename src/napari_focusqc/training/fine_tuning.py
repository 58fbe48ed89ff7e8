"""From reviewed fields of a slide to weights of the user's own, measured before and after.

Room: training. Figures are of whole fields that were held back: neither trained on, nor used to
choose the threshold.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, fields
from pathlib import Path

from napari_focusqc.annotation.reviewed_fields import ReviewedFields, to_json
from napari_focusqc.errors import OutputError, WeightsError
from napari_focusqc.evaluation.nucleus_metrics import (
    XI,
    DetectionScore,
    choose_xi,
    detection_curve,
    score_images,
)
from napari_focusqc.models.card import Weights
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.models.own_folder import own_folder
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_micronet, save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.fine_tuning import FineTuning
from napari_focusqc.settings.nuclei import MicroNetTraining
from napari_focusqc.slides.slide import Slide
from napari_focusqc.training.nucleus_loop import NucleusRun, fit_nuclei
from napari_focusqc.training.nucleus_recipe import divide_output
from napari_focusqc.training.proximity import TRAINING_FACTOR
from napari_focusqc.training.reviewed_reading import (
    MOST_CROP_PX,
    Found,
    Reviewed,
    ReviewedReader,
    parted,
)
from napari_focusqc.training.tuned_card import learned_from, tuned_card

RADIUS_UM = 4.0
"""A found nucleus this near to a true one may be it: 16 px at 40x, as in the paper."""
BATCH = 4
"""Crops of the largest size per step; of smaller ones as many as have the same area."""
UNFINISHED = "unfinished"
"""Folder in the user's weights folder where stopped runs go on from."""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """New weights and what they are worth.

    Parameters
    ----------
    path, name
        The weights in the user's folder, and the name they are listed and found by.
    before, after
        Of the held-back fields together, within `RADIUS_UM`: by the weights started from with their
        own threshold, and by the new ones with theirs.
    held_back
        Number of held-back fields.
    """

    path: Path
    name: str
    before: DetectionScore
    after: DetectionScore
    held_back: int

    @property
    def worse(self) -> bool:
        """Whether the new weights find the held-back nuclei less well."""
        return self.after.f1 < self.before.f1

    @property
    def verdict(self) -> str:
        """What came of it, one sentence."""
        fields = "field" if self.held_back == 1 else "fields"
        change = "fell" if self.worse else "went"
        advice = "; review more fields, or keep the weights you started from" if self.worse else ""
        return (
            f"F1 {change} from {self.before.f1:.3f} to {self.after.f1:.3f} on {self.held_back} "
            f"held-back {fields}{advice}"
        )


def fine_tune(
    slide: Slide, reviewed: ReviewedFields, settings: FineTuning
) -> Generator[Progress[None], None, FineTuned]:
    """Train weights further on reviewed fields, and save them among the user's own.

    They are saved, and say so, also where they are worse. The threshold is chosen anew on the
    fields trained on; where those have no nucleus that is found, the old one stays.

    Parameters
    ----------
    slide
        The slide the fields are of.
    reviewed
        At least two fields with nuclei.
    settings
        Where to start from, the new name and the schedule. A run that was stopped goes on where
        it was if fields, settings and weights are the same; otherwise it begins anew.

    Yields
    ------
    Progress of reading, training and measuring.

    Raises
    ------
    TrainingError
        The fields are of another slide, too few, too small or too large, or training failed.
    OutputError
        Weights of the new name are there already, or the folder cannot be written.
    FocusQCError
        As `find_weights`, `load_micronet` and `Slide.read`.
    """
    weights = find_weights(settings.model, reviewed.mpp, settings.weights, finds="nuclei")
    old_least = _threshold(weights)
    name = f"{weights.card.model}-{settings.name}-{weights.card.mpp:g}"
    _check_free(name)
    parts = parted(reviewed, settings.held_back, settings.seed)
    reader = ReviewedReader.of(slide, reviewed, weights.card.mpp)
    network = load_micronet(weights)
    run = yield from _run(reader, parts, settings, _place(name, reviewed, settings, weights))
    measure = _Measure(reader, reviewed.mpp)
    before = yield from measure.score(network, parts[1], old_least, "measuring before")
    yield from _fit(network, run)
    chosen = yield from measure.threshold(network, parts[0])
    least = old_least if chosen is None else chosen
    after = yield from measure.score(network, parts[1], least, "measuring after")
    used = learned_from(reviewed, parts)
    card = tuned_card(weights.card, name, settings, used, (before, after), chosen)
    written = save_weights(network, card, own_folder())
    run.checkpoint.unlink(missing_ok=True)
    return FineTuned(written.path, name, before, after, len(parts[1]))


@dataclass(frozen=True, slots=True)
class _Measure:
    """Finds the nuclei of reviewed fields and compares; `mpp` is that of level 0."""

    reader: ReviewedReader
    mpp: float

    def score(
        self, network: MicroNet, reviewed: Reviewed, least: float, stage: str
    ) -> Generator[Progress[None], None, DetectionScore]:
        """Score all fields together."""
        found = yield from self._find(network, reviewed, least, stage)
        centres, true = [each[0] for each in found], [field.centres for field in reviewed]
        radius = RADIUS_UM / self.mpp
        return score_images(centres, true, mpp=self.mpp, radii_px=(radius,))[0].pooled

    def threshold(
        self, network: MicroNet, reviewed: Reviewed
    ) -> Generator[Progress[None], None, float | None]:
        """Choose the threshold with the best F1; None where none finds a nucleus."""
        found = yield from self._find(network, reviewed, XI[0], "choosing the threshold")
        centres, peaks = [each[0] for each in found], [each[1] for each in found]
        true, radius = [field.centres for field in reviewed], RADIUS_UM / self.mpp
        curve = detection_curve(centres, peaks, true, radius, relative=False)
        return choose_xi(curve) if curve.tp.any() else None

    def _find(
        self, network: MicroNet, reviewed: Reviewed, least: float, stage: str
    ) -> Generator[Progress[None], None, list[Found]]:
        """Find the nuclei of each field."""
        found = []
        for done, field in enumerate(reviewed):
            yield Progress(done, len(reviewed), stage)
            found.append(self.reader.nuclei(network, field, least))
        return found


def _run(
    reader: ReviewedReader,
    parts: tuple[Reviewed, Reviewed],
    settings: FineTuning,
    checkpoint: Path,
) -> Generator[Progress[None], None, NucleusRun]:
    """Read the fields and say what the training is."""
    every = parts[0] + parts[1]
    side = reader.crop_px(every)
    read = []
    for done, field in enumerate(every):
        yield Progress(done, len(every), "reading reviewed fields")
        read.append(reader.to_learn_from(field))
    training, held = tuple(read[: len(parts[0])]), tuple(read[len(parts[0]) :])
    schedule = MicroNetTraining(
        data=Path(),
        out=checkpoint.parent,
        mpp=reader.mpp,
        schedule="short",
        iterations=settings.iterations,
        batch=max(round(BATCH * (MOST_CROP_PX / side) ** 2), BATCH),
        crop=side,
        learning_rate=settings.learning_rate,
        freeze=settings.freeze,
        device=settings.device,
        seed=settings.seed,
    )
    return NucleusRun(schedule, training, (), held, checkpoint, checkpoint.stem)


def _fit(network: MicroNet, run: NucleusRun) -> Generator[Progress[None], None, None]:
    """Train a network whose output is proximity, before and after."""
    network.freeze(run.settings.freeze)
    divide_output(network, 1 / TRAINING_FACTOR)
    yield from fit_nuclei(network, run)
    divide_output(network, TRAINING_FACTOR)


def _threshold(weights: Weights) -> float:
    """Return the threshold of the weights to start from."""
    if weights.card.threshold is None:
        raise WeightsError(
            f"{weights.path.name} has no threshold on its card, so nothing can be measured before; "
            "choose weights that training wrote"
        )
    return weights.card.threshold


def _check_free(name: str) -> None:
    """Refuse to replace weights, which may be those that are started from."""
    for path in (own_folder() / f"{name}{end}" for end in (".safetensors", ".json")):
        if path.exists():
            raise OutputError(
                f"{path} is there already, and fine-tuning replaces nothing; give another name"
            )


def _place(name: str, reviewed: ReviewedFields, settings: FineTuning, weights: Weights) -> Path:
    """Return the checkpoint of exactly this run; those of others of its name are taken away."""
    facts = [getattr(settings, field.name) for field in fields(settings) if field.name != "device"]
    what = f"{facts} {weights.card.sha256} {to_json(reviewed)}"
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    place = own_folder() / UNFINISHED / f"{name}-{digest}.pt"
    for other in place.parent.glob(f"{name}-{'[0-9a-f]' * len(digest)}.pt"):
        if other != place:
            other.unlink(missing_ok=True)
    return place
