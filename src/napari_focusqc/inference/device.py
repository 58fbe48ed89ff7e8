"""Which device a network runs on, and torch's import made safe.

Room: inference.
"""

import os
from types import ModuleType
from typing import Any

from napari_focusqc.errors import DeviceError


def import_torch() -> ModuleType:
    """Import torch, late: opening a window or asking for help must not wait for it.

    Raises
    ------
    DeviceError
        Torch is installed but cannot be loaded. On Windows this is most often a missing
        Visual C++ runtime (WinError 1114 on c10.dll), which the sentence then names.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        remedy = (
            "install the Microsoft Visual C++ Redistributable (2015–2022, x64) and start again"
            if os.name == "nt"
            else "install it again with “pip install --force-reinstall torch”"
        )
        raise DeviceError(f"PyTorch cannot be loaded ({error}); {remedy}") from error
    return torch


def choose_device(wanted: str) -> Any:
    """Turn a setting into a torch device.

    Parameters
    ----------
    wanted
        ``"auto"`` takes CUDA, then Apple's MPS, then the CPU; the others are taken at their word.

    Returns
    -------
    torch.device

    Raises
    ------
    DeviceError
        The machine, or this build of torch, does not have the device.
    """
    torch = import_torch()
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        wanted = next(name for name, here in present.items() if here)
    if not present.get(wanted, False):
        here = ", ".join(name for name, there in present.items() if there)
        raise DeviceError(f"the device {wanted!r} is not on this machine; it has {here}")
    return torch.device(wanted)


def usable_cores() -> int:
    """Return how many cores this process may use, at most 8."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, 8)
