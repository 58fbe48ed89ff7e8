"""OME-Zarr images: pixels, µm and heights as they were written, whoever wrote them."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_image
from zarr.codecs import Crc32cCodec, ZstdCodec

from napari_focusqc.errors import (
    ColourProfileError,
    NotASlideError,
    RegionError,
    SettingsError,
)
from napari_focusqc.geometry import Region
from napari_focusqc.pipeline import score_slide
from napari_focusqc.progress import finish
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.zarr.slide import ZarrSlide

VERSIONS = ["0.4", "0.5"]

WORDS = {
    "0.4": [
        "none",
        "Blosc (lz4)",
        "Blosc (zstd)",
        "Zstandard",
        "gzip",
        "deflate",
        "LZ4",
        "bzip2",
        "LZMA",
    ],
    "0.5": ["none", "Blosc (zstd)", "Blosc (lz4hc)", "Zstandard", "gzip"],
}
STORED = [(version, word, False) for version, words in WORDS.items() for word in words]
STORED += [("0.5", word, True) for word in WORDS["0.5"]]


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


@pytest.fixture
def slide_path(tmp_path, write_ome_zarr, zarr_files):
    array, _ = zarr_files.sample("cyx")
    return write_ome_zarr(tmp_path / "a.ome.zarr", [array, array[:, ::2, ::2]], "cyx")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "axes", ["yx", "cyx", "zyx", "czyx", "tczyx", "tzyx", "tcyx", "yxc", "zyxc", "xy"]
)
def test_every_layout_gives_the_pixels_that_were_written(
    tmp_path, write_ome_zarr, version, axes, zarr_files
):
    array, shown = zarr_files.sample(axes)
    path = write_ome_zarr(tmp_path / "a.ome.zarr", [array], axes, version=version)
    slide = open_slide(path)
    assert isinstance(slide, ZarrSlide)
    assert slide.shape == (150, 201)
    assert len(slide.z_um) == len(shown)
    for z, plane in enumerate(shown):
        assert np.array_equal(whole(slide, z=z), plane)
        assert np.array_equal(slide.read(Region(60, 90, 70, 33), 0, z), plane[60:130, 90:123])


@pytest.mark.parametrize("fmt", [FormatV04(), FormatV05()], ids=VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "czyx", "tczyx"])
def test_what_ome_zarr_py_writes_is_read(tmp_path, fmt, axes, zarr_files):
    array, shown = zarr_files.sample(axes, height=300, width=410)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=fmt.zarr_format)
    scale = {axis: {"z": 1.5, "y": 0.5, "x": 0.5}.get(axis, 1.0) for axis in axes}
    units = {axis: "micrometer" for axis in axes if axis in "zyx"}
    write_image(
        array, group, [2, 4], fmt=fmt, axes=axes, scale=scale, axes_units=units,
        storage_options={"chunks": tuple(min(side, 128) for side in array.shape)},
    )  # fmt: skip
    slide = open_slide(tmp_path / "a.zarr")
    assert slide.info.format == f"OME-Zarr {fmt.version}"
    assert slide.info.reader == "zarr"
    assert slide.level_shapes == ((300, 410), (150, 205), (75, 102))
    assert (slide.mpp, slide.mpp_source, slide.info.stated_mpp) == (0.5, "file", (0.5, 0.5))
    for z, plane in enumerate(shown):
        assert np.array_equal(whole(slide, z=z), plane)
    datasets = group.attrs.get("ome", group.attrs)["multiscales"][0]["datasets"]
    for level, dataset in enumerate(datasets):
        stored = group[dataset["path"]][:][0] if "t" in axes else group[dataset["path"]][:]
        if "z" in axes:
            stored = stored.take(1, axis=axes.replace("t", "").index("z"))
        stored = np.moveaxis(stored, 0, -1) if "c" in axes else stored[..., None]
        assert np.array_equal(whole(slide, level, z="z" in axes), np.broadcast_to(
            stored, (*slide.level_shapes[level], 3)
        ))  # fmt: skip
    if "z" in axes:
        assert slide.z_um == (0.0, 1.5, 3.0, 4.5)
        assert slide.info.z_source == "file"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("separator", [".", "/"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_chunk_names_and_memory_order_do_not_matter(
    tmp_path, write_ome_zarr, version, separator, order, zarr_files
):
    array, shown = zarr_files.sample("czyx")
    options = {"order": order} if version == "0.4" else {}
    encoding = {"name": "v2" if version == "0.4" else "default", "separator": separator}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write_ome_zarr(
            tmp_path / "a", [array], "czyx", version=version, chunk_key_encoding=encoding, **options
        )
    assert np.array_equal(whole(open_slide(path), z=2), shown[2])


@pytest.mark.parametrize(("version", "words", "in_shards"), STORED)
@pytest.mark.parametrize("kind", ["noise", "tissue"])
def test_every_compression_is_read_and_named(
    tmp_path, write_ome_zarr, tissue_image, version, words, in_shards, kind, zarr_files
):
    image = tissue_image(150, 201) if kind == "tissue" else zarr_files.sample("yxc")[0]
    how = zarr_files.compressed(version, words, in_shards)
    array = np.ascontiguousarray(image.transpose(2, 0, 1))
    slide = open_slide(write_ome_zarr(tmp_path / "a", [array], "cyx", version=version, **how))
    assert slide.info.compression == words + ", in shards" * in_shards
    assert np.array_equal(whole(slide), image)
    assert np.array_equal(slide.read(Region(70, 130, 5, 9)), image[70:75, 130:139])


def test_a_checksum_after_the_compression_is_read(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("cyx")
    path = write_ome_zarr(tmp_path / "a", [array], "cyx", compressors=[ZstdCodec(), Crc32cCodec()])
    assert np.array_equal(whole(open_slide(path)), shown[0])
    early = write_ome_zarr(tmp_path / "b", [array], "cyx", compressors=[Crc32cCodec(), ZstdCodec()])
    with pytest.raises(NotASlideError, match=r"bytes \+ crc32c \+ zstd"):
        open_slide(early)


def test_beyond_the_image_is_white(slide_path):
    slide = open_slide(slide_path)
    full = whole(slide)
    out = np.zeros((200, 300, 3), np.uint8)
    assert slide.read(Region(-20, -30, 200, 300), out=out) is out
    assert np.array_equal(out[20:170, 30:231], full)
    out[20:170, 30:231] = 255
    assert (out == 255).all()
    for wrong in (Region(150, 0, 5, 5), Region(0, -9, 5, 9)):
        with pytest.raises(RegionError):
            slide.read(wrong)
    with pytest.raises(RegionError, match="no level 2"):
        slide.read(Region(0, 0, 5, 5), 2)
    with pytest.raises(RegionError, match="no plane 1"):
        slide.read(Region(0, 0, 5, 5), 0, 1)


def test_levels_are_read_and_the_pyramid_shows_them(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("cyx", height=2200, width=1500)
    levels = [array, array[:, ::2, ::2], array[:, ::4, ::4]]
    slide = open_slide(
        write_ome_zarr(tmp_path / "a", levels, "cyx", chunks=(1, 128, 128), shards=(1, 1024, 1024))
    )
    assert slide.level_shapes == ((2200, 1500), (1100, 750), (550, 375))
    pyramid = slide.pyramid()
    assert [level.shape for level in pyramid] == [(*shape, 3) for shape in slide.level_shapes]
    assert pyramid[0].chunks[0][0] % 128 == 0
    assert pyramid[0].chunks[0][0] < 1024
    for level, step in enumerate((1, 2, 4)):
        assert np.array_equal(whole(slide, level), shown[0, ::step, ::step])
        assert np.array_equal(pyramid[level].compute(), shown[0, ::step, ::step])
    with pytest.raises(ColourProfileError):
        slide.pyramid(srgb=True)


def test_a_stack_shows_every_plane(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("zyxc")
    slide = open_slide(write_ome_zarr(tmp_path / "a", [array], "zyxc", z=(-3.0, 1.5)))
    assert slide.z_um == (-3.0, -1.5, 0.0, 1.5)
    assert np.array_equal(slide.pyramid()[0].compute(), shown)


def test_transparent_pixels_are_laid_on_white(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("cyx", channels=4)
    array[3] = np.where(np.arange(201) < 100, 255, 0)
    labels = [{"label": label} for label in ("R", "G", "B", "Alpha")]
    omero = {"channels": labels}
    slide = open_slide(write_ome_zarr(tmp_path / "a", [array], "cyx", omero=omero))
    shown[0, :, 100:] = 255
    assert np.array_equal(whole(slide), shown[0])
    with pytest.raises(NotASlideError, match="4 separate channels"):
        open_slide(write_ome_zarr(tmp_path / "b", [array], "cyx"))


def test_a_chunk_without_a_file_has_the_fill_value(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("cyx")
    path = write_ome_zarr(tmp_path / "a", [array], "cyx", chunks=(3, 64, 64), fill_value=200)
    zarr_files.chunk_files(path)[0].unlink()
    shown[0, :64, :64] = 200
    assert np.array_equal(whole(open_slide(path)), shown[0])


def test_threads_read_what_one_thread_reads(tmp_path, write_ome_zarr, zarr_files):
    array, shown = zarr_files.sample("zyxc", height=400, width=500)
    slide = open_slide(write_ome_zarr(tmp_path / "a", [array], "zyxc", chunks=(1, 64, 64, 3)))

    def same(task):
        z, y, x = task
        found = slide.read(Region(y, x, 90, 110), 0, z)
        return np.array_equal(found, shown[z, y : y + 90, x : x + 110])

    places = [(z, y, x) for z in range(4) for y in range(0, 310, 77) for x in range(0, 390, 97)]
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(same, places))


@pytest.mark.parametrize("version", VERSIONS)
def test_scores_do_not_depend_on_the_reader(
    tmp_path, write_tiff, write_ome_zarr, tissue_image, version
):
    image = tissue_image(900, 1100)
    array = np.ascontiguousarray(image.transpose(2, 0, 1))
    tiff = open_slide(write_tiff(tmp_path / "a.tif", image, compression="lzw", mpp=0.25))
    zarr_slide = open_slide(
        write_ome_zarr(tmp_path / "a", [array], "cyx", version=version, chunks=(3, 200, 256))
    )
    chosen = ScoreSettings(model="focuslitenn-1", device="cpu", tissue="none")
    ours, theirs = (finish(score_slide(slide, chosen)) for slide in (zarr_slide, tiff))
    assert np.isfinite(ours.scores).any()
    np.testing.assert_array_equal(ours.scores, theirs.scores)
    np.testing.assert_array_equal(ours.reasons, theirs.reasons)


def test_micrometres_and_heights_can_be_given(tmp_path, write_ome_zarr, zarr_files):
    path = write_ome_zarr(tmp_path / "a", [zarr_files.sample("zyx")[0]], "zyx", mpp=None)
    slide = open_slide(path)
    assert (slide.mpp, slide.mpp_source, slide.info.stated_mpp) == (None, None, None)
    assert slide.z_um == (0.0, 1.0, 2.0, 3.0)
    assert slide.info.z_source is None
    unit, heights = slide.info.notes
    assert unit == (
        "its axes y and x have no unit, so their scale 1 × 1 is not read as µm per pixel; "
        "give the µm per pixel"
    )
    assert "counted 0, 1, 2" in heights
    slide = open_slide(path, mpp=0.5, z_step_um=2.0)
    assert (slide.mpp, slide.mpp_source, slide.z_um) == (0.5, "given", (0.0, 2.0, 4.0, 6.0))
    assert (slide.info.z_source, slide.info.notes) == ("given", ())
    with pytest.raises(SettingsError):
        open_slide(path, mpp=0.0)
    flat = write_ome_zarr(tmp_path / "b", [zarr_files.sample("yx")[0]], "yx")
    with pytest.raises(SettingsError, match="one plane"):
        open_slide(flat, z_step_um=1.0)


def test_later_time_points_are_noted(tmp_path, write_ome_zarr, zarr_files):
    slide = open_slide(write_ome_zarr(tmp_path / "a", [zarr_files.sample("tyx")[0]], "tyx"))
    assert slide.info.notes == ("it has 2 time points; the first is read",)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_metadata_file_stands_for_its_folder(tmp_path, write_ome_zarr, version, zarr_files):
    path = tmp_path / "Schnitt 1 α.ome.zarr"
    write_ome_zarr(path, [zarr_files.sample("yx")[0]], "yx", version=version)
    for name in ["zarr.json"] if version == "0.5" else [".zattrs", ".zgroup"]:
        slide = open_slide(path / name)
        assert (slide.name, slide.info.path) == ("Schnitt 1 α.ome.zarr", path)
    assert open_slide(f"{path}/").name == "Schnitt 1 α.ome.zarr"


def test_a_linked_folder_is_read(slide_path, tmp_path):
    (tmp_path / "link").symlink_to(slide_path)
    linked = open_slide(tmp_path / "link")
    assert linked.name == "link"
    assert np.array_equal(whole(linked), whole(open_slide(slide_path)))
