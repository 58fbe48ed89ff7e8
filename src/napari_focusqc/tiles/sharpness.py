"""Figures of merit: how sharp a tile is, by formulas of the autofocus literature.

Room: tiles. Gets pixels, knows no network. A figure is higher the sharper a tile is, and says
something only beside the same tile in other planes: it depends on what is in the tile.

Grey level is the plain mean of red, green and blue, g(y, x), 0 to 255; sums run over pixels whose
neighbours all lie in the tile, N of them, so that a tile's figure depends on its own pixels alone.
Every sum is divided by N, so that tiles of different sizes compare.

Of the sources only [1]_ was at hand, and it names figures without formulas: the formulas are those
in common use, not checked against the other papers.

References
----------
.. [1] Rai Dastidar, "Automated focus distance estimation …", CVPR Workshops 2019, section 2.
.. [2] Redondo et al., "Autofocus evaluation for brightfield microscopy pathology", J Biomed Opt
   17(3), 2012.
.. [3] Tenenbaum, "Accommodation in computer vision", Stanford, 1970; Krotkov, "Focusing", Int J
   Comput Vis 1, 1987.
.. [4] Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000.
.. [5] Boddeke et al., "Autofocusing in microscopy based on the OTF and sampling", Bioimaging 2,
   1994.
.. [6] Brenner et al., "An automated microscope for cytologic research", J Histochem Cytochem
   24(1), 1976.
.. [7] Groen, Young and Ligthart, "A comparison of different focus functions for use in autofocus
   algorithms", Cytometry 6, 1985.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.int32]
"""(H, W), at least 3 × 3: the sum of the three channels, three times the grey level; whole numbers,
so that a figure is the same to the last bit wherever it is computed."""


def sobel_norm(grey: Grey) -> float:
    """Return the mean length of Sobel's gradient, Σ √(Sx² + Sy²) / N [1]_ [2]_.

    Sx is the correlation with ((−1, 0, 1), (−2, 0, 2), (−1, 0, 1)), Sy with its transpose.
    """
    return float(np.sqrt(_sobel_squared(grey)).mean() / 3)


def tenengrad(grey: Grey) -> float:
    """Return the mean square of Sobel's gradient, Σ (Sx² + Sy²) / N, no threshold [2]_ [3]_."""
    return float(_sobel_squared(grey).mean() / 9)


def laplacian_variance(grey: Grey) -> float:
    """Return the variance of the Laplacian, Σ (L − mean L)² / N [1]_ [4]_.

    L is the correlation with ((0, 1, 0), (1, −4, 1), (0, 1, 0)).
    """
    sides = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((sides - 4 * grey[1:-1, 1:-1]).var() / 9)


def boddeke_norm(grey: Grey) -> float:
    """Return the norm of Boddeke's filter along both axes, √(Σ (Bx² + By²) / N) [1]_ [5]_.

    Bx = g(y, x + 1) − g(y, x − 1), By = g(y + 1, x) − g(y − 1, x): a band-pass that is highest at
    half the Nyquist frequency.
    """
    across = grey[1:-1, 2:] - grey[1:-1, :-2]
    down = grey[2:, 1:-1] - grey[:-2, 1:-1]
    return float(np.sqrt((across**2 + down**2).mean()) / 3)


def brenner(grey: Grey) -> float:
    """Return the mean square of differences two pixels apart, Σ (g(y, x + 2) − g(y, x))² / N [6]_.

    Along rows only and without a threshold.
    """
    return float(((grey[:, 2:] - grey[:, :-2]) ** 2).mean() / 9)


def normalised_variance(grey: Grey) -> float:
    """Return the variance over the mean, Σ (g − mean g)² / (N · mean g) [7]_; 0 for black."""
    mean = float(grey.mean())
    return float(grey.var() / (3 * mean)) if mean else 0.0


FIGURES: dict[str, Callable[[Grey], float]] = {
    "sobel": sobel_norm,
    "laplacian": laplacian_variance,
    "boddeke": boddeke_norm,
    "tenengrad": tenengrad,
    "variance": normalised_variance,
    "brenner": brenner,
}
"""By the names that settings, tables and plots have."""


def figures_of(tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure tiles by every figure of merit.

    Parameters
    ----------
    tiles
        uint8 (N, T, T, 3), RGB, T at least 3 px.

    Returns
    -------
    float32 (F, N), figures in the order of `FIGURES`, in grey levels or their squares; 0 and more.
    """
    greys = [tile.sum(axis=2, dtype=np.int32) for tile in tiles]
    found = [[figure(grey) for grey in greys] for figure in FIGURES.values()]
    return np.array(found, np.float32).reshape(len(FIGURES), len(tiles))


def _sobel_squared(grey: Grey) -> Grey:
    """Return Sx² + Sy² of the inner pixels, int32: at most 2 × (4 × 765)²."""
    smooth_down = grey[:-2] + 2 * grey[1:-1] + grey[2:]
    smooth_across = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    across = smooth_down[:, 2:] - smooth_down[:, :-2]
    down = smooth_across[2:] - smooth_across[:-2]
    return np.asarray(across**2 + down**2, np.int32)
