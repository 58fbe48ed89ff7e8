"""How fast MicroNet is on the CPU, by its widths, beside torch, in one run.

    python tests/benchmarks/bench_micronet.py              widths, 1 and 2 threads
    python tests/benchmarks/bench_micronet.py --memory     peak memory of 1 and 2 threads

A window is a core of 768 px (`--core`) and 128 px around it. *Raw* counts the window's pixels and
computes all its proximity, with one thread; *core* computes what the core needs and counts its
pixels alone, as a slide is worked through. The arithmetic limit is that of *raw*: what torch
multiplies per second in a product of large matrices, divided by what the network multiplies for a
pixel as its layers are written; Winograd's way to convolve needs fewer. The best of three runs
counts, in processor time of a thread, so that what else the machine does matters little; with two
threads the slower one's.
"""

import argparse
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from resource import RUSAGE_SELF, getrusage

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from napari_focusqc.inference.faster import faster
from napari_focusqc.inference.memory import keep_freed_memory
from napari_focusqc.models.micronet import MicroNet

MARGIN_PX = 128
DEPTHS = (1, 2, 4, 8, 8)
WIDTHS = (8, 12, 16, 24)
THREADS = (1, 2)
REPEATS = 3


def network(width: int) -> MicroNet:
    """Return a network of some width at full size; untrained ones are as fast as others."""
    torch.manual_seed(0)
    return MicroNet([width * depth for depth in DEPTHS]).eval()


def window(core_px: int) -> tuple[Tensor, tuple[slice, slice]]:
    """Return a window, channels last, and where its core is."""
    side, core = core_px + 2 * MARGIN_PX, slice(MARGIN_PX, MARGIN_PX + core_px)
    images = torch.rand(1, 3, side, side).contiguous(memory_format=torch.channels_last)
    return images, (core, core)


def seconds(work: Callable[[], object], threads: int = 1) -> float:
    """Do work in some threads at once; return the longest one's processor time, the best run's."""
    begin = threading.Barrier(threads)

    def once(_: int) -> float:
        torch.set_num_threads(1)  # it counts for its own thread alone
        begin.wait()
        start = time.thread_time()
        with torch.inference_mode():
            work()
        return time.thread_time() - start

    with ThreadPoolExecutor(threads) as pool:
        return min(max(pool.map(once, range(threads))) for _ in range(REPEATS))


def multiplications(plain: nn.Module) -> float:
    """Count a network's multiplications per pixel, as its layers are written."""
    side = 256
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        plain(torch.rand(1, 3, side, side))
    return counter.get_total_flops() / 2 / side**2


def rates(core_px: int, widths: Sequence[int]) -> None:
    """Print a row for each width."""
    images, part = window(core_px)
    raw_mpix, core_mpix = images[0, 0].numel() / 1e6, core_px**2 / 1e6
    matrix = torch.rand(2048, 2048)
    print(
        "| widths | kMAC/px | raw MPix/s | of the arithmetic limit | × torch | core MPix/s | "
        "2 threads |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for width in widths:
        plain = network(width)
        compiled = faster(plain)
        with torch.inference_mode():
            compiled(images[..., :64, :64])  # compile
        work = multiplications(plain)
        limit = 2048**3 / seconds(lambda: matrix @ matrix) / 1e6 / work
        raw = raw_mpix / seconds(lambda compiled=compiled: compiled(images))
        usual = raw_mpix / seconds(lambda plain=plain: plain(images))
        cores = [
            threads * core_mpix / seconds(lambda net=compiled: net(images, part), threads)
            for threads in THREADS
        ]
        print(
            f"| {', '.join(str(width * depth) for depth in DEPTHS)} | {work / 1e3:.1f} | "
            f"{raw:.2f} | {raw / limit:.2f} (of {limit:.2f}) | {raw / usual:.2f} (of {usual:.2f}) "
            f"| {cores[0]:.2f} | {cores[1]:.2f} |",
            flush=True,
        )


def memory(core_px: int) -> None:
    """Print the peak memory of a process of its own for each number of threads."""
    for threads in THREADS:
        command = [sys.executable, __file__, "--peak", str(threads), "--core", str(core_px)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(done.stdout.strip(), flush=True)


def peak(core_px: int, threads: int) -> None:
    """Print what a window takes in this process beyond what the compiled network holds."""
    images, part = window(core_px)
    compiled = faster(network(16))
    with torch.inference_mode():
        compiled(images[..., :64, :64])
    before = getrusage(RUSAGE_SELF).ru_maxrss
    seconds(lambda: compiled(images, part), threads)
    more = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{threads} thread(s), core {core_px}²: {more:.0f} MiB beyond {before / 1024:.0f} MiB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--peak", type=int)
    parser.add_argument("--core", type=int, default=768)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    if arguments.peak:
        peak(arguments.core, arguments.peak)
    else:
        memory(arguments.core) if arguments.memory else rates(arguments.core, arguments.widths)
