"""What a class is: its blur, its radius in µm, and what stays sharp."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_focusqc.optics.classes import OOF_CLASSES, radius_range, sigma_range
from napari_focusqc.optics.kernels import bokeh_kernel, gaussian_kernel
from napari_focusqc.optics.objective import Objective
from napari_focusqc.optics.wave import relative_kernels
from napari_focusqc.training import blurs
from napari_focusqc.training.blurs import (
    FIRST_FAR_CLASS,
    FOCAL_SHIFT_UM,
    IN_CLASSES,
    NA_STEP,
    NUMERICAL_APERTURE,
    OUT_CLASSES,
    Z_STEP,
    Blur,
    disk,
    disk_or_lens,
    gaussian,
    in_or_out,
    stage,
)
from napari_focusqc.training.measures import BLURRED_UM, SHARP_UM

BY_CLASS = [gaussian, disk, disk_or_lens]
CLASSES = [1, 7, 15, 22, 29]


def spread_px(kernel: NDArray[np.float32]) -> float:
    """Return the root mean square distance of a kernel's light from its middle."""
    n = kernel.shape[0] // 2
    y, x = np.mgrid[-n : n + 1, -n : n + 1]
    return float(np.sqrt((kernel * (y**2 + x**2)).sum()))


@dataclass(frozen=True)
class Used:
    """A lens, how far from focus its colours were, µm, and what it made of a point."""

    na: float
    z_um: tuple[float, float, float]
    kernels: blurs.Kernels

    def radius_um(self) -> float:
        """Return the mean radius of the colours' disks by geometric optics."""
        return Objective(self.na).blur_radius_um(float(np.mean(self.z_um)))


@pytest.fixture
def lenses(monkeypatch: pytest.MonkeyPatch) -> list[Used]:
    """Return a list that gets every lens that blurs."""
    used: list[Used] = []

    def note(lens: Objective, z_um: float, mpp: float) -> blurs.Kernels:
        kernels = relative_kernels(lens, z_um, mpp)
        red, green, blue = (abs(z_um + shift) for shift in lens.focal_shift_um)
        used.append(Used(lens.na, (red, green, blue), kernels))
        return kernels

    monkeypatch.setattr(blurs, "relative_kernels", note)
    return used


@pytest.mark.parametrize("blur", BY_CLASS)
@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_a_class_has_its_radius_in_micrometres_at_any_resolution(blur: Blur, mpp: float) -> None:
    rng = np.random.default_rng(0)
    for oof_class in CLASSES:
        low, high = (0.25 * end for end in radius_range(oof_class, 0.25))
        radii = [blur(oof_class, mpp, rng)[1] for _ in range(5)]
        assert low <= min(radii) < max(radii) <= high


@pytest.mark.parametrize("blur", BY_CLASS)
def test_class_0_is_the_identity(blur: Blur) -> None:
    for seed in range(8):
        kernels, radius_um = blur(0, 0.25, np.random.default_rng(seed))
        assert [kernel.tolist() for kernel in kernels] == [[[1.0]]] * 3
        assert radius_um == 0


@pytest.mark.parametrize("blur", [*BY_CLASS, stage])
def test_kernels_keep_the_light_and_the_same_luck_gives_the_same_ones(blur: Blur) -> None:
    for oof_class in (0, 1) if blur is stage else CLASSES[:-1]:
        kernels, radius_um = blur(oof_class, 0.25, np.random.default_rng(3))
        assert [kernel.sum() for kernel in kernels] == pytest.approx([1, 1, 1], abs=1e-4)
        again, again_um = blur(oof_class, 0.25, np.random.default_rng(3))
        assert again_um == radius_um
        assert all(np.array_equal(*pair) for pair in zip(kernels, again, strict=True))


@pytest.mark.parametrize("oof_class", CLASSES)
def test_gaussian_and_disk_are_as_far_along_in_their_class(oof_class: int) -> None:
    """With the same luck; σ and radius of a class are the paper's two columns."""
    (kernel, *_), radius_um = gaussian(oof_class, 0.25, np.random.default_rng(4))
    (round_one, *_), same_um = disk(oof_class, 0.25, np.random.default_rng(4))
    assert same_um == pytest.approx(radius_um)
    low, high = radius_range(oof_class)
    share = (radius_um / 0.25 - low) / (high - low)
    least, most = sigma_range(oof_class)
    assert np.array_equal(kernel, gaussian_kernel(least + share * (most - least)))
    assert np.array_equal(round_one, bokeh_kernel(radius_um / 0.25))


