"""The whole way: what a map says does not depend on how it was made."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data

from napari_focusqc.errors import (
    FocusQCError,
    MissingMppError,
    RegionError,
    SettingsError,
    TooCoarseError,
    UnknownModelError,
    UnreadableRegionError,
    WeightsError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.models.calibration import Calibration
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network
from napari_focusqc.pipeline import prepare, score_image, score_slide
from napari_focusqc.progress import finish
from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason
from napari_focusqc.results.summary import summarise
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.array_slide import ArraySlide
from napari_focusqc.tiles import reading

IHC = data.immunohistochemistry()
FIELD = np.concatenate([np.concatenate([IHC, IHC[:, ::-1]], 1), IHC[::-1].repeat(2, 1)])[:1000]
ALL = ScoreSettings(model="focuslitenn-1", device="cpu", tissue="none")


def with_settings(**changes: Any) -> ScoreSettings:
    values = {"model": "focuslitenn-1", "device": "cpu", "tissue": "none"} | changes
    return ScoreSettings(**values)


@pytest.fixture(scope="module")
def slide() -> ArraySlide:
    return ArraySlide([FIELD], mpp=0.25, name="field")


@pytest.fixture(scope="module")
def whole(slide: ArraySlide) -> FocusMap:
    return finish(score_slide(slide, ALL))


def test_every_score_is_the_networks_on_that_window(whole: FocusMap) -> None:
    import torch

    network = load_network(find_weights("focuslitenn-1", 0.25))
    inside = np.argwhere(~whole.partial)
    assert len(inside) >= 36
    for row, col in inside:
        y, x = row * 128, col * 128
        window = torch.from_numpy(FIELD[y : y + 235, x : x + 235].copy())
        with torch.inference_mode():
            score = network(window.permute(2, 0, 1)[None].float() / 255)
        assert whole.scores[row, col] == pytest.approx(float(score), abs=1e-4)


def test_what_a_run_would_wait_for_can_be_done_before_it(slide: ArraySlide) -> None:
    prepare(slide, with_settings(model="convfocus", tissue="otsu"))
    with pytest.raises(MissingMppError):
        prepare(ArraySlide([FIELD]), ALL)


def test_nobody_decodes_a_huge_level_before_a_run_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slide = ArraySlide([FIELD], mpp=0.25)
    monkeypatch.setattr("napari_focusqc.pipeline.beginning.MOST_UNASKED_PX", 1000)
    monkeypatch.setattr(slide, "read", lambda *_: pytest.fail("pixels were read"))
    prepare(slide, with_settings(tissue="otsu"))


def test_score_image_scores_whole_tiles_only(whole: FocusMap) -> None:
    found = score_image(FIELD, mpp=0.25, model="focuslitenn-1", tissue="none")
    rows, cols = found.scores.shape
    assert (rows, cols) == ((1000 - 235) // 128 + 1, (FIELD.shape[1] - 235) // 128 + 1)
    assert not found.partial.any()
    assert found.scores.dtype == np.float32
    assert found.scores == pytest.approx(whole.scores[:rows, :cols], abs=1e-4)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block_px", [128, 300, 4096])
@pytest.mark.parametrize("batch", [1, 5, 32])
def test_scores_do_not_depend_on_threads_blocks_or_batch(
    monkeypatch: pytest.MonkeyPatch,
    slide: ArraySlide,
    whole: FocusMap,
    threads: int,
    block_px: int,
    batch: int,
) -> None:
    monkeypatch.setattr(reading, "BLOCK_PX", block_px)
    found = finish(score_slide(slide, with_settings(threads=threads, batch=batch)))
    assert found.scores == pytest.approx(whole.scores, abs=1e-4)
    assert np.array_equal(found.reasons, whole.reasons)


def test_a_region_has_the_tiles_of_the_whole_slide(slide: ArraySlide, whole: FocusMap) -> None:
    part = finish(score_slide(slide, with_settings(region=Region(300, 410, 333, 222))))
    rows = slice(part.grid.row0, part.grid.row0 + part.grid.rows)
    cols = slice(part.grid.col0, part.grid.col0 + part.grid.cols)
    assert part.scores == pytest.approx(whole.scores[rows, cols], abs=1e-4)
    assert part.scores.size < whole.scores.size


def test_a_sharper_field_scores_lower_than_its_blurred_self() -> None:
    from scipy.ndimage import gaussian_filter

    blurred = np.rint(gaussian_filter(FIELD.astype(float), (4, 4, 0))).astype(np.uint8)
    sharp, soft = (
        score_image(image, mpp=0.25, model="focuslitenn-10", tissue="none").scores
        for image in (FIELD, blurred)
    )
    assert (soft > sharp).all()


def test_updates_put_together_are_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_PX", 256)
    work = score_slide(ArraySlide([FIELD], mpp=0.25), ALL)
    shown, steps = None, []
    while True:
        try:
            step = next(work)
        except StopIteration as end:
            result = end.value
            break
        steps.append(step)
        if isinstance(step.update, FocusMap):
            assert shown is None
            shown = step.update
            assert np.isnan(shown.scores).all()
        if isinstance(step.update, BlockUpdate):
            rows, cols = step.update.scores.shape
            part = np.s_[step.update.row : step.update.row + rows, step.update.col :][:2]
            part = (part[0], slice(step.update.col, step.update.col + cols))
            shown.scores[part], shown.reasons[part] = step.update.scores, step.update.reasons
    assert np.array_equal(shown.scores, result.scores)
    assert np.array_equal(shown.reasons, result.reasons)
    assert [s.done for s in steps] == sorted(s.done for s in steps)
    assert steps[-1].done == steps[-1].total == result.scores.size


def test_glass_is_named_and_not_scored() -> None:
    image = np.full((1500, 1500, 3), 243, np.uint8)
    image[:1000, : FIELD.shape[1]] = FIELD[:, :1500]
    found = finish(score_slide(ArraySlide([image], mpp=0.25), with_settings(tissue="otsu")))
    glass = found.reasons == Reason.GLASS
    assert glass.any() and (found.reasons == Reason.SCORED).any()
    assert np.array_equal(np.isnan(found.scores), glass)


def test_a_slide_of_glass_gives_a_map_without_scores() -> None:
    image = np.full((600, 600, 3), 243, np.uint8)
    found = finish(score_slide(ArraySlide([image], mpp=0.25), with_settings(tissue="otsu")))
    assert (found.reasons == Reason.GLASS).all()
    assert np.isnan(found.scores).all()


def test_a_bad_tile_is_unreadable_and_the_run_goes_on(whole: FocusMap) -> None:
    class Faulty(ArraySlide):
        def read(self, region: Region, level: int = 0, z: int = 0, out: Any = None) -> Any:
            if region.y <= 450 < region.bottom and region.x <= 450 < region.right:
                raise UnreadableRegionError("a bad tile")
            return super().read(region, level, z, out)

    found = finish(score_slide(Faulty([FIELD], mpp=0.25), ALL))
    bad = found.reasons == Reason.UNREADABLE
    covered = [r for r in range(found.grid.rows) if r * 128 <= 450 < r * 128 + 235]
    assert np.argwhere(bad).tolist() == [[r, c] for r in covered for c in covered]
    assert np.isnan(found.scores[bad]).all()
    assert found.scores[~bad] == pytest.approx(whole.scores[~bad], abs=1e-4)


def half_flat() -> np.ndarray:
    """Return the field with its left half flat pink, as an empty stretch of stroma."""
    image = FIELD.copy()
    image[:, :512] = (230, 180, 210)
    return image


def test_flat_tiles_are_abstained_and_the_others_keep_their_scores(tmp_path: Path) -> None:
    slide = ArraySlide([half_flat()], mpp=0.25)
    every, kept = (finish(score_slide(slide, with_settings(min_structure=s))) for s in (0.0, 2.0))
    abstained = kept.reasons == Reason.ABSTAINED
    assert abstained[:, :3].all() and not abstained[:, 4:].any()
    assert np.array_equal(np.isnan(kept.scores), abstained)
    assert (every.reasons == Reason.SCORED).all()
    assert kept.scores[~abstained] == pytest.approx(every.scores[~abstained], abs=1e-4)
    assert (kept.source.min_structure, every.source.min_structure) == (2.0, 0.0)
    assert summarise(kept).tiles["abstained"] == abstained.sum()
    assert FocusMap.load(kept.save(tmp_path / "map.ome.zarr")).source == kept.source


def test_progress_counts_abstained_tiles_as_done() -> None:
    slide = ArraySlide([half_flat()], mpp=0.25)
    steps = list(score_slide(slide, with_settings(min_structure=2.0)))
    assert steps[-1].done == steps[-1].total == 7 * 8


def test_reasons_come_in_their_order() -> None:
    """Glass before unreadable before abstained: each tile has the first that holds."""

    class Faulty(ArraySlide):
        def read(self, region: Region, level: int = 0, z: int = 0, out: Any = None) -> Any:
            if level == 0 and region.bottom > 900:
                raise UnreadableRegionError("the end of the file")
            return super().read(region, level, z, out)

    image = np.full((1300, 1300, 3), 243, np.uint8)
    image[:1200, :600] = (170, 90, 150)
    overview = np.ascontiguousarray(image[::16, ::16])
    slide = Faulty([image, overview], mpp=0.25)
    found = finish(
        score_slide(slide, with_settings(tissue="otsu", min_structure=2.0, edges="whole"))
    )
    assert (found.reasons[:, -1] == Reason.GLASS).all()
    assert found.reasons[:, 0].tolist() == [Reason.ABSTAINED] * 6 + [Reason.UNREADABLE] * 3


def test_the_limit_is_the_weights_own_unless_one_is_given(tmp_path: Path) -> None:
    weights = find_weights("focuslitenn-1", 0.25)
    curve = Calibration((0.0, 29.0), (0.0, 29.0), (0.0, 20.0), (1.0, 40.0))
    card = replace(weights.card, name="own", min_structure=2.0, calibration=curve)
    (tmp_path / "own.json").write_text(card.to_json())
    (tmp_path / "own.safetensors").write_bytes(weights.path.read_bytes())
    path = tmp_path / "own.safetensors"
    own, given = (
        score_image(half_flat(), mpp=0.25, model="focuslitenn-1", weights=path, tissue="none"),
        finish(
            score_slide(
                ArraySlide([half_flat()], mpp=0.25), with_settings(weights=path, min_structure=0.0)
            )
        ),
    )
    assert own.source.min_structure == 2.0
    assert (own.reasons == Reason.ABSTAINED).any()
    assert not (given.reasons == Reason.ABSTAINED).any()
    radii = own.blur_radius_um()
    assert np.array_equal(np.isnan(radii), own.reasons == Reason.ABSTAINED)
    assert radii[~np.isnan(radii)] == pytest.approx(np.clip(own.scores[~np.isnan(radii)], 0, 29))


def test_a_finer_slide_is_scored_on_the_same_micrometres() -> None:
    fine = FIELD.repeat(2, 0).repeat(2, 1)
    found = finish(score_slide(ArraySlide([fine], mpp=0.125), ALL))
    same = finish(score_slide(ArraySlide([FIELD], mpp=0.25), ALL))
    assert found.stride_um == same.stride_um == 32
    assert found.first_centre_um == same.first_centre_um
    assert found.scores == pytest.approx(same.scores, abs=1e-4)


def test_the_chosen_plane_of_a_stack_is_scored_and_named() -> None:
    stack = np.stack([np.full_like(FIELD, 120), FIELD])
    slide = ArraySlide([stack], mpp=0.25, z_um=(0.0, 2.0))
    flat, upper = (finish(score_slide(slide, with_settings(plane=plane))) for plane in (0, 1))
    same = finish(score_slide(ArraySlide([FIELD], mpp=0.25), ALL))
    assert (upper.source.plane, flat.source.plane) == (1, 0)
    assert np.array_equal(upper.scores, same.scores)
    assert not np.array_equal(flat.scores, same.scores)
    with pytest.raises(RegionError, match="plane"):
        finish(score_slide(slide, with_settings(plane=2)))


def test_a_20x_slide_takes_the_20x_weights() -> None:
    found = finish(score_slide(ArraySlide([FIELD], mpp=0.499), ALL))
    assert found.source.weights["mpp"] == 0.5
    assert found.stride_um == pytest.approx(128 * 0.499)


def test_the_map_says_where_it_comes_from(whole: FocusMap) -> None:
    source = whole.source
    assert (source.slide, source.mpp, source.mpp_source) == ("field", 0.25, "given")
    assert source.model == "focuslitenn-1"
    assert source.weights["sha256"]
    assert source.threshold == source.weights["threshold"]


@pytest.mark.parametrize(
    ("slide", "changes", "error", "sentence"),
    [
        (ArraySlide([FIELD]), {}, MissingMppError, "does not say how many micrometres"),
        (ArraySlide([FIELD], mpp=2.0), {}, TooCoarseError, "2"),
        (ArraySlide([FIELD], mpp=0.25), {"model": "magic"}, UnknownModelError, "magic"),
        (
            ArraySlide([FIELD], mpp=0.25),
            {"region": Region(5000, 0, 10, 10)},
            RegionError,
            "lies outside",
        ),
        (
            ArraySlide([FIELD], mpp=0.25),
            {"weights": Path("no-such.safetensors")},
            WeightsError,
            "no-such",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused_with_a_sentence(
    slide: ArraySlide, changes: dict[str, Any], error: type[FocusQCError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as refusal:
        finish(score_slide(slide, with_settings(**changes)))
    assert "\n" not in str(refusal.value)


def test_settings_out_of_range_name_the_field_and_the_range() -> None:
    with pytest.raises(SettingsError, match=r"mpp is 0.0; it must lie between 0.01 and 100"):
        ScoreSettings(mpp=0.0)
    with pytest.raises(SettingsError, match=r"tissue is 'all'; choose one of otsu, luma, none"):
        ScoreSettings(tissue="all")  # type: ignore[arg-type]


def test_an_image_smaller_than_a_tile_is_refused() -> None:
    with pytest.raises(RegionError, match="at least 235"):
        score_image(FIELD[:200], mpp=0.25, tissue="none")


def test_closing_a_run_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_PX", 128)
    work = score_slide(ArraySlide([FIELD], mpp=0.25), ALL)
    while not isinstance(next(work).update, BlockUpdate):
        pass
    work.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("focusqc")]
