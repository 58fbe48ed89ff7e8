"""Freed memory stays with the process, where the C library can do that."""

import ctypes
import subprocess
import sys

import pytest

from napari_focusqc.inference import memory
from napari_focusqc.inference.memory import keep_freed_memory

GLIBC = sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")

FAULTS = """
from resource import RUSAGE_SELF, getrusage

import numpy as np

from napari_focusqc.inference.memory import keep_freed_memory


def faults():
    before = getrusage(RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.empty(64 << 20, np.uint8)[:: 4096] = 1
    return getrusage(RUSAGE_SELF).ru_minflt - before


given_back = faults()
assert keep_freed_memory()
faults()
print(given_back, faults())
"""
"""How often the kernel hands out a page while 64 MiB are taken and freed 20 times."""


@pytest.mark.skipif(not GLIBC, reason="needs glibc")
def test_a_large_buffer_is_used_again_instead_of_given_back() -> None:
    """In a process of its own: the setting holds until its end."""
    run = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, timeout=120
    )
    given_back, kept = map(int, run.stdout.split())
    assert given_back >= 20  # at least one page, however huge, each time
    assert kept <= given_back / 10


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_left_alone(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", platform)
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: pytest.fail("loaded a library"))
    assert not keep_freed_memory()


def test_a_c_library_without_the_setting_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    assert not keep_freed_memory()
