from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openslide import OpenSlide

from napari_focusqc.errors import ClosedSlideError, NotASlideError, RegionError
from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.openslide.slide import OpenSlideSlide
from napari_focusqc.slides.tiff.slide import TiffSlide

COMPRESSIONS = ["jpeg", None, "lzw", "deflate", "packbits", "zstd", "lzma", "jpeg2000", "webp"]


def whole(slide, level=0, z=0):
    height, width = slide.level_shapes[level]
    return slide.read(Region(0, 0, height, width), level, z)


@pytest.fixture(scope="module")
def jpeg_slide(tmp_path_factory, write_tiff, tissue_image):
    path = tmp_path_factory.mktemp("slide") / "jpeg.tif"
    return open_slide(write_tiff(path, tissue_image(700, 930), levels=3, tile=256))


@pytest.mark.parametrize("subifds", [False, True])
@pytest.mark.parametrize("tile", [256, 80, None])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_every_level_equals_tifffiles_own_reading(
    tmp_path, write_tiff, tissue_image, compression, tile, subifds
):
    path = write_tiff(
        tmp_path / "a.tif",
        tissue_image(333, 417),
        tile=tile,
        compression=compression,
        levels=3,
        subifds=subifds,
    )
    slide = open_slide(path)
    assert isinstance(slide, TiffSlide)
    assert slide.level_shapes == ((333, 417), (166, 208), (83, 104))
    with tifffile.TiffFile(path) as tiff:
        for number, level in enumerate(tiff.series[0].levels):
            assert np.array_equal(whole(slide, number), level.asarray())


@pytest.mark.parametrize("compression", ["jpeg", None, "lzw", "deflate"])
def test_every_level_equals_openslides_bit_for_bit(tmp_path, write_tiff, tissue_image, compression):
    path = write_tiff(tmp_path / "a.tif", tissue_image(700, 930), compression=compression, levels=3)
    ours, theirs = open_slide(path), OpenSlideSlide(path)
    assert ours.level_shapes == theirs.level_shapes
    assert ours.mpp == pytest.approx(theirs.mpp) == 0.25
    for level in range(3):
        assert np.array_equal(whole(ours, level), whole(theirs, level))


@pytest.mark.parametrize("name", ["openslide-cmu/CMU-1-Small-Region.svs", "tcga"])
def test_real_aperio_slides_equal_openslides_bit_for_bit(test_data, name):
    path = test_data / "wsi" / name
    path = next(path.glob("*.svs")) if path.is_dir() else path
    ours, theirs = open_slide(path), OpenSlideSlide(path)
    assert isinstance(ours, TiffSlide)
    assert ours.level_shapes == theirs.level_shapes
    with OpenSlide(path) as handle:
        for level, size in enumerate(handle.level_dimensions):
            pixels = np.asarray(handle.read_region((0, 0), level, size))
            assert (pixels[..., 3] == 255).all()
            assert np.array_equal(whole(ours, level), pixels[..., :3])
    for region in [Region(239, 239, 2, 2), Region(1, 700, 801, 333), Region(1500, 1199, 500, 482)]:
        assert np.array_equal(ours.read(region), theirs.read(region))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_region_does_not_depend_on_how_it_is_cut(jpeg_slide, data):
    level = data.draw(st.integers(0, 2))
    height, width = jpeg_slide.level_shapes[level]
    y, x = data.draw(st.integers(-20, height - 1)), data.draw(st.integers(-20, width - 1))
    region = Region(y, x, data.draw(st.integers(21, 500)), data.draw(st.integers(21, 500)))
    padded = np.full((height + 1100, width + 1100, 3), 255, np.uint8)
    padded[50 : 50 + height, 50 : 50 + width] = whole(jpeg_slide, level)
    top, left = y + 50, x + 50
    expected = padded[top : top + region.height, left : left + region.width]
    assert np.array_equal(jpeg_slide.read(region, level), expected)


