"""Glass beside the tissue of a crop, drawn.

Room: training. Annotated fields are chosen for their nuclei and hold little glass, and a crop of
glass alone would teach nothing: MicroNet's loss weighs each image by the proximity in it
(Xing et al. 2019, equation 2). So a part of some crops is covered by an even, faintly coloured,
noisy white, up to a straight edge; nuclei under it are gone. This glass is synthetic.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

COVERED = (0.1, 0.6)
"""Least and largest depth of the glass, as a share of the crop's width seen along the edge's
normal."""
LIGHT = (222.0, 250.0)
TINT = 5.0
NOISE = (0.3, 3.0)
EDGE_PX = 3.0
"""Tissue turns into glass over about so many px."""


def lay_glass(
    image: NDArray[np.float32], centres: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cover one side of a crop with glass.

    Parameters
    ----------
    image
        float32 (h, w, 3), grey levels.
    centres
        float32 (N, 2), (y, x) px.
    rng
        Where the edge lies, and what the glass looks like.

    Returns
    -------
    The image and the centres that are left, new arrays.
    """
    height, width = image.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)])
    span = (np.abs(normal) * (height, width)).sum()
    depth = rng.uniform(*COVERED) * span
    middle = np.array([(height - 1) / 2, (width - 1) / 2])

    def under(points: NDArray[Any]) -> NDArray[np.float64]:
        """Return how far points lie beyond the edge, px."""
        return np.asarray((points - middle) @ normal - (span / 2 - depth), np.float64)

    places = np.moveaxis(np.indices((height, width)), 0, -1)
    share = 1 / (1 + np.exp(np.clip(-2 * under(places) / EDGE_PX, -50, 50)))[..., None]
    colour = rng.uniform(*LIGHT) + rng.uniform(-TINT, TINT, size=3)
    glass = colour + rng.normal(0, rng.uniform(*NOISE), size=image.shape)
    covered = (1 - share) * image + share * glass
    return covered.astype(np.float32), centres[under(centres) < 0]
