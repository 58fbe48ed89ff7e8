"""Where OpenSlide reads a tiled JPEG TIFF too, every pixel of every level is the same."""

import imagecodecs
import numpy as np
import pytest
import tifffile
from openslide import OpenSlide

from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide

HEIGHT, WIDTH = 1531, 1130


@pytest.fixture(scope="module")
def image(tissue_image):
    """Tissue, with a patch of hard colours where an upsampling of chroma would show."""
    pixels = tissue_image(HEIGHT, WIDTH)
    pixels[300:800, 200:700] = np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)
    return pixels


@pytest.fixture(scope="module", params=["4:2:0", "4:2:2", "4:4:4", "RGB"])
def chroma(request):
    return request.param


def encoded(image, side, chroma):
    """Yield the tiles of an image as JPEG, those at the border padded."""
    kind = "RGB" if chroma == "RGB" else "YCBCR"
    subsampling = "444" if chroma == "RGB" else chroma.replace(":", "")
    for y in range(0, image.shape[0], side):
        for x in range(0, image.shape[1], side):
            part = image[y : y + side, x : x + side]
            space = [(0, side - part.shape[0]), (0, side - part.shape[1]), (0, 0)]
            tile = np.ascontiguousarray(np.pad(part, space, mode="edge"))
            yield imagecodecs.jpeg8_encode(
                tile, 85, colorspace="RGB", outcolorspace=kind, subsampling=subsampling
            )


@pytest.fixture(scope="module", params=[256, 240])
def path(request, tmp_path_factory, image, chroma):
    """A pyramid of three levels of pages, each the half of the one before, odd sizes cut."""
    path, level = tmp_path_factory.mktemp("parity") / "a.tif", image
    side = request.param
    subsampling = {"4:2:0": (2, 2), "4:2:2": (2, 1), "4:4:4": (1, 1), "RGB": None}[chroma]
    with tifffile.TiffWriter(path) as writer:
        for number in range(3):
            writer.write(
                encoded(level, side, chroma),
                shape=level.shape,
                dtype=np.uint8,
                tile=(side, side),
                photometric="rgb" if chroma == "RGB" else "ycbcr",
                subsampling=subsampling,
                compression="jpeg",
                compressionargs={"outcolorspace": "rgb"} if chroma == "RGB" else None,
                subfiletype=int(number > 0),
                metadata=None,
            )
            level = np.ascontiguousarray(level[::2, ::2][: level.shape[0] // 2])
            level = level[:, : image.shape[1] >> (number + 1)]
    return path


def theirs(handle, level, region):
    """Return OpenSlide's pixels laid on white; the region is in pixels of the level."""
    scale = round(handle.level_downsamples[level])
    corner = (region.x * scale, region.y * scale)
    pixels = np.asarray(handle.read_region(corner, level, (region.width, region.height)))
    alpha = pixels[..., 3:].astype(int)
    assert np.isin(alpha, (0, 255)).all()
    return np.where(alpha == 255, pixels[..., :3], 255)


def test_the_file_is_stored_as_meant(path, chroma):
    with tifffile.TiffFile(path) as tiff:
        data = tiff.filehandle
        data.seek(tiff.pages[0].dataoffsets[0])
        tile = data.read(tiff.pages[0].databytecounts[0])
        colour = tiff.pages[0].photometric
    frame = tile.index(b"\xff\xc0")
    factors = {"4:2:0": 0x22, "4:2:2": 0x21, "4:4:4": 0x11, "RGB": 0x11}
    assert tile[frame + 11] == factors[chroma]
    assert colour == (tifffile.PHOTOMETRIC.RGB if chroma == "RGB" else tifffile.PHOTOMETRIC.YCBCR)
    assert (b"JFIF" in tile) == (chroma != "RGB")


def test_every_level_is_the_same(path):
    slide = open_slide(path)
    assert slide.info.reader == "tifffile"
    with OpenSlide(path) as handle:
        assert slide.level_shapes == tuple(size[::-1] for size in handle.level_dimensions)
        assert slide.level_shapes == ((1531, 1130), (765, 565), (382, 282))
        for level, (height, width) in enumerate(slide.level_shapes):
            region = Region(0, 0, height, width)
            assert np.array_equal(slide.read(region, level), theirs(handle, level, region))


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("down", [-40, 100, None])
@pytest.mark.parametrize("across", [-40, 100, None])
def test_regions_across_every_border_are_the_same(path, level, down, across):
    slide = open_slide(path)
    height, width = slide.level_shapes[level]
    top = height - 61 if down is None else down
    left = width - 77 if across is None else across
    region = Region(top, left, 97, 131)
    pixels = slide.read(region, level)
    with OpenSlide(path) as handle:
        if level == 0:  # elsewhere OpenSlide moves the image by a part of a level-0 pixel
            assert np.array_equal(pixels, theirs(handle, level, region))
        full = theirs(handle, level, Region(0, 0, height, width))
    padded = np.full((height + 200, width + 200, 3), 255, np.uint8)
    padded[100:-100, 100:-100] = full
    assert np.array_equal(pixels, padded[top + 100 : top + 197, left + 100 : left + 231])
