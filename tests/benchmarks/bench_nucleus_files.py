"""How fast tables of nuclei are written and read, and how much memory that takes.

    python tests/benchmarks/bench_nucleus_files.py                     500,000 nuclei
    python tests/benchmarks/bench_nucleus_files.py --nuclei 5000000
    taskset -c 0 python tests/benchmarks/bench_nucleus_files.py        on one core

Each way runs in a process of its own, the best of three counts. The memory is the most that the
process held at once beyond what it held with the table in memory; for the stream, which makes its
blocks of 100 nuclei as it goes, beyond what it held before.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

import numpy as np
import psutil

from napari_focusqc.results.nucleus_files import (
    NucleusWriter,
    load_nuclei,
    read_nucleus_csv,
    save_nuclei,
    write_nucleus_csv,
)
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable
from napari_focusqc.results.qupath_nuclei import write_qupath_nuclei

SOURCE = NucleusSource(
    "slide.svs", 0.25, "file", "micronet", {"name": "w"}, 0.1, "cpu", "0", "2026-01-01T00:00:00"
)
REPEATS = 3
BLOCK = 100


def nuclei(count: int, seed: int = 0) -> NucleusTable:
    """Return nuclei as a run gives them: at 32nds of a pixel, one in ten without a score."""
    rng = np.random.default_rng(seed)
    return NucleusTable(
        (rng.integers(0, 100_000 * 32, (count, 2)) / 32).astype(np.float32),
        rng.uniform(0.1, 1, count).astype(np.float32),
        np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count)).astype(np.float32),
        rng.integers(0, 3, count).astype(np.int8),
        SOURCE,
    )


def stream(count: int, path: Path) -> None:
    """Write blocks into one Parquet file."""
    with NucleusWriter.to(path, SOURCE) as writer:
        for block in blocks(count):
            writer.append(block)


def blocks(count: int) -> Iterator[NucleusTable]:
    """Yield tables of a few nuclei."""
    for first in range(0, count, BLOCK):
        yield nuclei(min(BLOCK, count - first), first)


WRITE: dict[str, Callable[[NucleusTable, Path], Path]] = {
    "n.parquet": save_nuclei,
    "n.csv": write_nucleus_csv,
    "n.geojson": write_qupath_nuclei,
    "n.geojson.gz": write_qupath_nuclei,
}
READ: dict[str, Callable[[Path], NucleusTable]] = {
    "n.parquet": load_nuclei,
    "n.csv": lambda path: read_nucleus_csv(path, SOURCE),
}


def measure(way: str, name: str, count: int, folder: Path) -> None:
    """Print what one way takes in this process."""
    path = folder / name
    table = None if way == "stream" else nuclei(count)
    held, best = psutil.Process().memory_info().rss, np.inf
    for _ in range(REPEATS):
        start = time.perf_counter()
        if table is None:
            stream(count, path)
        elif way == "write":
            WRITE[name](table, path)
        else:
            READ[name](path)
        best = min(best, time.perf_counter() - start)
    more = getrusage(RUSAGE_SELF).ru_maxrss * 1024 - held
    size = path.stat().st_size / 2**20
    print(
        f"{way:<6} {name:<13} {best:6.2f} s  {count / best / 1e6:6.2f} M nuclei/s  "
        f"{size:7.1f} MiB on disk  {max(more, 0) / 2**20:6.0f} MiB more memory",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nuclei", type=int, default=500_000)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(*arguments.one[:2], arguments.nuclei, Path(arguments.one[2]))
    else:
        print(f"{arguments.nuclei:,} nuclei", flush=True)
        ways = [("write", name) for name in WRITE] + [("read", name) for name in READ]
        with tempfile.TemporaryDirectory() as folder:
            for way in [*ways, ("stream", "n.parquet")]:
                command = [sys.executable, __file__, "--nuclei", str(arguments.nuclei), "--one"]
                subprocess.run([*command, *way, folder], check=True)
