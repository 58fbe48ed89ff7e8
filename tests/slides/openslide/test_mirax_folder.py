"""A 3DHISTECH slide whose folder is not whole, or not where OpenSlide looks for it."""

import os
import shutil

import numpy as np
import pytest

from napari_focusqc.errors import NotASlideError, TruncatedSlideError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.openslide.mirax_folder import MOST_SLIDEDAT_BYTES, listed_files


@pytest.fixture
def write(write_vendor, tissue_image, tmp_path):
    """Return `write(name="slide", **options)`: a slide of 128 × 192 px in `tmp_path`."""

    def write(folder=tmp_path, name="slide", **options):
        return write_vendor("mrxs", folder, tissue_image(128, 192), name=name, **options)

    return write


def refused(path, error=TruncatedSlideError):
    with pytest.raises(error) as refusal:
        open_slide(path)
    return str(refusal.value)


def test_every_missing_data_file_is_named(write, tmp_path):
    path = write(spare_files=10)
    for number in (3, 7):
        (tmp_path / f"slide/Data{number:04}.dat").unlink()
    assert refused(path) == (
        "slide.mrxs misses Data0003.dat, Data0007.dat of 12 data files in the folder slide; "
        "copy the whole folder again"
    )


def test_of_many_missing_files_the_rest_is_counted(write, tmp_path):
    path = write(spare_files=30)
    for file in (tmp_path / "slide").glob("Data*.dat"):
        file.unlink()
    sentence = refused(path)
    assert "Data0011.dat and 20 more of 32 data files" in sentence
    assert "Data0012.dat" not in sentence


@pytest.mark.parametrize(
    ("file", "error", "sentence"),
    [
        ("Index.dat", TruncatedSlideError, "slide.mrxs misses Index.dat in the folder slide; "),
        ("Slidedat.ini", NotASlideError, "slide.mrxs misses Slidedat.ini in the folder slide; "),
    ],
)
def test_a_missing_table_is_named(write, tmp_path, file, error, sentence):
    path = write()
    (tmp_path / "slide" / file).unlink()
    assert refused(path, error) == sentence + "copy the whole folder again"


def test_a_missing_folder_is_named(write, tmp_path):
    path = write()
    shutil.rmtree(tmp_path / "slide")
    assert refused(path, NotASlideError) == (
        "slide.mrxs has no folder slide beside it, where its pixels lie; copy the folder too"
    )


def test_a_link_is_followed_to_the_folder(write, tmp_path):
    (tmp_path / "store").mkdir()
    target = write(tmp_path / "store")
    link = tmp_path / "case 7.mrxs"
    link.symlink_to(target)
    linked, slide = open_slide(link), open_slide(target)
    assert (linked.name, linked.info.path) == ("case 7.mrxs", link)
    region = Region(0, 0, 128, 192)
    assert np.array_equal(linked.read(region), slide.read(region))
    assert linked.info.associated == slide.info.associated


def test_a_folder_beside_the_link_goes_first(write, tmp_path):
    """As where every file is a link into a store whose names mean nothing."""
    path = write()
    store = tmp_path / "store"
    store.mkdir()
    for file in (path, *(tmp_path / "slide").iterdir()):
        target = store / f"{len(list(store.iterdir()))}.blob"
        file.rename(target)
        file.symlink_to(target)
    assert open_slide(path).shape == (128, 192)


def test_a_missing_file_behind_a_link_is_named(write, tmp_path):
    (tmp_path / "store").mkdir()
    target = write(tmp_path / "store")
    (tmp_path / "store/slide/Data0001.dat").unlink()
    link = tmp_path / "link.mrxs"
    link.symlink_to(target)
    assert refused(link).startswith(
        "link.mrxs misses Data0001.dat of 2 data files in the folder slide;"
    )


def test_a_byte_order_mark_is_passed_over(write, tmp_path):
    path = write(encoding="utf-8-sig")
    assert open_slide(path).shape == (128, 192)
    (tmp_path / "slide/Data0001.dat").unlink()
    assert "misses Data0001.dat of 2" in refused(path)


def test_latin_letters_of_an_old_windows_are_passed_over(write, tmp_path):
    path = write()
    ini = tmp_path / "slide/Slidedat.ini"
    ini.write_bytes(ini.read_bytes().replace(b"Gewebe", b"Pr\xe4parat"))
    assert open_slide(path).shape == (128, 192)
    (tmp_path / "slide/Data0001.dat").unlink()
    assert "misses Data0001.dat of 2" in refused(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"nonsense", "Slidedat.ini"),
        (b"[GENERAL]\n = False\n", "SLIDE_ID"),
        ("[GENERAL]".encode("utf-16"), "Slidedat.ini"),
        (b"[DATAFILE]\nFILE_COUNT = 1\n", "GENERAL"),
        (b"x" * (MOST_SLIDEDAT_BYTES + 1), "Slidedat.ini"),
    ],
)
def test_a_table_that_is_none_is_refused_in_openslides_words(write, tmp_path, text, words):
    path = write()
    (tmp_path / "slide/Slidedat.ini").write_bytes(text)
    sentence = refused(path, NotASlideError)
    assert sentence.startswith("slide.mrxs cannot be opened: OpenSlide says “")
    assert words in sentence


def test_only_the_files_listed_in_a_row_count(tmp_path):
    ini = tmp_path / "Slidedat.ini"
    ini.write_text("[DATAFILE]\nFILE_COUNT = 9999999\nFILE_0 = a.dat\nFILE_1 = b.dat\nFILE_3 = d\n")
    assert listed_files(ini) == (None, ("a.dat", "b.dat"))


def test_another_spelling_of_the_ending_is_refused_not_taken_for_a_picture(write, tmp_path):
    path = write()
    other = tmp_path / "slide.MRXS"
    path.rename(other)
    assert refused(other, NotASlideError) == (
        "slide.MRXS ends in .MRXS, and OpenSlide knows .mrxs only; rename it"
    )


def test_any_other_file_named_so_has_no_folder_either(tmp_path, write_tiff, tissue_image):
    text = tmp_path / "text.mrxs"
    text.write_text("no slide")
    assert "has no folder text beside it" in refused(text, NotASlideError)
    tiff = write_tiff(tmp_path / "tiff.mrxs", tissue_image(64, 64))
    assert open_slide(tiff).info.reader == "tifffile"


@pytest.mark.skipif(os.name == "nt", reason="Windows refuses such names")
def test_a_name_that_is_no_text_is_shown_all_the_same(write, tmp_path):
    path = write()
    ini = tmp_path / "slide/Slidedat.ini"
    ini.write_bytes(ini.read_bytes().replace(b"Data0001.dat", b"Dat\xe4.dat"))
    assert "misses Dat\\udce4.dat of 2 data files" in refused(path)
