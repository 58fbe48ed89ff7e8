"""A real focus stack as a folder of numbered images.

Room: evaluation. Finds planes and measures their mean scores; reads no pixels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.errors import EvaluationError
from napari_focusqc.evaluation.figures_table import Cell, FiguresTable, measures, plain
from napari_focusqc.evaluation.metrics import Correlation, spearman
from napari_focusqc.evaluation.stack_protocol import VCurve

LEAST_PLANES = 3


@dataclass(frozen=True, slots=True)
class Plane:
    """One image of a stack.

    Parameters
    ----------
    z
        The number that is its name: steps, or whatever unit the folder has.
    path
        The image.
    """

    z: float
    path: Path


@dataclass(frozen=True, slots=True)
class VFigures:
    """How well mean scores draw a v.

    Parameters
    ----------
    sharpest
        z of the plane with the lowest mean score.
    spearman_below, spearman_above
        Of mean score and distance from the sharpest plane, up to it and from it on; 1 is perfect,
        NaN where a side has fewer than three planes.
    planes, planes_left_out
        Numbers of planes with a mean score, and of those whose tiles all lack one.
    by_plane
        z and mean score.
    """

    sharpest: float
    spearman_below: float
    spearman_above: float
    planes: int
    planes_left_out: int
    by_plane: tuple[tuple[float, float], ...]

    def tables(self) -> tuple[FiguresTable, ...]:
        """Return the measures and the mean score of each plane."""
        rows: dict[str, Cell] = {
            "sharpest plane": f"{self.sharpest:g}",
            "Spearman of score and distance, below it": self.spearman_below,
            "Spearman of score and distance, above it": self.spearman_above,
            "planes": self.planes,
            "planes without any score": self.planes_left_out,
        }
        by_plane = tuple((f"{z:g}", mean) for z, mean in self.by_plane)
        return (
            measures("The v of a stack", rows),
            FiguresTable("Mean score by plane", ("plane", "score"), by_plane),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers."""
        found: dict[str, Any] = plain(self)
        return found


def find_planes(folder: Path, suffixes: frozenset[str]) -> tuple[Plane, ...]:
    """List the images whose whole name is a number, such as ``-9.bmp`` or ``0.5.png``.

    Parameters
    ----------
    folder
        Where to look; folders in it are not searched.
    suffixes
        Endings of what counts as an image, lower case, with their dot.

    Returns
    -------
    From the lowest z to the highest.

    Raises
    ------
    EvaluationError
        The folder is missing, holds fewer than three such images, or two of the same z.
    """
    if not folder.is_dir():
        raise EvaluationError(f"there is no folder {folder}; give one that holds a focus stack")
    named = [path for path in folder.iterdir() if path.suffix.lower() in suffixes]
    planes = sorted(
        (Plane(float(path.stem), path) for path in named if _is_number(path.stem)),
        key=lambda plane: plane.z,
    )
    heights = [plane.z for plane in planes]
    if len(set(heights)) < len(heights):
        twice = next(z for z in heights if heights.count(z) > 1)
        raise EvaluationError(f"{folder} holds two images named {twice:g}; take one of them away")
    if len(planes) < LEAST_PLANES:
        raise EvaluationError(
            f"{folder} holds {len(planes)} images with a number for a name; a stack needs at least "
            f"{LEAST_PLANES}, named by height, such as -1.png, 0.png, 1.png"
        )
    return tuple(planes)


def v_figures(curve: VCurve, planes_left_out: int = 0) -> VFigures:
    """Measure how well mean scores fall towards one plane and rise from it.

    Parameters
    ----------
    curve
        Mean score of every plane.
    planes_left_out
        Planes that are not in `curve` because no tile of theirs has a score.
    """
    best = int(np.argmin(curve.mean))
    below = _side(curve.z[best] - curve.z[: best + 1], curve.mean[: best + 1])
    above = _side(curve.z[best:] - curve.z[best], curve.mean[best:])
    return VFigures(
        sharpest=float(curve.z[best]),
        spearman_below=below.value,
        spearman_above=above.value,
        planes=len(curve.z),
        planes_left_out=planes_left_out,
        by_plane=tuple(zip(curve.z.tolist(), curve.mean.tolist(), strict=True)),
    )


def _side(distance: NDArray[np.float64], mean: NDArray[np.float64]) -> Correlation:
    return spearman(mean, distance)


def _is_number(text: str) -> bool:
    """Say whether a name is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
