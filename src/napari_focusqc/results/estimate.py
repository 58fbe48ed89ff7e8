"""The share of a slide that is out of focus, from some of its tiles.

Room: results. Knows no slide and no network.
"""

from dataclasses import dataclass
from math import sqrt

from napari_focusqc.errors import SettingsError
from napari_focusqc.results.focus_map import FocusMap, Reason, Verdict

Z_95 = 1.959964
"""So many standard deviations hold 95 % of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a sample says of the share of judged tiles that are out of focus.

    Parameters
    ----------
    share
        Middle of the interval, 0 to 1.
    half_width
        Of the interval that holds the true share with a probability of 95 %.
    judged
        Tiles of the sample that got a score.
    scored_tiles, tiles
        Tiles that were looked at, and all that have tissue.
    """

    share: float
    half_width: float
    judged: int
    scored_tiles: int
    tiles: int

    def line(self) -> str:
        """Return it as people read it."""
        return (
            f"{100 * self.share:.1f} ± {100 * self.half_width:.1f} % of the judged tiles are out "
            f"of focus (95 % confidence), from {self.scored_tiles:,} of {self.tiles:,} tiles"
        )


def estimate(focus_map: FocusMap) -> Estimate:
    """Estimate the share of judged tiles that are out of focus from a map scored in part.

    Wilson's interval for a share [1]_; a sample that is a good part of the whole counts for more.
    The tiles must be a sample from all over the slide (`tiles.sampling`): that they are stratified
    makes the true interval narrower still, which is not counted on.

    Parameters
    ----------
    focus_map
        With a threshold.

    Raises
    ------
    SettingsError
        The map has no threshold.

    References
    ----------
    .. [1] Wilson, "Probable inference, the law of succession, and statistical inference", J Am
       Stat Assoc 22, 1927.
    """
    if focus_map.source.threshold is None:
        raise SettingsError(
            f"the weights {focus_map.source.weights.get('name', 'of this map')} have no threshold, "
            "so no share can be out of focus; give one with --threshold"
        )
    verdicts = focus_map.verdicts()
    out = int((verdicts == Verdict.OUT_OF_FOCUS).sum())
    judged = out + int((verdicts == Verdict.IN_FOCUS).sum())
    tiles = int((focus_map.reasons != Reason.GLASS).sum())
    looked = tiles - int((focus_map.reasons == Reason.NOT_RUN).sum())
    if looked == tiles:
        return Estimate(out / judged if judged else 0.0, 0.0, judged, looked, tiles)
    if not judged:
        return Estimate(0.5, 0.5, judged, looked, tiles)
    # as many independent tiles would tell as much
    worth = judged * (tiles - 1) / (tiles - looked)
    return Estimate(*_wilson(out / judged, worth), judged, looked, tiles)


def _wilson(share: float, count: float) -> tuple[float, float]:
    """Return middle and half-width of Wilson's 95 % interval."""
    z2 = Z_95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    spread = sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return middle, Z_95 * spread / (1 + z2 / count)
