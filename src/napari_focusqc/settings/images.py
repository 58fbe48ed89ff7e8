"""Which sharp images serve to train, measure or calibrate weights, written once for all three.

Room: settings. The command line is built from these fields.
"""

from dataclasses import KW_ONLY, MISSING, dataclass
from pathlib import Path

from napari_focusqc.settings.option import check_ranges, option


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where sharp images are, at which resolution they serve, and which are kept out of training.

    Raises
    ------
    SettingsError
        A value is outside its range or choices.
    """

    data: Path = option(
        MISSING,
        "Images",
        "Folder of sharp RGB fields; each folder directly inside is one data set, described by "
        "its dataset.json (name, licence, mpp) where there is one.",
    )
    _: KW_ONLY
    mpp: float = option(
        0.25,
        "µm per pixel",
        "Micrometres per pixel the weights are for; finer fields are area-averaged down to it.",
        minimum=0.05,
        maximum=10.0,
    )
    data_mpp: float = option(
        0.25,
        "µm per pixel of the images",
        "Of images whose µm/px neither their file nor their dataset.json mentions.",
        minimum=0.05,
        maximum=10.0,
    )
    validation: float = option(
        0.2,
        "Validation share",
        "Share of the images of each data set that is kept out of training and measured on; "
        "weights that were trained with the same share and seed never saw them.",
        minimum=0.05,
        maximum=0.5,
    )
    seed: int = option(
        0,
        "Seed",
        "Of every random number; the same seed keeps out the same images and gives the same "
        "weights and figures.",
        minimum=0,
        maximum=2**31 - 1,
    )

    def __post_init__(self) -> None:
        check_ranges(self)
