"""Images whose nuclei are known, with all that was found in them.

Room: evaluation. Peaks and true nuclei in, pairs and curves out; runs no network. Every image is
brought to 40x, the resolution of the paper's radii, before anything is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.evaluation.nucleus_errors import NucleusErrors, find_errors
from napari_focusqc.evaluation.nucleus_matching import match
from napari_focusqc.evaluation.nucleus_metrics import DetectionCurve, Points, detection_curve
from napari_focusqc.models.cards import MICRONET

PX_UM = MICRONET.mpp
"""Micrometres of a px at 40x: the unit of all radii and distances."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedImage:
    """An image whose nuclei are known, and all that was found in it.

    Parameters
    ----------
    data_set, name
        What it belongs to, and what it is called.
    mpp
        µm/px of its points.
    centres
        Any float (N, 2), (y, x) px: every peak, down to the lowest threshold of interest.
    peaks
        Float (N,), the map's value at each.
    true
        Any float (M, 2), (y, x) px.
    """

    data_set: str
    name: str
    mpp: float
    centres: Points
    peaks: NDArray[np.floating[Any]]
    true: Points

    def at_40x(self, points: Points) -> NDArray[np.float64]:
        """Return points of the image in px at 40x."""
        return np.asarray(points, np.float64) * (self.mpp / PX_UM)


@dataclass(frozen=True, slots=True)
class Cut:
    """From where on peaks are nuclei.

    Parameters
    ----------
    value
        A least value, or the paper's ξ.
    relative
        Whether it is ξ, a part of each image's highest peak.
    """

    value: float
    relative: bool = False

    @property
    def words(self) -> str:
        """The cut as people read it."""
        return f"ξ {self.value:.2f}" if self.relative else f"threshold {self.value:.3g}"

    def keeps(self, peaks: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Say of each peak of one image, (N,), whether it is a nucleus."""
        highest = float(peaks.max(initial=0.0)) if self.relative else 1.0
        return np.asarray(peaks.astype(np.float64) >= self.value * highest)


def errors_of(image: JudgedImage, cut: Cut, radius_px: float) -> NucleusErrors:
    """List the errors in an image, px of that image.

    Parameters
    ----------
    image
        The image.
    cut
        From where on its peaks are nuclei.
    radius_px
        How far apart a pair may be, px at 40x.
    """
    kept = cut.keeps(image.peaks)
    found = image.centres[kept]
    matching = match(image.at_40x(found), image.at_40x(image.true), radius_px)
    return find_errors(matching, found, image.true, image.peaks[kept])


def curve(
    images: Sequence[JudgedImage],
    radius_px: float,
    thresholds: Sequence[float] | NDArray[np.float64],
    *,
    relative: bool = False,
) -> DetectionCurve:
    """Count what is found at every threshold, all images together.

    Parameters
    ----------
    images, thresholds, relative
        As for `detection_curve`.
    radius_px
        Px at 40x, above 0.
    """
    return detection_curve(
        [image.at_40x(image.centres) for image in images],
        [image.peaks for image in images],
        [image.at_40x(image.true) for image in images],
        radius_px,
        thresholds,
        relative=relative,
    )


def average_precision(counts: DetectionCurve) -> float:
    """Return the area under precision over recall, as steps: each gain of recall × precision there.

    Parameters
    ----------
    counts
        Best at every value that a peak has; recall above the highest threshold counts as 0.

    Returns
    -------
    0 to 1; NaN where nothing is there.
    """
    gained = -np.diff(counts.recall, append=0.0)
    return float((gained * np.nan_to_num(counts.precision)).sum())
