"""What MicroNet learns to predict: how near each pixel is to the nearest centre of a nucleus.

Room: training. Gets centres that someone marked, gives maps; draws no crops.
"""

from math import ceil, floor, inf

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import TrainingError

DISTANCE_PX, DECAY = 15.0, 3.0
"""The paper's d, at 40x, and its α."""
PAPER_MPP = 0.25
"""µm/px of 40x, in whose pixels the paper states its distances."""
MAX_DECAY = 100.0
"""Little but the centre is left of a nucleus by then; above 709, no float holds e^α."""
TRAINING_FACTOR = 5.0
"""The paper multiplies proximity by it “to facilitate training”; so a map is 0 to 1, a target 0
to 5."""


def proximity_map(
    centres: NDArray[np.floating],
    shape: tuple[int, int],
    *,
    distance_px: float = DISTANCE_PX,
    decay: float = DECAY,
) -> NDArray[np.float32]:
    """Fall from 1 at each centre to 0 at a distance; where nuclei overlap, the nearest counts.

    Parameters
    ----------
    centres
        (N, 2), (y, x) in px and their fractions; (0, 0) is the middle of the first pixel. Those
        outside count as far as they reach inside, so a crop's map is a crop of the map.
    shape
        Height and width of the map, px.
    distance_px
        From a centre to where its proximity is 0, px, above 0.
    decay
        How steeply it falls at the centre, above 0, at most 100; the paper's α.

    Returns
    -------
    float32, `shape`, 0 to 1.

    Raises
    ------
    TrainingError
        Centres are no pairs of finite numbers, or distance or decay lies outside its range.

    References
    ----------
    .. [1] Xing et al., "Towards pixel-to-pixel deep nucleus detection …", BMC Bioinformatics
       20:472, 2019, equation 1.
    """
    _check(centres, distance_px, decay)
    squared_px = np.full(shape, np.inf)
    for y, x in centres.astype(np.float64):
        rows, columns = _reached(y, distance_px, shape[0]), _reached(x, distance_px, shape[1])
        down = np.arange(rows.start, rows.stop)[:, None] - y
        across = np.arange(columns.start, columns.stop) - x
        window = squared_px[rows, columns]
        np.minimum(window, down**2 + across**2, out=window)
    proximity = np.zeros(shape, np.float32)
    near = squared_px <= distance_px**2
    rest = 1 - np.sqrt(squared_px[near]) / distance_px
    proximity[near] = np.expm1(decay * rest) / np.expm1(decay)
    return proximity


def _reached(centre: float, distance_px: float, size: int) -> slice:
    """Return the pixels along an axis of a map that lie within a distance, empty if none do."""
    start = min(max(ceil(centre - distance_px), 0), size)
    return slice(start, max(min(floor(centre + distance_px) + 1, size), start))


def _check(centres: NDArray[np.floating], distance_px: float, decay: float) -> None:
    """Refuse what equation 1 gives no number for."""
    if centres.ndim != 2 or centres.shape[1] != 2 or not np.isfinite(centres).all():
        raise TrainingError(
            f"the centres are an array of shape {centres.shape}, or hold numbers that are not "
            "finite; give one (y, x) in pixels for each nucleus"
        )
    if not (0 < distance_px < inf and 0 < decay <= MAX_DECAY):
        raise TrainingError(
            f"the distance is {distance_px:g} px and the decay {decay:g}; both must be above 0, "
            f"and the decay at most {MAX_DECAY:g}"
        )
