"""Scanners drawn at random, as different as those that a network will meet.

Room: optics. Ranges in, one `Camera` out; touches no pixel.
"""

from dataclasses import dataclass

import numpy as np

from napari_focusqc.optics.camera import Camera
from napari_focusqc.optics.colour import Colour, Three
from napari_focusqc.optics.compression import SUBSAMPLINGS

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class CameraRange:
    """Smallest and largest value of everything that differs between scanners and stains.

    Each value is drawn by itself. None of the papers gives these ranges; where they come from is
    said for each.

    Parameters
    ----------
    noise_scale
        S, drawn on a logarithmic scale; (0, 0) makes no noise. With the sharpening and the JPEG
        below it leaves about what `noise_scale` measures in real fields: most below 0.03, few
        above 0.1 (tests/optics/test_camera_range.py).
    sharpening
        Amount; below 0 it counts as none, so that one scanner in four does not sharpen.
    sharpening_px
        Radius, px.
    stain_scale, stain_shift
        For each stain; the scale is wider than the “strong” one of Tellez et al., 0.8 to 1.2 (see
        `restain`): old and pale stains are.
    exposure
        For all channels alike, drawn on a logarithmic scale; a slide that was scanned too dark, or
        so bright that pale tissue is lost in the white.
    gain, gamma
        For each channel; a white balance and a tone curve that a person would still accept.
    hue
        Radians. An eighth of a turn leads from H&E to brown and to purple stains, of which there
        are few images.
    saturation, contrast, brightness
        For `adjust`.
    quality
        JPEG's, both ends included; scanners write 70 to 90, exports go lower and higher. None
        compresses nothing.
    subsamplings
        Each equally often.
    """

    noise_scale: Range = (0.003, 0.15)
    sharpening: Range = (-0.5, 1.5)
    sharpening_px: Range = (0.5, 2.0)
    stain_scale: Range = (0.5, 1.5)
    stain_shift: Range = (-0.02, 0.02)
    exposure: Range = (0.65, 1.4)
    gain: Range = (0.9, 1.1)
    gamma: Range = (0.85, 1.2)
    hue: Range = (-np.pi / 4, np.pi / 4)
    saturation: Range = (0.5, 1.5)
    contrast: Range = (0.8, 1.2)
    brightness: Range = (-12.0, 12.0)
    quality: tuple[int, int] | None = (60, 95)
    subsamplings: tuple[str, ...] = SUBSAMPLINGS

    def draw(self, rng: np.random.Generator) -> Camera:
        """Return one scanner; the same state of `rng` gives the same one."""
        return Camera(
            noise_scale=_between(rng, self.noise_scale),
            sharpening=max(rng.uniform(*self.sharpening), 0.0),
            sharpening_px=rng.uniform(*self.sharpening_px),
            colour=self.draw_colour(rng),
            quality=int(rng.integers(self.quality[0], self.quality[1] + 1))
            if self.quality
            else None,
            subsampling=self.subsamplings[int(rng.integers(len(self.subsamplings)))],
        )

    def draw_colour(self, rng: np.random.Generator) -> Colour:
        """Return one stain and one look of the picture."""
        return Colour(
            stain_scale=_three(rng, self.stain_scale),
            stain_shift=_three(rng, self.stain_shift),
            exposure=_between(rng, self.exposure),
            gain=_three(rng, self.gain),
            gamma=_three(rng, self.gamma),
            hue=rng.uniform(*self.hue),
            saturation=rng.uniform(*self.saturation),
            contrast=rng.uniform(*self.contrast),
            brightness=rng.uniform(*self.brightness),
        )


def _between(rng: np.random.Generator, ends: Range) -> float:
    """Draw a value on a logarithmic scale; where both ends are one, nothing is drawn."""
    return ends[0] if ends[0] == ends[1] else float(np.exp(rng.uniform(*np.log(ends))))


def _three(rng: np.random.Generator, ends: Range) -> Three:
    """Draw one value for each of three channels or stains."""
    first, second, third = rng.uniform(*ends, size=3).tolist()
    return first, second, third
