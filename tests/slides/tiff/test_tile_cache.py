from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

import numpy as np
import pytest

from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.tiff.tile_cache import BLOCK_BYTES, LEAST_BYTES, TileCache

MOST_BLOCKS = LEAST_BYTES // BLOCK_BYTES


def tile(value, size=100):
    return np.full(size, value, np.uint8)


@pytest.fixture
def counted(tmp_path, write_tiff, tissue_image, monkeypatch):
    """A slide of 4 × 4 tiles of 256 px, its pixels, and the list of offsets read."""
    image = tissue_image(1024, 1024)
    slide = open_slide(write_tiff(tmp_path / "a.tif", image, compression="lzw"))
    offsets, source = [], slide._pixels._source
    read = source.read
    monkeypatch.setattr(
        source, "read", lambda offset, count: offsets.append(offset) or read(offset, count)
    )
    return slide, image, offsets


def test_what_is_kept_is_a_copy():
    cache, pixels = TileCache(), tile(1)
    cache.keep("a", pixels)
    pixels[...] = 2
    assert (cache.get("a") == 1).all()
    assert cache.get("b") is None


def test_no_more_is_kept_than_it_may_hold_and_the_oldest_go_first():
    cache, size = TileCache(), BLOCK_BYTES // 10
    for number in range(10 * MOST_BLOCKS):
        cache.keep(number, tile(number, size))
    assert all((cache.get(number) == number).all() for number in range(10 * MOST_BLOCKS))
    cache.keep("new", tile(99, size))
    gone = [number for number in range(10 * MOST_BLOCKS) if cache.get(number) is None]
    assert gone == list(range(10))
    assert (cache.get("new") == 99).all()


def test_a_tile_that_is_let_go_stays_whole_for_those_who_read_it():
    cache = TileCache()
    cache.keep("a", tile(7))
    pixels = cache.get("a")
    for number in range(2 * MOST_BLOCKS):
        cache.keep(number, tile(1, BLOCK_BYTES))
    assert cache.get("a") is None
    assert (pixels == 7).all()


def test_a_very_large_tile_is_not_kept():
    cache = TileCache()
    cache.keep("a", tile(1, BLOCK_BYTES + 1))
    assert cache.get("a") is None


def test_threads_may_keep_and_get_at_once():
    cache = TileCache()

    def work(number):
        key = number % 97
        cache.keep(key, tile(key, BLOCK_BYTES // 5))
        found = cache.get(key)
        return found is None or (found == key).all()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(500)))
    assert len(cache._tiles) <= 5 * MOST_BLOCKS


@pytest.mark.parametrize(("asked", "kept"), [(0, 8), (40 << 20, 10), (1 << 40, 64)])
def test_it_keeps_what_is_asked_within_bounds(asked, kept):
    cache = TileCache(asked)
    for number in range(100):
        cache.keep(number, tile(1, BLOCK_BYTES))
    assert len(cache._tiles) == kept


def test_of_threads_that_want_one_tile_one_decodes_it():
    cache, decoded, gate = TileCache(), [], Barrier(6)

    def decode():
        decoded.append(1)
        sleep(0.05)
        return tile(5)

    def work(_):
        gate.wait()
        return cache.once("a", decode)

    with ThreadPoolExecutor(6) as pool:
        assert all((found == 5).all() for found in pool.map(work, range(6)))
    assert decoded == [1]
    assert not cache._turns


def test_a_tile_that_cannot_be_decoded_is_tried_again_and_one_left_out_stays_none():
    cache = TileCache()

    def fail():
        raise ValueError("damaged")

    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            cache.once("a", fail)
    assert cache.once("b", lambda: None) is None
    assert not cache._turns


def test_regions_on_a_grid_decode_every_tile_once(counted):
    slide, image, offsets = counted
    for y in range(0, 1024, 300):
        for x in range(0, 1024, 300):
            height, width = min(300, 1024 - y), min(300, 1024 - x)
            pixels = slide.read(Region(y, x, height, width))
            assert np.array_equal(pixels, image[y : y + height, x : x + width])
    assert len(offsets) == len(set(offsets)) == 16


def test_whole_tiles_are_not_kept(counted):
    slide, _, offsets = counted
    for _ in range(2):
        slide.read(Region(256, 256, 512, 512))
    assert len(offsets) == 8
    assert not slide._pixels._cache._tiles