def is_disk(kernels: blurs.Kernels, radius_um: float) -> bool:
    expected = bokeh_kernel(radius_um / 0.25)
    return all(np.array_equal(kernel, expected) for kernel in kernels)


def test_half_of_the_blur_is_by_a_lens_and_none_of_class_29() -> None:
    rng = np.random.default_rng(5)
    disks = [is_disk(*disk_or_lens(8, 0.25, rng)) for _ in range(60)]
    assert 18 <= sum(disks) <= 42
    assert all(is_disk(*disk_or_lens(OOF_CLASSES - 1, 0.25, rng)) for _ in range(5))


@pytest.mark.parametrize("oof_class", [14, 22])
def test_a_lens_spreads_light_as_far_as_its_rays_do(oof_class: int, lenses: list[Used]) -> None:
    """The ray through ρ of the pupil lands at z ρ NA / √(1 − ρ² NA²); the pupil is evenly bright.

    So the mean square is z² (−1 − ln(1 − NA²) / NA²), less than that of an even disk.
    """
    for seed in range(10):
        disk_or_lens(oof_class, 0.25, np.random.default_rng(seed))
    assert len(lenses) >= 3
    for lens in lenses:
        factor = np.sqrt(-1 - np.log(1 - lens.na**2) / lens.na**2)
        for kernel, z_um in zip(lens.kernels, lens.z_um, strict=True):
            assert spread_px(kernel) == pytest.approx(z_um * factor / 0.25, rel=0.08)


def test_a_lens_is_as_far_from_focus_as_geometric_optics_says(lenses: list[Used]) -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        before = len(lenses)
        radius_um = disk_or_lens(18, 0.25, rng)[1]
        if len(lenses) > before:
            assert lenses[-1].radius_um() == pytest.approx(radius_um, rel=0.02)
    assert len(lenses) >= 6
    low, high = NUMERICAL_APERTURE
    assert all(low - NA_STEP / 2 <= lens.na <= high + NA_STEP / 2 for lens in lenses)
    assert np.mean([max(lens.z_um) - min(lens.z_um) for lens in lenses]) > FOCAL_SHIFT_UM


def test_in_and_out_are_all_classes_that_surely_are() -> None:
    radii = [0.25 * radius for n in range(OOF_CLASSES) for radius in radius_range(n)]
    low, high = radii[0::2], radii[1::2]
    assert [n for n in range(OOF_CLASSES) if high[n] <= SHARP_UM] == list(range(IN_CLASSES))
    surely_out = [n for n in range(OOF_CLASSES) if low[n] >= BLURRED_UM]
    assert surely_out == list(range(OUT_CLASSES, OOF_CLASSES))
    rng = np.random.default_rng(0)
    drawn = [[in_or_out(blurred, 0.25, rng)[1] for _ in range(60)] for blurred in (0, 1)]
    assert max(drawn[0]) <= SHARP_UM < BLURRED_UM <= min(drawn[1])
    assert min(drawn[0]) == 0
    assert max(drawn[1]) > 7


def test_deepfocus_calls_half_a_micrometre_sharp(lenses: list[Used]) -> None:
    rng = np.random.default_rng(7)
    for _ in range(40):
        radius_um = stage(0, 0.25, rng)[1]
        (z_um,) = set(lenses[-1].z_um)  # the colours are in focus together
        assert 0 <= z_um <= 0.5
        assert lenses[-1].radius_um() == pytest.approx(radius_um, abs=Z_STEP)
    assert len(lenses) == 40


def test_deepfocus_calls_a_micrometre_blurred(lenses: list[Used]) -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        before = len(lenses)
        radius_um = stage(1, 0.25, rng)[1]
        if len(lenses) == before:  # a disk
            assert radius_um >= 0.25 * radius_range(FIRST_FAR_CLASS)[0]
        else:
            assert 1 <= radius_um / Objective(lenses[-1].na).blur_radius_um(1.0) <= 8
            assert lenses[-1].radius_um() == pytest.approx(radius_um, rel=0.05)
    assert 4 <= 60 - len(lenses) <= 22
