"""How fast a slide is scored, beside the decode rate of this machine and the usual way, in one run.

    python tests/benchmarks/bench_score.py             the rates of every model, 1 and 2 threads
    python tests/benchmarks/bench_score.py --memory    peak memory on 20,000² and 100,000² px

The slides are written by slides_to_measure.py: real tissue as 4:2:0 JPEG. Slower networks get a
smaller slide. The usual way is that of the published tools: OpenSlide's read_region for each
window, turned to RGB, turned to floats, scored in batches by torch with all cores. The arithmetic
limit is what torch multiplies per second in a product of large matrices, beside what the network
multiplies as its layers are written; Winograd's way to convolve needs fewer and may exceed it. The
100,000² slide is sparse: nine tenths of its tiles hold no data, which is white.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import torch
from openslide import OpenSlide
from slides_to_measure import TILE, write_slide
from torch.utils.flop_counter import FlopCounterMode

from napari_focusqc import ScoreSettings, open_slide, score_slide
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_network

THREADS = (1, 2)
USUAL_BATCH = 32


@dataclass(frozen=True)
class Case:
    """A model, the side of the slide it is measured on and the windows the usual way gets."""

    model: str
    side_px: int
    usual_windows: int


CASES = (
    Case("focuslitenn-1", 20_000, 1024),
    Case("focuslitenn-10", 20_000, 1024),
    Case("convfocus", 20_000, 1024),
    Case("deepfocus", 5_000, 1024),
)


@dataclass(frozen=True)
class Rate:
    """What one run took; `mpix` counts the slide once, however windows overlap."""

    mpix: float
    first_s: float
    tiles: int


def decode_rate(path: Path, threads: int) -> float:
    """Decode every tile of level 0; return MPix/s."""
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        raw = path.read_bytes()
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))

    def decode(some: list[tuple[int, int]]) -> None:
        for offset, count in some:
            if count:
                imagecodecs.jpeg8_decode(raw[offset : offset + count])

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(decode, (spans[first::threads] for first in range(threads))))
    return len(spans) * TILE * TILE / 1e6 / (time.perf_counter() - start)


def score_rate(path: Path, model: str, threads: int) -> Rate:
    """Score the whole slide, finding its tissue included."""
    slide = open_slide(path)
    start, first, tiles = time.perf_counter(), 0.0, 0
    for step in score_slide(slide, ScoreSettings(model=model, device="cpu", threads=threads)):
        if step.done and not first:
            first = time.perf_counter() - start
        tiles = step.done
    seconds = time.perf_counter() - start
    slide.close()
    return Rate(slide.shape[0] * slide.shape[1] / 1e6 / seconds, first, tiles)


def usual_rate(path: Path, case: Case) -> float:
    """Score windows as the published tools do; return MPix/s, a window as its stride's square."""
    weights = find_weights(case.model, 0.25, None)
    network, card = load_network(weights), weights.model
    corners = iter(
        [
            (x, y)
            for y in range(0, case.side_px - card.tile_px, card.stride_px)
            for x in range(0, case.side_px - card.tile_px, card.stride_px)
        ][: case.usual_windows]
    )
    start, count = time.perf_counter(), 0
    with OpenSlide(path) as handle, torch.inference_mode():
        for batch in _batches(corners):
            size = (card.tile_px, card.tile_px)
            images = [np.asarray(handle.read_region(at, 0, size).convert("RGB")) for at in batch]
            tensor = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
            network(tensor)
            count += len(batch)
    return count * card.stride_px**2 / 1e6 / (time.perf_counter() - start)


def multiplication_rate(threads: int) -> float:
    """Multiply large matrices; return 10⁹ multiplications per second."""
    cores, side = torch.get_num_threads(), 2048
    torch.set_num_threads(threads)
    left, right = torch.rand(side, side), torch.rand(side, side)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - start)
    torch.set_num_threads(cores)
    return side**3 / 1e9 / min(seconds)


def multiplications(model: str) -> float:
    """Count a network's multiplications per pixel of the slide, as its layers are written."""
    weights = find_weights(model, 0.25, None)
    side = weights.model.tile_px
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        load_network(weights)(torch.rand(1, 3, side, side))
    return counter.get_total_flops() / 2 / weights.model.stride_px**2


def _batches(corners: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    while batch := list(islice(corners, USUAL_BATCH)):
        yield batch


def rates(folder: Path) -> None:
    """Print a row for each model and number of threads."""
    paths = {}
    for side in sorted({case.side_px for case in CASES}):
        paths[side] = folder / f"{side}.tif"
        write_slide(paths[side], (side, side))
    for case in CASES:  # compile, and warm the caches
        score_rate(paths[min(paths)], case.model, 2)
    largest = paths[max(paths)]
    print(
        "| model | slide, px | threads | MPix/s | of the decode limit | of the arithmetic limit | "
        "× the usual way | first s |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in CASES:
        usual = usual_rate(paths[case.side_px], case)
        for threads in THREADS:
            before = decode_rate(largest, threads)
            rate = score_rate(paths[case.side_px], case.model, threads)
            limit = (before + decode_rate(largest, threads)) / 2
            most = multiplication_rate(threads) * 1e3 / multiplications(case.model)
            ratios = " | ".join(
                f"{rate.mpix / best:.2f} (of {best:.3g})" for best in (limit, most, usual)
            )
            print(
                f"| `{case.model}` | {case.side_px:,}² | {threads} | {rate.mpix:.3g} | {ratios} | "
                f"{rate.first_s:.2f} |",
                flush=True,
            )


def memory(folder: Path) -> None:
    """Print the peak memory of a process of its own per slide and model."""
    every = tuple(case.model for case in CASES)
    for side, sparse, models in ((20_000, False, every[:1]), (100_000, True, every)):
        path = folder / f"{side}.tif"
        write_slide(path, (side, side), sparse)
        for model in models:
            command = [sys.executable, __file__, "--peak", str(path), "--model", model]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(done.stdout.strip(), flush=True)
        path.unlink()


def peak(path: Path, model: str) -> None:
    """Score one slide in this process and print its peak resident memory."""
    rate = score_rate(path, model, 2)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{model}, {path.stem}² px: peak {used:.0f} MiB, {rate.mpix:.0f} MPix/s, first block "
        f"{rate.first_s:.2f} s, {rate.tiles:,} tiles scored"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=Path)
    parser.add_argument("--model", default="focuslitenn-1")
    arguments = parser.parse_args()
    if arguments.peak:
        peak(arguments.peak, arguments.model)
    else:
        with tempfile.TemporaryDirectory() as temporary:
            (memory if arguments.memory else rates)(Path(temporary))
