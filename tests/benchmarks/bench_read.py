"""How fast regions are read, as a ratio to OpenSlide on the same regions in the same run.

    python tests/benchmarks/bench_read.py                  every slide there is
    python tests/benchmarks/bench_read.py --only written   one of: svs, written, jpeg2000, sparse

Each region of a grid is read once, by `Slide.read` into a buffer that its thread keeps, and by
OpenSlide's `read_region` turned to RGB (which takes no buffer), on a handle opened for that pass,
so that nothing decoded before helps either. The two take turns; the best of three counts.
FOCUSQC_TEST_DATA names the folder of real slides; without it only the written ones are measured.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import local

import numpy as np
import psutil
from openslide import OpenSlide
from slides_to_measure import write_slide

from napari_focusqc import open_slide
from napari_focusqc.geometry import Region

SIDES = (1024, 2048)
THREADS = (1, 2)
REPEATS = 3
LEAST_MPIX = 60
"""A pass over a small slide is repeated, handle and all, until it has read so much."""

OWN = local()
"""The buffer of each thread."""

Read = Callable[[Region], np.ndarray]


def grid(shape: tuple[int, int], side: int) -> list[Region]:
    """Cut an image into squares; those at the border are what is left."""
    height, width = shape
    return [
        Region(y, x, min(side, height - y), min(side, width - x))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]


def seconds(read: Read, regions: list[Region], pool: ThreadPoolExecutor | None) -> float:
    """Read every region once, in this thread where there is no pool; return the seconds it took."""
    start = time.perf_counter()
    for _ in (map if pool is None else pool.map)(read, regions):
        pass
    return time.perf_counter() - start


def ours(path: Path, regions: list[Region], pool: ThreadPoolExecutor | None) -> float:
    """Read through this package."""
    slide = open_slide(path)

    def read(region: Region) -> np.ndarray:
        size = region.height * region.width * 3
        if not hasattr(OWN, "buffer"):
            OWN.buffer = np.zeros(max(SIDES) ** 2 * 3, np.uint8)
        return slide.read(region, out=OWN.buffer[:size].reshape(region.height, region.width, 3))

    taken = seconds(read, regions, pool)
    slide.close()
    return taken


def theirs(path: Path, regions: list[Region], pool: ThreadPoolExecutor | None) -> float:
    """Read through OpenSlide; one handle for all threads, as its documentation allows."""
    with OpenSlide(path) as handle:

        def read(region: Region) -> np.ndarray:
            size = (region.width, region.height)
            return np.asarray(handle.read_region((region.x, region.y), 0, size).convert("RGB"))

        return seconds(read, regions, pool)


def pool_of(threads: int) -> AbstractContextManager[ThreadPoolExecutor | None]:
    """Return a pool whose threads are running; None for one thread."""
    if threads == 1:
        return nullcontext()
    pool = ThreadPoolExecutor(threads)
    list(pool.map(time.sleep, [0.05] * threads))
    return pool


def compare(title: str, path: Path) -> None:
    """Print a row per size of region and number of threads."""
    slide = open_slide(path)
    shape, reader, compression = slide.shape, slide.info.reader, slide.info.compression
    slide.close()
    mpix = shape[0] * shape[1] / 1e6
    passes = max(round(LEAST_MPIX / mpix), 1)
    print(f"{title}: {shape[1]} × {shape[0]} px, {compression}, read by {reader}")
    for side in SIDES:
        regions = grid(shape, side)
        for threads in THREADS:
            best = {ours: 0.0, theirs: 0.0}
            with pool_of(threads) as pool:
                for _ in range(REPEATS):
                    for way in best:
                        taken = sum(way(path, regions, pool) for _ in range(passes))
                        best[way] = max(best[way], mpix * passes / taken)
            print(
                f"  {side:>4} px, {threads} thread{'s' * (threads > 1):<1}  "
                f"ours {best[ours]:6.1f}  OpenSlide {best[theirs]:6.1f} MPix/s  "
                f"ratio {best[ours] / best[theirs]:5.2f}"
            )


def measure_opening(path: Path) -> None:
    """Print what opening a slide and laying out its pyramid costs this process."""
    process = psutil.Process()
    before, start = process.memory_info().rss, time.perf_counter()
    slide = open_slide(path)
    levels = slide.pyramid()
    taken, grown = time.perf_counter() - start, process.memory_info().rss - before
    sizes = ", ".join(f"{level.shape[1]} × {level.shape[0]}" for level in levels)
    print(f"opening and pyramid() ({sizes} px): {taken:.2f} s, {grown / 2**20:.0f} MiB more memory")


def sparse(folder: Path) -> None:
    """Open a slide of 100,000 × 70,000 px in a process of its own."""
    path = folder / "sparse.tif"
    write_slide(path, (70_000, 100_000), sparse=True, downsamples=(1, 4, 16, 64))
    subprocess.run([sys.executable, __file__, "--opening", str(path)], check=True)


def written(folder: Path) -> None:
    """Compare on a slide of 20,000² px."""
    path = folder / "written.tif"
    write_slide(path, (20_000, 20_000))
    compare("written TIFF", path)


def real(title: str, pattern: str) -> None:
    """Compare on a real slide."""
    where = os.environ.get("FOCUSQC_TEST_DATA")
    if not where:
        print(f"{title}: left out, FOCUSQC_TEST_DATA is not set")
        return
    compare(title, next((Path(where) / "wsi").glob(pattern)))


MEASURES: dict[str, Callable[[Path], None]] = {
    "svs": lambda _: real("Aperio SVS", "openslide-cmu/CMU-1-Small-Region.svs"),
    "written": written,
    "jpeg2000": lambda _: real("Aperio SVS of TCGA", "tcga/*.svs"),
    "sparse": sparse,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=MEASURES)
    parser.add_argument("--opening", type=Path)
    arguments = parser.parse_args()
    if arguments.opening:
        measure_opening(arguments.opening)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            for name, measure in MEASURES.items():
                if arguments.only in (None, name):
                    measure(Path(temporary))
