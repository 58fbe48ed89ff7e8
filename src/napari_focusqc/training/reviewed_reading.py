"""Reviewed fields of a slide at the resolution of a network: to learn from, and to be measured on.

Room: training. Nothing is known of the slide around a field. So crops stay as far inside as a
nucleus reaches, where all of a target is known, while the network that is measured sees what a run
over the slide would show it.
"""

import hashlib
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_focusqc.annotation.reviewed_fields import ReviewedField, ReviewedFields, inside
from napari_focusqc.errors import TrainingError
from napari_focusqc.geometry import Region, model_scale
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.inference.peaks import distance_at, find_peaks, halo_px
from napari_focusqc.models.micronet import TOTAL_STRIDE_PX, MicroNet
from napari_focusqc.slides.slide import Slide
from napari_focusqc.tiles.grid import TileGrid
from napari_focusqc.tiles.level_source import LevelSource
from napari_focusqc.training.nucleus_fields import NucleusField, shrink_centres
from napari_focusqc.training.proximity import DISTANCE_PX as REACH_PX
from napari_focusqc.training.proximity import PAPER_MPP

MOST_CROP_PX, LEAST_CROP_PX = 200, 64
"""Side of a crop, model px: the paper's, and what is left of it in small fields."""
MOST_FIELD_PX = 1 << 22
"""Model px of a field; a person has hardly checked more, and a network takes 2 GiB for it."""
MOST_PX = 1 << 28
"""Model px of all fields."""

