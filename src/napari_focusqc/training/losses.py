"""How far scores are from being a straight line in the truth.

Room: training.
"""

from torch import Tensor


def plcc_loss(scores: Tensor, truth: Tensor) -> Tensor:
    """Return 1 − Pearson's linear correlation.

    It leaves scale and offset of the scores free and is 0 for any rising straight line.

    Parameters
    ----------
    scores, truth
        float (B,), B ≥ 2; a constant on either side counts as no correlation, loss 1.

    Returns
    -------
    float scalar, 0 to 2.

    References
    ----------
    .. [1] Wang et al., "FocusLiteNN …", MICCAI 2020, section 3, “Implementation Details”.
    """
    x, y = scores - scores.mean(), truth - truth.mean()
    tiny = 1e-12
    return 1 - (x * y).sum() / ((x * x).sum() * (y * y).sum() + tiny).sqrt()
