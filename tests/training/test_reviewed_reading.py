"""Reviewed fields as a network sees them: as on the whole slide, and nothing learned of the rim."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_focusqc.annotation.reviewed_fields import ReviewedField, ReviewedFields, inside
from napari_focusqc.errors import RegionError, TrainingError
from napari_focusqc.geometry import Region
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.inference.peaks import find_peaks
from napari_focusqc.models.micronet import MicroNet
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.training import reviewed_reading
from napari_focusqc.training.reviewed_reading import ReviewedReader, parted

NONE = np.empty((0, 2), np.float32)


def reviewed(*fields: ReviewedField, mpp: float = 0.25) -> ReviewedFields:
    return ReviewedFields("image", mpp, 0, fields)


def reader(image: np.ndarray, mpp: float = 0.25, network_mpp: float = 0.25) -> ReviewedReader:
    slide = ArraySlide([image], mpp=mpp)
    return ReviewedReader.of(slide, reviewed(mpp=mpp), network_mpp)


def network() -> MicroNet:
    """Return one whose output varies with all it sees."""
    torch.manual_seed(0)
    return MicroNet((2, 2, 2, 2, 2)).eval()


@pytest.mark.parametrize(("mpp", "y", "x"), [(0.25, 180, 141), (0.25, 0, 300), (0.125, 401, 333)])
def test_nuclei_of_a_field_are_those_of_the_whole_slide(
    tissue_image, mpp: float, y: int, x: int
) -> None:
    image, scale = tissue_image(480, 500), round(0.25 / mpp)
    fine = np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)
    region = Region(y, x, 90 * scale, 110 * scale)
    found, peaks = reader(fine, mpp).nuclei(network(), ReviewedField(region, NONE), -np.inf)
    at, values = find_peaks(proximity_of(network(), image), least=-np.inf)
    every = ((at.astype(np.float64) + 0.5) * scale - 0.5).astype(np.float32)
    here = inside(region, every)
    assert here.sum() > 20
    np.testing.assert_allclose(found, every[here], atol=1 / 32)
    np.testing.assert_allclose(peaks, values[here], atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    corner=st.tuples(st.integers(-9, 230), st.integers(-9, 230)),
    size=st.tuples(st.integers(190, 400), st.integers(190, 400)),
    mpp=st.sampled_from([0.25, 0.2, 0.125]),
)
def test_what_is_learned_from_shows_each_nucleus_where_it_was_marked(
    corner: tuple[int, int], size: tuple[int, int], mpp: float
) -> None:
    region = Region(*corner, *size)
    image = np.full((420, 420, 3), 255, np.uint8)
    at = region.clipped(image.shape[:2])
    middle = at.y + at.height // 2, at.x + at.width // 2
    image[middle[0] - 6 : middle[0] + 7, middle[1] - 6 : middle[1] + 7] = 0
    reads = reader(image, mpp)
    scale = reads.scale
    field = ReviewedField(region, np.array([middle], np.float32))
    learned = reads.to_learn_from(field)
    dark = 255 - learned.pixels[..., 0].astype(float)
    rows, cols = np.indices(dark.shape)
    seen = [(dark * along).sum() / dark.sum() for along in (rows, cols)]
    np.testing.assert_allclose(learned.centres[0], seen, atol=0.02)
    assert reads.crop_px((field,)) == min(200, min(learned.pixels.shape[:2]) // 16 * 16)
    lost = np.array([at.height, at.width]) / scale - learned.pixels.shape[:2]
    assert (lost >= 2 * reads.reach_px - 1e-6).all()
    assert (lost < 2 * reads.reach_px + 2).all()


def test_nuclei_in_the_rim_reach_into_what_is_learned() -> None:
    field = ReviewedField(Region(0, 0, 150, 150), np.array([[3, 70]], np.float32))
    learned = reader(np.zeros((150, 150, 3), np.uint8)).to_learn_from(field)
    assert learned.pixels.shape == (120, 120, 3)
    assert learned.centres.tolist() == [[-12, 55]]


def test_the_smallest_field_rules_the_crops_and_a_smaller_one_is_refused() -> None:
    reads = reader(np.zeros((400, 400, 3), np.uint8))
    large = ReviewedField(Region(-9, -9, 300, 300), NONE)
    assert reads.crop_px((large,)) == 200
    assert reads.crop_px((large, ReviewedField(Region(300, 0, 94, 200), NONE))) == 64
    small = ReviewedField(Region(300, 0, 93, 200), NONE)
    with pytest.raises(TrainingError, match=r"is 93 × 200 px .* must have 94 px \(24 µm\)"):
        reads.crop_px((large, small))
    beyond = ReviewedField(Region(390, 0, 200, 200), NONE)
    with pytest.raises(TrainingError, match="is 10 × 200 px"):
        reads.crop_px((beyond,))
    with pytest.raises(RegionError, match="outside the image"):
        reads.crop_px((ReviewedField(Region(400, 0, 200, 200), NONE),))


def test_fields_that_nobody_has_checked_in_whole_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads = reader(np.zeros((400, 400, 3), np.uint8))
    fields = tuple(ReviewedField(Region(0, x, 100, 100), NONE) for x in (0, 100))
    monkeypatch.setattr(reviewed_reading, "MOST_PX", 19_999)
    with pytest.raises(TrainingError, match="take some away"):
        reads.crop_px(fields)
    monkeypatch.setattr(reviewed_reading, "MOST_FIELD_PX", 9_999)
    with pytest.raises(TrainingError, match="review smaller views"):
        reads.crop_px(fields)


@pytest.mark.parametrize(("share", "held"), [(0.05, 1), (0.25, 2), (0.5, 4)])
def test_whole_fields_are_held_back_wherever_they_stand(share: float, held: int) -> None:
    fields = [
        ReviewedField(Region(0, 10 * n, 10, 10), np.array([[1, 10 * n]], np.float32))
        for n in range(6)
    ]
    fields += [ReviewedField(Region(20, 10 * n, 10, 10), NONE) for n in range(2)]
    whole = reviewed(*fields)
    training, back = parted(whole, share, 0)
    assert len(back) == held
    assert len(training) == 8 - held
    assert {each.region for each in training + back} == {each.region for each in fields}
    assert all(len(each.centres) for each in back)
    turned = parted(replace(whole, fields=whole.fields[::-1]), share, 0)
    assert {each.region for each in turned[1]} == {each.region for each in back}
    others = [{each.region for each in parted(whole, share, seed)[1]} for seed in range(5)]
    assert any(other != others[0] for other in others)


def test_one_field_at_least_is_trained_on() -> None:
    places = [(np.array([[1, x]], np.float32), Region(0, x, 9, 9)) for x in (0, 9)]
    two = reviewed(*(ReviewedField(region, points) for points, region in places))
    assert [len(part) for part in parted(two, 0.5, 0)] == [1, 1]