def test_threads_read_what_one_thread_reads(jpeg_slide):
    full = whole(jpeg_slide)
    corners = [(y, x) for y in range(0, 560, 37) for x in range(0, 790, 53)]

    def same(corner):
        y, x = corner
        return np.array_equal(
            jpeg_slide.read(Region(y, x, 140, 140)), full[y : y + 140, x : x + 140]
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(same, corners))


def test_a_tile_the_scanner_left_out_is_white(tmp_path, tissue_image):
    image = tissue_image(512, 512)
    tiles = [image[y : y + 256, x : x + 256] for y in (0, 256) for x in (0, 256)]
    tiles[1] = None
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(
            iter(tiles),
            shape=(512, 512, 3),
            dtype=np.uint8,
            tile=(256, 256),
            photometric="rgb",
            compression="lzw",
        )
    pixels = whole(open_slide(tmp_path / "a.tif"))
    assert (pixels[:256, 256:] == 255).all()
    assert np.array_equal(pixels[256:], image[256:])
    assert np.array_equal(pixels[:256, :256], image[:256, :256])


@pytest.mark.parametrize("compression", ["jpeg", None, "lzw"])
@pytest.mark.parametrize("tile", [(64, 64), None])
def test_grey_is_repeated_to_three_channels(tmp_path, tissue_image, compression, tile):
    grey = tissue_image(150, 170)[..., 1]
    tifffile.imwrite(tmp_path / "a.tif", grey, tile=tile, compression=compression)
    pixels = whole(open_slide(tmp_path / "a.tif"))
    stored = tifffile.imread(tmp_path / "a.tif")
    assert np.array_equal(pixels, np.repeat(stored[..., None], 3, -1))


def test_where_zero_is_white_grey_is_inverted(tmp_path, tissue_image):
    grey = tissue_image(150, 170)[..., 1]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite", tile=(64, 64))
    assert np.array_equal(whole(open_slide(tmp_path / "a.tif"))[..., 2], 255 - grey)


@pytest.mark.parametrize("compression", [None, "lzw", "jpeg"])
@pytest.mark.parametrize("tile", [(64, 64), None])
def test_samples_with_tiles_of_their_own_are_put_together(
    tmp_path, tissue_image, compression, tile
):
    planes = np.ascontiguousarray(np.moveaxis(tissue_image(150, 170), -1, 0))
    tifffile.imwrite(
        tmp_path / "a.tif",
        planes,
        planarconfig="separate",
        photometric="rgb",
        tile=tile,
        compression=compression,
    )
    stored = np.moveaxis(tifffile.imread(tmp_path / "a.tif"), 0, -1)
    assert stored.shape == (150, 170, 3)
    assert np.array_equal(whole(open_slide(tmp_path / "a.tif")), stored)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_transparent_pixels_are_laid_on_white(tmp_path, tissue_image, kind):
    colour = tissue_image(100, 120)
    alpha = np.full((100, 120, 1), 255, np.uint8)
    alpha[:, 60:] = 0
    stored = colour if kind == "unassalpha" else colour * (alpha > 0)
    rgba = np.concatenate([stored, alpha], -1)
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=kind, tile=(64, 64))
    pixels = whole(open_slide(tmp_path / "a.tif"))
    assert np.array_equal(pixels[:, :60], colour[:, :60])
    assert (pixels[:, 60:] == 255).all()


def test_long_plain_strips_are_read_in_bands(tmp_path, tissue_image):
    image = tissue_image(1200, 900)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", rowsperstrip=1200)
    slide = open_slide(tmp_path / "a.tif")
    assert slide._layout.levels[0].tile[0] < 400
    assert np.array_equal(whole(slide), image)
    assert np.array_equal(slide.read(Region(190, 7, 20, 30)), image[190:210, 7:37])


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_both_byte_orders_and_offset_sizes(tmp_path, tissue_image, byteorder, bigtiff):
    image = tissue_image(200, 300)
    tifffile.imwrite(
        tmp_path / "a.tif",
        image,
        photometric="rgb",
        tile=(64, 64),
        compression="deflate",
        predictor=True,
        byteorder=byteorder,
        bigtiff=bigtiff,
    )
    assert np.array_equal(whole(open_slide(tmp_path / "a.tif")), image)


