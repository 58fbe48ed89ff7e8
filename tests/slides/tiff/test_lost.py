"""Files that change, vanish or lie in odd places while they are read."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest
import tifffile
from PIL import Image

from napari_focusqc.errors import NotASlideError, SlideNotFoundError, UnreadableRegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.tiff import byte_source
from napari_focusqc.slides.tiff.slide import TiffSlide

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows keeps an open file from being cut or deleted"
)

LAYOUTS = [
    {"compression": "jpeg"},
    {"compression": "lzw"},
    {"compression": "zstd"},
    {"compression": None},
    {"compression": None, "tile": None},
    {"compression": "deflate", "tile": None},
]


@pytest.mark.parametrize("options", LAYOUTS)
def test_a_file_cut_off_while_open_keeps_what_is_left(tmp_path, write_tiff, tissue_image, options):
    image = tissue_image(1024, 700)
    path = write_tiff(tmp_path / "a.tif", image, **options)
    slide = open_slide(path)
    whole = slide.read(Region(0, 0, 1024, 700))
    slide = open_slide(path)
    offsets = slide._layout.levels[0].planes[0].offsets
    os.truncate(path, int(offsets[len(offsets) // 2]) + 5)
    assert np.array_equal(slide.read(Region(0, 0, 200, 700)), whole[:200])
    with pytest.raises(UnreadableRegionError, match=r"a\.tif cannot be decoded .*ends"):
        slide.read(Region(900, 0, 124, 700))


def test_a_file_that_vanishes_while_open_is_read_to_its_end(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(600, 600), compression="lzw")
    slide = open_slide(path)
    path.unlink()
    assert np.array_equal(slide.read(Region(0, 0, 600, 600)), tissue_image(600, 600))
    with pytest.raises(SlideNotFoundError):
        open_slide(path)


def test_a_lost_disk_makes_a_region_unreadable_and_no_more(
    tmp_path, write_tiff, tissue_image, monkeypatch
):
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(600, 600), compression="lzw"))

    def lost(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(byte_source.os, "pread", lost)
        with pytest.raises(UnreadableRegionError, match="Input/output error"):
            slide.read(Region(0, 0, 600, 600))
    assert np.array_equal(slide.read(Region(0, 0, 600, 600)), tissue_image(600, 600))


def test_a_system_that_gives_few_bytes_at_a_time_is_asked_again(
    tmp_path, write_tiff, tissue_image, monkeypatch
):
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(300, 300), compression="lzw"))
    pread = os.pread
    monkeypatch.setattr(
        byte_source.os, "pread", lambda file, count, at: pread(file, min(count, 4000), at)
    )
    assert np.array_equal(slide.read(Region(0, 0, 300, 300)), tissue_image(300, 300))


@pytest.mark.parametrize(
    "name", ["Präparat №5 – Kopie.tif", "two  spaces .tif", "切片.svs", "a#%20?.tif"]
)
def test_any_name_opens(tmp_path, write_tiff, tissue_image, name):
    folder = tmp_path / "Ordner mit Ümläuten"
    folder.mkdir()
    slide = open_slide(write_tiff(folder / name, tissue_image(100, 100), compression="lzw"))
    assert slide.name == name
    assert np.array_equal(slide.read(Region(0, 0, 100, 100)), tissue_image(100, 100))


def test_links_open_and_a_link_to_nothing_is_refused(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(100, 100), compression="lzw")
    (tmp_path / "link.tif").symlink_to("a.tif")
    (tmp_path / "links").symlink_to(tmp_path)
    for link in [tmp_path / "link.tif", tmp_path / "links/link.tif"]:
        slide = open_slide(link)
        assert isinstance(slide, TiffSlide)
        assert np.array_equal(slide.read(Region(0, 0, 100, 100)), tissue_image(100, 100))
    path.unlink()
    with pytest.raises(SlideNotFoundError):
        open_slide(tmp_path / "link.tif")


def test_read_only_files_in_a_read_only_folder_open(tmp_path, write_tiff, tissue_image):
    folder = tmp_path / "disc"
    folder.mkdir()
    path = write_tiff(folder / "a.tif", tissue_image(100, 100), compression="lzw")
    path.chmod(0o444)
    folder.chmod(0o555)
    try:
        slide = open_slide(path)
        assert np.array_equal(slide.read(Region(0, 0, 100, 100)), tissue_image(100, 100))
        assert list(folder.iterdir()) == [path]
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("suffix", [".svs", ".ndpi", ".png", ""])
def test_a_tiff_is_known_by_its_bytes_not_by_its_name(tmp_path, write_tiff, tissue_image, suffix):
    path = write_tiff(tmp_path / f"a{suffix}", tissue_image(100, 100), compression="lzw")
    assert isinstance(open_slide(path), TiffSlide)


def test_a_picture_named_tif_is_never_read_as_a_tiff(tmp_path, tissue_image):
    path, refused = tmp_path / "a.tif", False
    Image.fromarray(tissue_image(100, 100)).save(path, format="png")
    try:
        slide = open_slide(path)
    except NotASlideError:
        refused = True
    assert refused or not isinstance(slide, TiffSlide)


def test_a_hundred_slides_leave_no_open_files_and_no_memory(tmp_path, write_tiff, tissue_image):
    process = psutil.Process()
    first = write_tiff(tmp_path / "0.tif", tissue_image(1024, 1024), levels=2)
    paths = [shutil.copy(first, tmp_path / f"{number}.tif") for number in range(1, 101)]

    def visit(path):
        slide = open_slide(path)
        slide.read(Region(100, 100, 700, 700))
        slide.pyramid()[1][:256, :256].compute()
        slide.close()

    for path in paths[:10]:
        visit(path)
    files, memory = process.num_fds(), process.memory_info().rss
    for path in paths:
        visit(path)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, paths))
    assert process.num_fds() == files
    assert process.memory_info().rss - memory < 100 * 2**20


def test_slides_that_are_refused_leave_no_open_files(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint16))
    process = psutil.Process()
    files = process.num_fds()
    for _ in range(20):
        with pytest.raises(NotASlideError):
            open_slide(path)
    assert process.num_fds() == files
