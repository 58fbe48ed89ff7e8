"""What goes wrong around a file that OpenSlide reads: links, names, rights, loss, handles."""

import os
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest

from napari_focusqc.errors import NotASlideError, SlideNotFoundError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.openslide.slide import OpenSlideSlide

KINDS = ("scn", "philips", "bif", "trestle", "mrxs", "vms", "vmu", "ndpi")
SHAPE = (128, 192)
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def pixels(slide):
    return slide.read(Region(0, 0, *SHAPE))


def files_of(path: Path) -> list[Path]:
    """Return every file of a slide that lies alone in its folder."""
    return [file for file in path.parent.rglob("*") if file.is_file()]


@pytest.fixture
def write(write_vendor, tissue_image, tmp_path):
    """Return `write(kind, name="a")`: a slide alone in the folder `tmp_path/store`."""

    def write(kind: str, name: str = "a") -> Path:
        folder = tmp_path / "store"
        folder.mkdir(exist_ok=True)
        return write_vendor(kind, folder, tissue_image(*SHAPE), name=name)

    return write


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["two words", "Ä ö ß 漢字 слайд", "a.b.c", "100%#&'"])
def test_any_name_opens(write, kind, name):
    path = write(kind, name)
    slide = open_slide(path)
    assert slide.name == path.name
    assert pixels(slide).std() > 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_to_the_file_reads_as_the_file(write, tmp_path, kind):
    path = write(kind)
    link = tmp_path / f"link{path.suffix}"
    link.symlink_to(path)
    slide = open_slide(link)
    assert (slide.name, slide.info.path) == (link.name, link)
    assert slide.level_shapes == open_slide(path).level_shapes
    assert np.array_equal(pixels(slide), pixels(open_slide(path)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_to_the_folder_reads_as_the_folder(write, tmp_path, kind):
    path = write(kind)
    (tmp_path / "linked").symlink_to(path.parent, target_is_directory=True)
    slide = open_slide(tmp_path / "linked" / path.name)
    assert np.array_equal(pixels(slide), pixels(open_slide(path)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_to_nothing_is_refused(write, tmp_path, kind):
    link = tmp_path / f"link.{kind}"
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(SlideNotFoundError, match="there is no file .*; see whether the path is"):
        open_slide(link)


def test_levels_of_a_dicom_slide_are_found_through_a_link(test_data, tmp_path):
    """Both files are of one series; beside the link there is only the link."""
    store = tmp_path / "store"
    store.mkdir()
    for name in ("boxes_0.dcm", "boxes_1.dcm"):
        shutil.copy(test_data / "wsi/openslide-fixtures" / name, store)
    link = tmp_path / "a.dcm"
    link.symlink_to(store / "boxes_0.dcm")
    assert open_slide(link).info.associated == open_slide(store / "boxes_0.dcm").info.associated


@pytest.mark.parametrize("kind", KINDS)
def test_read_only_files_in_a_read_only_folder_open(write, kind):
    path = write(kind)
    places = [*path.parent.rglob("*"), path.parent]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        before = {place: place.stat().st_mtime_ns for place in places}
        slide = open_slide(path)
        assert pixels(slide).std() > 5
        slide.close()
        assert {place: place.stat().st_mtime_ns for place in places} == before
        assert set(path.parent.rglob("*")) == set(places[:-1])
    finally:
        for place in places:
            place.chmod(0o755)


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(write):
    path = write("scn")
    path.chmod(0o000)
    with pytest.raises(NotASlideError, match="cannot be read .*; see whether you may read it"):
        open_slide(path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_vanishes_is_said(write, kind):
    path = write(kind)
    slide = open_slide(path)
    for file in files_of(path):
        file.unlink()
    for _ in range(2):
        with pytest.raises(UnreadableRegionError) as refusal:
            pixels(slide)
        assert str(refusal.value).startswith(f"{path.name} can no longer be opened (")
        assert str(refusal.value).endswith("); see whether the file is there")


@pytest.mark.parametrize("name", ["dicom/sm_image.dcm", "ndpi-fluorescence/dapi.ndpi"])
def test_a_real_file_that_vanishes_is_said(test_data, tmp_path, name):
    path = tmp_path / Path(name).name
    shutil.copyfile(test_data / "wsi" / name, path)
    slide = open_slide(path)
    path.unlink()
    with pytest.raises(UnreadableRegionError, match="can no longer be opened"):
        slide.read(Region(0, 0, 50, 50))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_comes_back_is_read_again(write, tmp_path, kind):
    path = write(kind)
    expected = pixels(open_slide(path))
    slide = open_slide(path)
    path.parent.rename(tmp_path / "away")
    with pytest.raises(UnreadableRegionError):
        pixels(slide)
    (tmp_path / "away").rename(path.parent)
    assert np.array_equal(pixels(slide), expected)


@pytest.mark.parametrize("kind", ["scn", "philips", "bif", "trestle", "mrxs"])
def test_a_file_cut_short_while_it_is_open_is_said(write, kind):
    path = write(kind)
    slide = open_slide(path)
    for file in files_of(path):
        os.truncate(file, min(file.stat().st_size, 40))
    with pytest.raises(UnreadableRegionError, match=r"; (see whether|it counts as unreadable)"):
        pixels(slide)


def test_one_bad_tile_of_an_mrxs_spoils_only_itself(write):
    path = write("mrxs")
    good = pixels(open_slide(path))
    slide = open_slide(path)
    with (path.parent / "a/Data0000.dat").open("r+b") as file:
        file.seek(8)  # within the first tile of level 0
        file.write(bytes(100))
    for _ in range(3):
        with pytest.raises(UnreadableRegionError, match="cannot be decoded .* as unreadable"):
            slide.read(Region(0, 0, 64, 64))
        assert np.array_equal(slide.read(Region(64, 0, 64, 192)), good[64:])
        assert np.array_equal(slide.read(Region(0, 64, 64, 128)), good[:64, 64:])


def test_a_colour_profile_that_is_damaged_leaves_the_slide_readable(test_data, tmp_path):
    data = (test_data / "wsi/openslide-fixtures/boxes_0.dcm").read_bytes()
    assert data.count(b"acsp") == 1
    path = tmp_path / "a.dcm"
    path.write_bytes(data.replace(b"acsp", b"xxxx"))
    slide = open_slide(path)
    assert slide.icc_profile is None
    assert len(slide.info.notes) == 1
    assert slide.info.notes[0].startswith("its colour profile is damaged (")
    assert slide.read(Region(0, 0, 16, 16)).shape == (16, 16, 3)


@pytest.mark.parametrize("kind", ["scn", "philips", "bif", "trestle", "ndpi"])
@pytest.mark.parametrize("suffix", [".svs", ".tif", ".ndpi", ".scn", ".dcm", ".vms", ".mrxs", ""])
def test_a_tiff_of_a_maker_is_known_whatever_its_ending(write, kind, suffix):
    path = write(kind)
    expected, words = pixels(open_slide(path)), open_slide(path).info.format
    slide = open_slide(path.rename(path.with_name(f"b{suffix}")))
    assert slide.info.format == words
    assert np.array_equal(pixels(slide), expected)


@pytest.mark.parametrize("suffix", [".ndpi", ".tif", ".scn", ""])
def test_a_real_svs_is_known_whatever_its_ending(test_data, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.symlink_to(test_data / "wsi/openslide-cmu/CMU-1-Small-Region.svs")
    info = open_slide(path).info
    assert (info.format, info.reader) == ("Aperio SVS", "tifffile")


@pytest.mark.parametrize("suffix", [".svs", ".tif", ""])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ndpi-fluorescence/dapi.ndpi", "Hamamatsu NDPI"),
        ("dicom/sm_image.dcm", "DICOM WSI"),
    ],
)
def test_other_real_slides_are_known_whatever_their_ending(
    test_data, tmp_path, name, words, suffix
):
    path = tmp_path / f"a{suffix}"
    shutil.copyfile(test_data / "wsi" / name, path)
    assert open_slide(path).info.format == words


@pytest.mark.parametrize("suffix", [".svs", ".ndpi", ".scn", ".bif", ".vms", ".dcm", ".czi", ""])
def test_a_text_of_any_ending_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_text("[Section]\nthis is no slide\n")
    with pytest.raises(NotASlideError, match=rf"^a{suffix} is no slide .*; give an SVS, TIFF"):
        open_slide(path)


def test_a_missing_picture_of_a_vms_is_named(write):
    path = write("vms")
    path.with_name("a_1.jpg").unlink()
    with pytest.raises(NotASlideError, match=r"a\.vms cannot be opened: .*a_1\.jpg.*; convert it"):
        open_slide(path)


def open_read_close(path: Path, times: int) -> None:
    for _ in range(times):
        slide = open_slide(path)
        pixels(slide)
        slide.close()


def handles(process: psutil.Process) -> int:
    return process.num_fds() if hasattr(process, "num_fds") else process.num_handles()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_slides_leave_no_file_open_and_no_memory_behind(write, kind):
    """OpenSlide's cache alone may hold 32 MB for each slide that is open."""
    path, process = write(kind), psutil.Process()
    open_read_close(path, 10)  # what libraries keep for good is there by now
    opened, memory = handles(process), process.memory_info().rss
    open_read_close(path, 100)
    assert handles(process) <= opened
    assert process.memory_info().rss - memory < 32e6
    open_files = {Path(file.path) for file in process.open_files()}
    assert not open_files & set(files_of(path))


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_let_go_when_the_slide_is_closed(write, kind):
    path = write(kind)
    slide = open_slide(path)
    pixels(slide)
    slide.close()
    slide.close()
    open_files = {Path(file.path) for file in psutil.Process().open_files()}
    assert not open_files & set(files_of(path))


def test_failed_reads_leave_no_file_open(tmp_path, write_tiff, tissue_image, spoil_tile):
    path = spoil_tile(write_tiff(tmp_path / "a.tif", tissue_image(*SHAPE)), 0)
    process = psutil.Process()
    slide = OpenSlideSlide(path)
    for _ in range(50):
        with pytest.raises(UnreadableRegionError):
            pixels(slide)
    assert len([file for file in process.open_files() if Path(file.path) == path]) <= 1
    slide.close()
    assert not [file for file in process.open_files() if Path(file.path) == path]
