"""What trained weights are worth: threshold, scale, abstention and figures for their card.

Room: training. Whatever a rule is fitted on, its worth is measured on crops of images that were
neither trained on nor fitted on; the scale in µm alone is fitted on those.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from napari_focusqc.errors import TrainingError
from napari_focusqc.evaluation.figures_table import FiguresTable
from napari_focusqc.evaluation.focus_stacks import make_stacks
from napari_focusqc.evaluation.scored_tiles import ScoredTiles
from napari_focusqc.evaluation.stack_protocol import stack_figures
from napari_focusqc.optics.classes import CLASS_MPP, OOF_CLASSES, radius_range
from napari_focusqc.progress import Progress
from napari_focusqc.settings.calibrating import CalibrateSettings
from napari_focusqc.settings.training import TrainSettings
from napari_focusqc.tiles.structure import structure_of
from napari_focusqc.training.calibrating import (
    abstention_at,
    fit_abstention,
    fit_calibration,
)
from napari_focusqc.training.crops import Crops, make_crops
from napari_focusqc.training.fields import Field, TrainingFields
from napari_focusqc.training.kinds import ANYWHERE, BOKEH, FAINT, SCANNED, Kind
from napari_focusqc.training.loop import score_crops
from napari_focusqc.training.measures import (
    BLURRED_UM,
    SHARP_UM,
    best_threshold,
    class_error,
    figures,
)

LEAST, MOST = 60, 1200
"""Numbers of crops for each of the steps; a tenth of those trained on, within these bounds."""
FITTED_MEANING = (
    f"parts training crops blurred by a disk of radius ≤ {SHARP_UM:g} µm best from those of "
    f"≥ {BLURRED_UM:g} µm (balanced accuracy); in between either verdict is right"
)
GIVEN_MEANING = "the paper's: as probable to be out of focus as not"
CALIBRATION_NOTE = (
    "blur disks and lenses out of focus, scanners of every kind, crops of images kept out of "
    "training"
)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges one network.

    Parameters
    ----------
    network
        Trained, in evaluation mode.
    sharp
        Fields trained on and fields kept out.
    settings
        Of the training or the calibration: crops, µm/px and seed.
    tile_px
        Side of a tile.
    threshold
        Given by the paper, or None to fit one.
    classes
        Whether scores are out-of-focus classes, so that an error in classes means something, and
        two decimals of a threshold are enough.
    """

    network: nn.Module
    sharp: TrainingFields
    settings: TrainSettings | CalibrateSettings
    tile_px: int
    threshold: float | None = None
    classes: bool = True

    def facts(self) -> Generator[Progress[None], None, dict[str, Any]]:
        """Return the card's threshold, calibration, min_structure, figures and tables."""
        trained, unseen = self.sharp.training, self.sharp.validation
        threshold = self.threshold
        if threshold is None:
            known = yield from self._crops(trained, 2, SCANNED)
            best = best_threshold(self._scores(known), known.radius_um)
            threshold = round(best, 2) if self.classes else best
        least, shown = yield from self._abstention(threshold)
        crops = yield from self._crops(unseen, 1, SCANNED)
        scores = self._scores(crops)
        measured = figures(scores, crops, threshold) | shown
        if self.classes:
            measured |= class_error(scores, crops.classes)
            bokeh = yield from self._crops(unseen, 4, BOKEH)
            measured |= _of_bokeh(self._scores(bokeh), bokeh)
        measured |= yield from self._stacks(unseen, least)
        table = class_table(scores, crops.classes, threshold)
        return {
            "threshold": threshold,
            "threshold_meaning": FITTED_MEANING if self.threshold is None else GIVEN_MEANING,
            "calibration": fit_calibration(scores, crops.radius_um, CALIBRATION_NOTE),
            "min_structure": least,
            "figures": measured,
            "tables": {table.title: table.to_dict()},
        }

    def _crops(
        self, fields: tuple[Field, ...], salt: int, kind: Kind
    ) -> Generator[Progress[None], None, Crops]:
        settings = self.settings
        count = min(max(settings.crops // 10, LEAST), MOST)
        seed = settings.seed + salt
        crops = yield from make_crops(fields, count, settings.mpp, self.tile_px, seed, kind)
        return crops

    def _scores(self, crops: Crops) -> NDArray[np.float64]:
        """Score crops, and refuse a network that nothing can be fitted to."""
        scores = score_crops(self.network, crops.images)
        if not np.ptp(scores) > 0:
            raise TrainingError(
                f"the network gives all of {len(scores)} crops the score {scores[0]:.4g}, so it "
                "cannot be judged; give other weights, or train for more epochs"
            )
        return scores

    def _abstention(
        self, threshold: float
    ) -> Generator[Progress[None], None, tuple[float, dict[str, float]]]:
        """Fit the least structure on training images; return it and its worth on unseen ones."""
        trained = yield from self._crops(self.sharp.training, 3, FAINT)
        rule = fit_abstention(*self._verdicts(trained, threshold))
        unseen = yield from self._crops(self.sharp.validation, 3, ANYWHERE)
        faint = yield from self._crops(self.sharp.validation, 6, FAINT)
        least = rule.min_structure
        shown = abstention_at(least, *self._verdicts(unseen, threshold)).figures()
        where_faint = abstention_at(least, *self._verdicts(faint, threshold)).figures()
        return least, shown | {f"faint_{name}": value for name, value in where_faint.items()}

    def _verdicts(
        self, crops: Crops, threshold: float
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
        """Return structure, whether the verdict is wrong, and whether the crop is out of focus."""
        clear = (crops.radius_um <= SHARP_UM) | (crops.radius_um >= BLURRED_UM)
        images, blurred = crops.images[clear], crops.radius_um[clear] >= BLURRED_UM
        verdict = score_crops(self.network, images) > threshold
        return structure_of(images, self.settings.mpp), verdict != blurred, blurred

    def _stacks(
        self, fields: tuple[Field, ...], least: float
    ) -> Generator[Progress[None], None, dict[str, float]]:
        """Score simulated stacks of usual scanners."""
        mpp, seed = self.settings.mpp, self.settings.seed
        pixels = [field.pixels for field in fields]
        stacks = yield from make_stacks(pixels, mpp, self.tile_px, seed)
        scores = judged_scores(self.network, stacks.images, mpp, least)
        found = stack_figures(ScoredTiles(scores, stacks.z_um, stacks.field, stacks.radius_um))
        return {
            "stack_spearman": round(found.spearman, 3),
            "stack_spearman_limit": round(found.spearman_limit, 3),
            "stack_spearman_of_radius": round(found.spearman_radius, 3),
            "stack_auc_0.5_1.0_um": round(found.auc_half_from_one_um, 3),
            "stack_tiles": found.tiles,
        }


def judged_scores(
    network: nn.Module, images: NDArray[np.uint8], mpp: float, least: float | None
) -> NDArray[np.float64]:
    """Score tiles, uint8 (N, tile, tile, 3) → float64 (N,); NaN where there is too little to judge.

    Parameters
    ----------
    network, images
        As for `loop.score_crops`.
    mpp
        µm/px.
    least
        The weights' `min_structure`; None judges every tile.
    """
    scores = score_crops(network, images)
    if least:
        scores[structure_of(images, mpp) < np.float32(least)] = np.nan
    return scores


def class_table(
    scores: NDArray[np.float64], classes: NDArray[np.int64], threshold: float
) -> FiguresTable:
    """Return how crops of each out-of-focus class score."""
    rows = []
    for oof_class in range(OOF_CLASSES):
        found = scores[classes == oof_class]
        low, high = (CLASS_MPP * end for end in radius_range(oof_class))
        rows.append(
            (
                oof_class,
                round(low, 2),
                round(high, 2),
                len(found),
                round(float(found.mean()), 2),
                round(float(found.std()), 2),
                round(float((found > threshold).mean()), 3),
            )
        )
    columns = ("class", "from µm", "to µm", "tiles", "mean score", "σ", "called out of focus")
    return FiguresTable("Unseen crops by their true class", columns, tuple(rows))


def _of_bokeh(scores: NDArray[np.float64], crops: Crops) -> dict[str, float]:
    """Return figures of the paper's kind of crops under names of their own."""
    rho = figures(scores, crops, 0.0)["tile_spearman"]
    error = class_error(scores, crops.classes)["mean_absolute_error"]
    return {"bokeh_tile_spearman": rho, "bokeh_mean_absolute_error": error}