Reviewed = tuple[ReviewedField, ...]
Found = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Centres (N, 2), level-0 px, and peaks (N,)."""


@dataclass(frozen=True, slots=True)
class ReviewedReader:
    """Reads the reviewed fields of a slide at a resolution; made by `of`.

    Parameters
    ----------
    source
        The slide at that resolution.
    mpp
        Micrometres per pixel there.
    scale
        Level-0 px per px there.
    """

    source: LevelSource
    mpp: float
    scale: float

    @classmethod
    def of(cls, slide: Slide, reviewed: ReviewedFields, mpp: float) -> "ReviewedReader":
        """Look at a slide through a network trained at `mpp` µm/px.

        Raises
        ------
        TrainingError
            The fields are of another slide.
        """
        if slide.name != reviewed.slide:
            raise TrainingError(
                f"the fields were reviewed on {reviewed.slide}, and this is {slide.name}; choose "
                "the slide they are of"
            )
        scale = model_scale(reviewed.mpp, mpp)
        grid = TileGrid.covering(slide.shape, scale, TOTAL_STRIDE_PX, TOTAL_STRIDE_PX, "cover")
        return cls(LevelSource.of(slide, grid, reviewed.plane), mpp, scale)

    @property
    def reach_px(self) -> int:
        """How far a nucleus reaches into its surroundings, px there."""
        return ceil(REACH_PX * PAPER_MPP / self.mpp)

    def crop_px(self, fields: Reviewed) -> int:
        """Return the side of crops that fit into all fields, a multiple of 16 below the largest.

        Raises
        ------
        TrainingError
            A field is too small for the least crop, or too large, or all together are.
        RegionError
            A field lies outside the slide.
        """
        areas = [self._sides(field) for field in fields]
        for field, (height, width) in zip(fields, areas, strict=True):
            self._check_size(field, height, width)
        if (total := sum(height * width for height, width in areas)) > MOST_PX:
            raise TrainingError(
                f"the reviewed fields have {total / 1e6:.0f} megapixels at {self.mpp:g} µm/px; at "
                f"most {MOST_PX / 1e6:.0f} are learned from, so take some away"
            )
        side = min(min(sides) for sides in areas) - 2 * self.reach_px
        return min(MOST_CROP_PX, side // TOTAL_STRIDE_PX * TOTAL_STRIDE_PX)

    def to_learn_from(self, field: ReviewedField) -> NucleusField:
        """Return what of a field a network may learn from: all but a rim as wide as the reach.

        Nuclei in the rim are kept: they reach into the rest.

        Raises
        ------
        UnreadableRegionError
            A part of it cannot be decoded.
        """
        whole = self._inner(field)
        reach = self.reach_px
        inner = Region(
            whole.y + reach, whole.x + reach, whole.height - 2 * reach, whole.width - 2 * reach
        )
        pixels = self._read(inner)
        centres = shrink_centres(field.centres.astype(np.float64), self.scale)
        local = (centres - (inner.y, inner.x)).astype(np.float32)
        slide = self.source.slide.name
        return NucleusField(slide, Path(slide), pixels, local)

    def nuclei(self, network: MicroNet, field: ReviewedField, least: float) -> Found:
        """Find the nuclei in a field as in a run over the slide: it is seen with its surroundings.

        Parameters
        ----------
        network
            In evaluation mode; its output is proximity.
        field
            Where.
        least
            As for `find_peaks`.

        Raises
        ------
        UnreadableRegionError
            A part of it cannot be decoded.
        """
        window = self._window(field.region.clipped(self.source.slide.shape))
        proximity = proximity_of(network, self._read(window))
        at, peaks = find_peaks(proximity, least=least, distance_px=distance_at(self.mpp))
        corners = at.astype(np.float64) + 0.5 + (window.y, window.x)
        centres = (corners * self.scale - 0.5).astype(np.float32)
        here = inside(field.region, centres)
        return centres[here], peaks[here]

    def _check_size(self, field: ReviewedField, height: int, width: int) -> None:
        """Refuse a field that no crop fits into, or that nobody has checked in whole."""
        at, least = field.region, LEAST_CROP_PX + 2 * self.reach_px
        which = (
            f"the reviewed field at y {at.y}, x {at.x} px is {height} × {width} px at the "
            f"{self.mpp:g} µm/px of the weights"
        )
        if min(height, width) < least:
            raise TrainingError(
                f"{which}; it must have {least} px ({least * self.mpp:.0f} µm) each way, so review "
                "a larger view there, or take the field away"
            )
        if height * width > MOST_FIELD_PX:
            raise TrainingError(
                f"{which}, more than the {MOST_FIELD_PX / 1e6:.1f} megapixels that a person "
                "checks at once; review smaller views"
            )

    def _sides(self, field: ReviewedField) -> tuple[int, int]:
        """Return height and width of a field, whole px there, 0 or more."""
        at = field.region.clipped(self.source.slide.shape)
        ends = ((at.y, at.bottom), (at.x, at.right))
        height, width = (
            max(floor(stop / self.scale + 1e-9) - ceil(start / self.scale - 1e-9), 0)
            for start, stop in ends
        )
        return height, width

    def _inner(self, field: ReviewedField) -> Region:
        """Return the px there that lie wholly in a field."""
        at = field.region.clipped(self.source.slide.shape)
        y, x = (ceil(start / self.scale - 1e-9) for start in (at.y, at.x))
        return Region(y, x, *self._sides(field))

    def _window(self, at: Region) -> Region:
        """Return what a network must see, px there, for the same nuclei as on the whole slide."""
        margin = MicroNet.receptive_field_px // 2 + halo_px(distance_at(self.mpp)) + 1
        starts = [floor(start / self.scale) - margin for start in (at.y, at.x)]
        y, x = (max(start // TOTAL_STRIDE_PX * TOTAL_STRIDE_PX, 0) for start in starts)
        bottom, right = (ceil(stop / self.scale) + margin for stop in (at.bottom, at.right))
        return Region(y, x, bottom - y, right - x).clipped(self.source.shape)

    def _read(self, region: Region) -> NDArray[np.uint8]:
        """Read px there, inside the slide."""
        pixels = np.empty((region.height, region.width, 3), np.uint8)
        self.source.read(region, pixels)
        return pixels


def parted(reviewed: ReviewedFields, share: float, seed: int) -> tuple[Reviewed, Reviewed]:
    """Part whole fields into those to train on and those held back.

    Which are held back depends on where they lie and on the seed, not on the order of reviewing;
    a field without nuclei is always trained on, as nothing could be measured on it.

    Parameters
    ----------
    reviewed
        At least two fields with nuclei.
    share
        Of the fields to hold back, 0 to 1; one at least.
    seed
        Another seed holds back others.

    Raises
    ------
    TrainingError
        There are fewer than two fields with nuclei.
    """
    marked = [field for field in reviewed.fields if len(field.centres)]
    if len(marked) < 2:
        raise TrainingError(
            f"{len(marked)} reviewed field{'s have' if len(marked) != 1 else ' has'} nuclei, and "
            "one is needed to train on and one to measure on; mark at least two views as reviewed"
        )
    count = min(max(round(share * len(reviewed.fields)), 1), len(marked) - 1)

    def draw(region: Region) -> bytes:
        return hashlib.sha256(f"{seed} {reviewed.slide} {region}".encode()).digest()

    held = set(sorted((field.region for field in marked), key=draw)[:count])
    training = tuple(field for field in reviewed.fields if field.region not in held)
    return training, tuple(field for field in reviewed.fields if field.region in held)
