"""From a folder of sharp images to weights with their card.

Room: training. One function per model; the docstring of each says where it leaves its paper.
"""

from collections.abc import Generator

import torch

from napari_focusqc.models.card import WeightsCard
from napari_focusqc.models.convfocus import ConvFocus
from napari_focusqc.models.focuslitenn import FocusLiteNN
from napari_focusqc.models.registry import CARDS, CONVFOCUS, FOCUSLITENN
from napari_focusqc.models.weights import save_weights
from napari_focusqc.progress import Progress
from napari_focusqc.settings.training import ConvFocusTraining, FocusLiteNNTraining
from napari_focusqc.training.defocus_data import in_three_sizes, make_crops
from napari_focusqc.training.fields import TrainingFields, read_fields
from napari_focusqc.training.loop import fit, score_crops
from napari_focusqc.training.losses import RIGHT_CLASS, STRAIGHT_LINE
from napari_focusqc.training.measures import best_threshold, class_error, class_line, figures
from napari_focusqc.training.record import card_of_run, command_line, run_name
from napari_focusqc.training.scanned_data import make_scanned_crops

CHECKPOINT = "checkpoint.pt"

_CLASSES = (
    "ConvFocus's out-of-focus class, 0 (in focus) to 29; class c ≥ 1 is a blur disk of radius "
    "0.35 µm × e^(3 (c − 1) / 28) or more"
)
LINE_MEANING = f"by a straight line fitted to the training crops, about {_CLASSES}"
CLASS_MEANING = f"expected value of {_CLASSES}"
_VALIDATION = "the validation fields come from the same data sets as the training fields"
BOKEH_NOTE = (
    "trained and measured on semi-synthetic blur (bokeh disk, Poisson noise, JPEG) of sharp "
    f"fields; {_VALIDATION}"
)
SCANNER_NOTE = (
    "trained and measured on semi-synthetic blur (bokeh disk or wave optics, noise, sharpening, "
    f"colour, JPEG) of sharp fields; {_VALIDATION}"
)


def train_focuslitenn(
    settings: FocusLiteNNTraining,
) -> Generator[Progress[None], None, WeightsCard]:
    """Train FocusLiteNN and write ``focuslitenn-KERNELS-MPP`` (.safetensors, .json).

    The recipe is the paper's (Wang et al., MICCAI 2020, section 3): Adam, learning rate 0.01,
    decayed every 60 of 120 epochs, loss 1 − PLCC. Ours: the data are ConvFocus's semi-synthetic
    crops instead of FocusPath's z-stacks, the truth is the out-of-focus class 0 to 29 instead of
    |z|, and batches of 50 (the paper names no size): enough for a correlation to mean something.

    Parameters
    ----------
    settings
        Images, output folder, resolution, network and recipe. A run that was stopped goes on
        from the checkpoint in the output folder and ends with the same weights.

    Yields
    ------
    Progress of reading, blurring and training.

    Returns
    -------
    The card, as written beside the weights.

    Raises
    ------
    TrainingError
        The images do not serve, the checkpoint is of another run, or training failed.
    OutputError
        The output folder cannot be written.
    """
    tile_px, checkpoint = FOCUSLITENN.tile_px, settings.out / CHECKPOINT
    sharp = yield from read_fields(settings, tile_px)
    training = yield from make_crops(
        in_three_sizes(sharp.training, tile_px),
        settings.crops,
        settings.mpp,
        tile_px,
        settings.seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = FocusLiteNN(settings.kernels, settings.pooling)
    yield from fit(
        network, training, settings, checkpoint, run_name(settings, sharp), STRAIGHT_LINE
    )
    slope, offset = class_line(score_crops(network, training.images), training.classes)
    network.rescale(slope, offset)
    threshold = round(best_threshold(score_crops(network, training.images), training.radius_um), 2)
    unseen = yield from make_crops(
        sharp.validation, max(settings.crops // 4, 60), settings.mpp, tile_px, settings.seed + 1
    )
    measured = figures(score_crops(network, unseen.images), unseen, threshold)
    card = _line_card(settings, sharp, threshold, measured)
    written = save_weights(network, card, settings.out)
    checkpoint.unlink(missing_ok=True)
    return written.card


def train_convfocus(settings: ConvFocusTraining) -> Generator[Progress[None], None, WeightsCard]:
    """Train ConvFocus and write ``convfocus-MPP`` or ``convfocus-5a-MPP`` (.safetensors, .json).

    Kohlberger et al. name the loss, softmax cross-entropy over 30 classes, and the blur, noise and
    JPEG of the data. Ours: Adam, the schedule, and the data's scanners (`scanned_data`).

    Parameters
    ----------
    settings
        As for `train_focuslitenn`.

    Yields
    ------
    Progress of reading, blurring and training.

    Returns
    -------
    The card, as written beside the weights.

    Raises
    ------
    TrainingError
        The images do not serve, the checkpoint is of another run, or training failed.
    OutputError
        The output folder cannot be written.
    """
    tile_px, checkpoint = CONVFOCUS.tile_px, settings.out / CHECKPOINT
    sharp = yield from read_fields(settings, tile_px)
    training = yield from make_scanned_crops(
        in_three_sizes(sharp.training, tile_px),
        settings.crops,
        settings.mpp,
        tile_px,
        settings.seed,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = ConvFocus(settings.cut)
    run = run_name(settings, sharp)
    yield from fit(network, training, settings, checkpoint, run, RIGHT_CLASS)
    unseen = yield from make_scanned_crops(
        sharp.validation, max(settings.crops // 10, 60), settings.mpp, tile_px, settings.seed + 1
    )
    threshold = round(best_threshold(score_crops(network, training.images), training.radius_um), 2)
    scores = score_crops(network, unseen.images)
    model = CONVFOCUS.name if settings.cut == "3a" else f"{CONVFOCUS.name}-{settings.cut}"
    card = card_of_run(
        settings,
        sharp,
        name=f"{model}-{settings.mpp:g}",
        model=model,
        network={"cut": settings.cut},
        threshold=threshold,
        score_meaning=CLASS_MEANING,
        command=command_line("convfocus", settings, ("mpp", "cut", "seed")),
        figures=figures(scores, unseen, threshold) | class_error(scores, unseen.classes),
        note=SCANNER_NOTE,
    )
    written = save_weights(network, card, settings.out)
    checkpoint.unlink(missing_ok=True)
    return written.card


def _line_card(
    settings: FocusLiteNNTraining,
    sharp: TrainingFields,
    threshold: float,
    measured: dict[str, float],
) -> WeightsCard:
    """Write down what FocusLiteNN's weights are worth."""
    named = f"focuslitenn-{settings.kernels}"
    return card_of_run(
        settings,
        sharp,
        name=f"{named}-{settings.mpp:g}",
        model=named if named in CARDS else FOCUSLITENN.name,
        network={"kernels": settings.kernels, "pooling": settings.pooling},
        threshold=threshold,
        score_meaning=LINE_MEANING,
        command=command_line("focuslitenn", settings, ("mpp", "kernels", "seed")),
        figures=measured,
        note=BOKEH_NOTE,
    )
