import numpy as np
import pytest
from openslide import OpenSlide

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.geometry import Region
from napari_focusqc.optics.kernels import blur, bokeh_kernel
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.sample import slide as sample_module
from napari_focusqc.slides.sample.layout import (
    CELL_PX,
    GLASS_GREY,
    SampleLayout,
    lay_out,
    tissue_field,
)
from napari_focusqc.slides.sample.slide import (
    MPP,
    build_sample_slide,
    sample_slide,
    true_defocus,
)

SMALL = SampleLayout(
    side_px=2048, glass_px=128, lane_radii_px=(0.0, 4.0, 12.0), corner_px=640, seed=1
)


def finish(work):
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as end:
            return steps, end.value


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return finish(build_sample_slide(tmp_path_factory.mktemp("sample") / "s.tif", SMALL))


def test_the_layout_holds_lanes_a_corner_and_glass():
    radius = lay_out(SampleLayout())
    assert radius.shape == (128, 128)
    assert np.isnan(radius[:8]).all()
    assert np.isnan(radius[:, 120:]).all()
    assert np.isfinite(radius[8:, :120]).all()
    lanes = radius[8, :120].reshape(8, 15)
    assert (lanes == lanes[:, :1]).all()
    assert lanes[:, 0].tolist() == list(SampleLayout().lane_radii_px)
    assert len(set(SampleLayout().lane_radii_px)) >= 6
    corner = radius[:, 0][~np.isnan(radius[:, 0])]
    assert (np.diff(corner) >= 0).all()
    assert (corner[0], corner[-1]) == (0.0, 22.0)


def test_it_is_a_real_pyramidal_slide_of_a_quarter_micrometre(small):
    _, sample = small
    slide = open_slide(sample.slide)
    assert slide.level_shapes == tuple((2048 >> n, 2048 >> n) for n in range(4))
    assert (slide.mpp, slide.mpp_source, slide.info.compression) == (MPP, "file", "JPEG")
    with OpenSlide(sample.slide) as handle:
        assert handle.level_count == 4
        assert float(handle.properties["openslide.mpp-x"]) == pytest.approx(0.25)
        pixels = np.asarray(handle.read_region((500, 700), 0, (600, 300)))[..., :3]
    assert np.array_equal(slide.read(Region(700, 500, 300, 600)), pixels)


def test_each_level_is_the_area_mean_of_the_finer(small):
    slide = open_slide(small[1].slide)
    luma = np.array([0.299, 0.587, 0.114])  # JPEG keeps it at full resolution
    fine = slide.read(Region(0, 0, 2048, 2048)) @ luma
    for level in (1, 2, 3):
        side, step = 2048 >> level, 2**level
        mean = fine.reshape(side, step, side, step).mean((1, 3))
        stored = slide.read(Region(0, 0, side, side), level) @ luma
        error = np.abs(stored - mean).mean()
        shifted = np.abs(stored - np.roll(mean, 1, 1)).mean()
        assert error < 3.0
        assert error < shifted / 2
        assert abs((stored - mean).mean()) < 0.15


def test_the_truth_is_what_was_laid_out(small):
    radius_um, cell_px = true_defocus(small[1].defocus)
    assert radius_um.dtype == np.float32
    assert cell_px == CELL_PX
    assert np.array_equal(radius_um, (lay_out(SMALL) * MPP).astype(np.float32), equal_nan=True)


@pytest.mark.parametrize(("lane", "radius"), [(0, 0.0), (1, 4.0), (2, 12.0)])
def test_each_lane_is_blurred_by_just_its_disk(small, lane, radius):
    """Measured against a blur of the mirrored, endless tissue made here on its own."""
    slide, field = open_slide(small[1].slide), tissue_field()
    endless = np.concatenate([field, field[::-1]])
    endless = np.concatenate([endless, endless[:, ::-1]], axis=1)
    y, x = 400, lane * 640 + 200
    pixels = slide.read(Region(y, x, 256, 256)).astype(float)
    errors = {}
    for tried in (0.0, 2.0, 4.0, 8.0, 12.0, 16.0):
        margin = 40
        around = np.roll(endless, (margin - y, margin - x), (0, 1))[: 256 + 80, : 256 + 80]
        made = blur(around, bokeh_kernel(tried))[margin:-margin, margin:-margin]
        errors[tried] = np.abs(pixels - made).mean()
    assert min(errors, key=errors.get) == radius
    assert errors[radius] < 4.0


def test_glass_is_bright_and_has_nothing_but_noise_in_it(small):
    slide = open_slide(small[1].slide)
    glass = slide.read(Region(0, 0, 128, 2048)).astype(float)
    assert np.allclose(glass.mean((0, 1)), GLASS_GREY, atol=1.0)
    assert 0.3 < glass.std((0, 1)).max() < 3.0


def test_progress_rises_to_its_total(small):
    steps, _ = small
    assert [step.done for step in steps] == list(range(len(steps)))
    assert {step.total for step in steps} == {len(steps)}


def test_it_is_the_same_every_time(small, tmp_path):
    _, again = finish(build_sample_slide(tmp_path / "again.tif", SMALL))
    assert again.slide.read_bytes() == small[1].slide.read_bytes()
    assert again.defocus.read_bytes() == small[1].defocus.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "again-defocus-um.tif",
        "again.tif",
    ]


def test_it_is_built_once(tmp_path, monkeypatch):
    built = []

    def build(path):
        built.append(path)
        return (yield from build_sample_slide(path, SMALL))

    monkeypatch.setattr(sample_module, "build_sample_slide", build)
    first_steps, first = finish(sample_slide(tmp_path / "cache"))
    second_steps, second = finish(sample_slide(tmp_path / "cache"))
    assert first == second
    assert first.slide.parent == tmp_path / "cache"
    assert len(built) == 1
    assert (len(first_steps) > 0, len(second_steps)) == (True, 0)


def test_stopped_halfway_it_leaves_nothing(tmp_path):
    work = build_sample_slide(tmp_path / "s.tif", SMALL)
    next(work)
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    tiny = SampleLayout(side_px=256, glass_px=64, lane_radii_px=(0.0,), corner_px=64)
    with pytest.raises(OutputError, match="cannot be written"):
        finish(build_sample_slide(tmp_path / "file" / "s.tif", tiny))


def test_what_is_no_truth_is_refused(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(64, 64))
    for wrong in (path, tmp_path / "gone.tif"):
        with pytest.raises(MapFileError, match="not the defocus"):
            true_defocus(wrong)


@pytest.mark.slow
def test_the_full_slide_is_8192_px(tmp_path):
    _, sample = finish(build_sample_slide(tmp_path / "s.tif"))
    slide = open_slide(sample.slide)
    assert slide.shape == (8192, 8192)
    assert slide.level_shapes[-1] == (256, 256)
    assert true_defocus(sample.defocus)[0].shape == (128, 128)
