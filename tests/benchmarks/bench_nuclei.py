"""How fast nuclei are found on a slide, end to end, beside torch alone, in one run.

    python tests/benchmarks/bench_nuclei.py             a slide, and a visible region
    python tests/benchmarks/bench_nuclei.py --memory    peak memory on 5,000² and 40,000² px

The slides are written by slides_to_measure.py: real tissue as 4:2:0 JPEG at 0.25 µm/px, no glass.
End to end is opening it, finding tissue, decoding, network, peaks and table; each pixel counts
once, however windows overlap. Torch alone is the network as torch runs it, on one square that is in
memory and with all cores. The 40,000² slide is sparse: nine tenths of its tiles hold no data.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from slides_to_measure import tissue_period, write_slide

from napari_focusqc import NucleusSettings, find_nuclei, finish, open_slide
from napari_focusqc.geometry import Region
from napari_focusqc.inference.nuclei import proximity_of
from napari_focusqc.models.registry import find_weights
from napari_focusqc.models.weights import load_micronet

MODEL, MPP, SIDE_PX = "micronet", 0.25, 5_000
VIEW_PX = (800, 1200)
TIMES = 3


def search(path: Path, threads: int, region: Region | None = None) -> tuple[float, int]:
    """Find the nuclei of a slide; return seconds and how many there are."""
    start = time.perf_counter()
    slide = open_slide(path)
    settings = NucleusSettings(model=MODEL, device="cpu", threads=threads, region=region)
    found = len(finish(find_nuclei(slide, settings)))
    slide.close()
    return time.perf_counter() - start, found


def torch_alone() -> float:
    """Run the network with torch's own layers and all cores; return MPix/s."""
    network, square = load_micronet(find_weights(MODEL, MPP, None, "nuclei")), tissue_period(1)
    seconds = []
    for _ in range(TIMES):
        start = time.perf_counter()
        proximity_of(network, np.ascontiguousarray(square))
        seconds.append(time.perf_counter() - start)
    return square.shape[0] * square.shape[1] / 1e6 / min(seconds)


def rates(folder: Path) -> None:
    """Print what a slide and a view of it take."""
    path = folder / "slide.tif"
    write_slide(path, (SIDE_PX, SIDE_PX))
    height, width = VIEW_PX
    view = Region(1000, 1000, height, width)
    first, _ = search(path, 2, view)  # compiled, where that was never done
    again = min(search(path, 2, view)[0] for _ in range(TIMES))
    cores = torch.get_num_threads()
    alone = torch_alone()
    print(f"torch alone, {cores} threads: {alone:.2f} MPix/s")
    for threads in (1, 2):
        seconds, found = search(path, threads)
        rate = SIDE_PX**2 / 1e6 / seconds
        print(
            f"{SIDE_PX:,}² px, {threads} threads: {rate:.2f} MPix/s, {rate / alone:.2f} × torch "
            f"alone with {cores}; {found:,} nuclei",
            flush=True,
        )
    print(f"a view of {width} × {height} px: {again:.2f} s, the first time {first:.2f} s")


def memory(folder: Path) -> None:
    """Print the peak memory of a process of its own per slide."""
    for side, sparse in ((SIDE_PX, False), (40_000, True)):
        path = folder / f"{side}.tif"
        write_slide(path, (side, side), sparse)
        command = [sys.executable, __file__, "--peak", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(done.stdout.strip(), flush=True)
        path.unlink()


def peak(path: Path) -> None:
    """Search one slide in this process and print its peak resident memory."""
    seconds, found = search(path, 2)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{path.stem}² px: peak {used:.0f} MiB, {found:,} nuclei in {seconds:.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=Path)
    arguments = parser.parse_args()
    if arguments.peak is not None:
        peak(arguments.peak)
    else:
        with tempfile.TemporaryDirectory() as folder:
            (memory if arguments.memory else rates)(Path(folder))
