"""How fast a slide is scored, as a ratio to the decode rate of this machine in the same run.

    python tests/benchmarks/bench_score.py            the rates on 20,000 × 20,000 px
    python tests/benchmarks/bench_score.py --memory   peak memory on 20,000² and 60,000² px

The slides are written by slides_to_measure.py. The 60,000² one is sparse: nine tenths of its tiles
hold no data, which is white.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import tifffile
import torch
from slides_to_measure import TILE, write_slide

from napari_focusqc import ScoreSettings, open_slide, score_slide

THREADS = 2


def decode_rate(path: Path) -> float:
    """Decode every tile of level 0 with two threads; return MPix/s."""
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        raw = path.read_bytes()
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))

    def decode(some: list[tuple[int, int]]) -> None:
        for offset, count in some:
            if count:
                imagecodecs.jpeg8_decode(raw[offset : offset + count])

    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(decode, (spans[first::THREADS] for first in range(THREADS))))
    return len(spans) * TILE * TILE / 1e6 / (time.perf_counter() - start)


def score_rate(path: Path, model: str) -> tuple[float, float, int]:
    """Score the whole slide; return MPix/s, seconds to the first block, and tiles scored."""
    slide = open_slide(path)
    start, first, scored = time.perf_counter(), 0.0, 0
    for step in score_slide(slide, ScoreSettings(model=model, device="cpu")):
        if step.done and not first:
            first = time.perf_counter() - start
        scored = step.done
    seconds = time.perf_counter() - start
    slide.close()
    return slide.shape[0] * slide.shape[1] / 1e6 / seconds, first, scored


def rates(folder: Path) -> None:
    """Print decode rate and score rates, all in one run."""
    path = folder / "20000.tif"
    write_slide(path, (20_000, 20_000))
    warm = folder / "warm.tif"
    write_slide(warm, (4096, 4096))
    score_rate(warm, "focuslitenn-1")
    before = decode_rate(path)
    rows = [(model, *score_rate(path, model)) for model in ("focuslitenn-1", "focuslitenn-10")]
    limit = (before + decode_rate(path)) / 2
    print(f"decode limit, {THREADS} threads: {limit:.0f} MPix/s ({path.stat().st_size >> 20} MiB)")
    for model, rate, first, scored in rows:
        print(
            f"{model:<16} {rate:6.0f} MPix/s  ratio {rate / limit:.2f}  "
            f"first block {first:.2f} s  {scored} tiles"
        )


def memory(folder: Path) -> None:
    """Print the peak memory of a process of its own per slide."""
    for side, sparse in ((20_000, False), (60_000, True)):
        path = folder / f"{side}.tif"
        write_slide(path, (side, side), sparse)
        command = [sys.executable, __file__, "--peak", str(path)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
        path.unlink()


def peak(path: Path) -> None:
    """Score one slide in this process and print its peak resident memory."""
    rate, _, scored = score_rate(path, "focuslitenn-1")
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{path.stem}² px: peak {used:.0f} MiB, {rate:.0f} MPix/s, {scored} tiles scored")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    if arguments.peak:
        peak(arguments.peak)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            (memory if arguments.memory else rates)(Path(temporary))