def test_planes_of_an_ome_tiff(tmp_path, tissue_image):
    stack = np.stack([tissue_image(96, 128, seed) for seed in range(4)])
    metadata = {"axes": "ZYXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    metadata |= {"PhysicalSizeZ": 500, "PhysicalSizeZUnit": "nm"}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, photometric="rgb", tile=(64, 64), metadata=metadata)
    slide = open_slide(path)
    assert slide.z_um == (0.0, 0.5, 1.0, 1.5)
    assert (slide.mpp, slide.mpp_source) == (0.25, "file")
    assert slide.info.format == "OME-TIFF"
    for z in range(4):
        assert np.array_equal(whole(slide, z=z), stack[z])
    assert np.array_equal(slide.pyramid()[0].compute(), stack)
    with pytest.raises(RegionError, match="no plane 4"):
        slide.read(Region(0, 0, 1, 1), z=4)


def test_a_time_series_gives_its_first_time(test_data):
    slide = open_slide(test_data / "wsi/z-time-series/4D-series.ome.tiff")
    stored = tifffile.imread(test_data / "wsi/z-time-series/4D-series.ome.tiff")
    assert (slide.shape, slide.z_um, slide.mpp) == ((167, 439), (0.0, 1.0, 2.0, 3.0, 4.0), None)
    assert any(note.startswith("the heights of its 5 planes") for note in slide.info.notes)
    assert any(note.startswith("int8") for note in slide.info.notes)
    for z in range(5):
        expected = (stored[0, z].astype(int) + 128).astype(np.uint8)
        assert np.array_equal(whole(slide, z=z), np.repeat(expected[..., None], 3, -1))


@pytest.mark.parametrize("dtype", ["uint16", "float32", "bool", "int16"])
def test_other_dtypes_are_refused_by_name(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), dtype))
    with pytest.raises(NotASlideError, match="8-bit"):
        open_slide(tmp_path / "a.tif")


def test_channels_and_palettes_are_refused(tmp_path, tissue_image):
    path = tmp_path / "channels.ome.tif"
    tifffile.imwrite(path, np.zeros((4, 64, 64), np.uint8), metadata={"axes": "CYX"})
    with pytest.raises(NotASlideError, match="4 separate channels"):
        open_slide(path)
    path = tmp_path / "palette.tif"
    colours = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), photometric="palette", colormap=colours)
    with pytest.raises(NotASlideError, match="PALETTE"):
        open_slide(path)


def test_a_given_mpp_goes_before_the_files(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(64, 64), mpp=0.5)
    assert (open_slide(path).mpp, open_slide(path).mpp_source) == (pytest.approx(0.5), "file")
    slide = open_slide(path, mpp=0.3)
    assert (slide.mpp, slide.mpp_source) == (0.3, "given")
    path = write_tiff(tmp_path / "b.tif", tissue_image(64, 64), mpp=None)
    assert (open_slide(path).mpp, open_slide(path).mpp_source) == (None, None)


def test_a_closed_slide_says_so(tmp_path, write_tiff, tissue_image):
    slide = open_slide(write_tiff(tmp_path / "a.tif", tissue_image(64, 64)))
    slide.close()
    slide.close()
    with pytest.raises(ClosedSlideError, match=r"a\.tif was closed"):
        slide.read(Region(0, 0, 1, 1))


def test_closing_during_reads_breaks_none_of_them(tmp_path, write_tiff, tissue_image):
    path = write_tiff(tmp_path / "a.tif", tissue_image(1024, 1024))
    full = whole(open_slide(path))
    for _ in range(5):
        slide = open_slide(path)
        with ThreadPoolExecutor(4) as pool:
            reads = [pool.submit(partial(whole, slide)) for _ in range(8)]
            slide.close()
        for read in reads:
            error = read.exception()
            assert (
                isinstance(error, ClosedSlideError)
                if error
                else np.array_equal(read.result(), full)
            )
