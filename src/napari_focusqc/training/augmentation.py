"""How crops of nuclei differ from their fields.

Room: training. Xing et al. 2019, “Implementation details”, names rotation, shift, mirror and
elastic distortion and gives no ranges; size, colours and glass are ours, and so are all ranges.
"""

from dataclasses import dataclass

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import SAME_MPP_TOLERANCE
from napari_focusqc.optics.camera_range import CameraRange, Range

COLOURS = CameraRange(
    stain_scale=(0.7, 1.3),
    exposure=(0.8, 1.2),
    gain=(0.95, 1.05),
    gamma=(0.9, 1.1),
    hue=(-0.15, 0.15),
    saturation=(0.7, 1.3),
    contrast=(0.9, 1.1),
    brightness=(-8.0, 8.0),
)
"""Stains and lights; of it only the colours are drawn. Narrower than what focus is trained on: a
nucleus is told by its colour, too."""
ZOOM = (1 / (1 + SAME_MPP_TOLERANCE), 1 + SAME_MPP_TOLERANCE)
"""What slides are used as they are, though their µm/px is not quite that of the weights."""
GLASS_SHARE = 0.15
"""Of crops that lie partly on glass."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How crops differ.

    Parameters
    ----------
    crop_px
        Side of a crop, px.
    reach_px
        Centres up to so far outside a crop, along y and x, belong to it as well: the d of the
        proximity map.
    elastic_px
        Most that the elastic distortion moves a pixel along each axis, px; 0 bends nothing.
    elastic_step_px
        Distance between its control points, px; more than four times `elastic_px`, so that it
        never folds. A typical local strain is then some percent.
    zoom
        Px of the field in a px of the crop.
    colours
        What stains and lights are drawn from; None leaves colours alone.
    glass
        Share of crops that lie partly on glass.

    Raises
    ------
    SettingsError
        The control points are too close for the distortion.
    """

    crop_px: int = 200
    reach_px: float = 15.0
    elastic_px: float = 8.0
    elastic_step_px: float = 50.0
    zoom: Range = ZOOM
    colours: CameraRange | None = COLOURS
    glass: float = GLASS_SHARE

    def __post_init__(self) -> None:
        if self.elastic_step_px <= 4 * self.elastic_px:
            raise SettingsError(
                f"an elastic distortion of {self.elastic_px:g} px may fold with control points "
                f"{self.elastic_step_px:g} px apart; put them over {4 * self.elastic_px:g} px apart"
            )


AUGMENTED = Augmentation()
