"""What the tests of slides share: files of every scanner maker, written on the spot."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

SUFFIXES = {"philips": ".tiff", "trestle": ".tif"}
LEVELS = {"mrxs": 2, "ndpi": 2, "vms": 5, "vmu": 5}


def beside(name: str) -> ModuleType:
    """Import a module of this folder, which is no package."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def halves() -> Callable[[NDArray[np.uint8], int], list[NDArray[np.uint8]]]:
    """Return `halves(image, levels)`."""
    return beside("vendor_files").halves


@pytest.fixture(scope="session")
def write_vendor() -> Callable[..., Path]:
    """Return `write(kind, folder, image, *, name="a", **options)`, which returns the file.

    `kind` is scn, philips, bif, trestle, vms, vmu, ndpi or mrxs; the options are those of
    `write_KIND` in `vendor_files`, `hamamatsu_files` and `mirax_files`.
    """
    tiff, *others = map(beside, ("vendor_files", "hamamatsu_files", "mirax_files"))

    def write(
        kind: str, folder: Path, image: NDArray[np.uint8], /, *, name: str = "a", **options: object
    ) -> Path:
        path = folder / (name + SUFFIXES.get(kind, f".{kind}"))
        writer = f"write_{kind}"
        for module in others:
            if hasattr(module, writer):
                return getattr(module, writer)(path, tiff.halves(image, LEVELS[kind]), **options)
        return getattr(tiff, writer)(path, image, **options)

    return write


@pytest.fixture(scope="session")
def zarr_files() -> ModuleType:
    """Return the module `zarr_files`: arrays of every layout, and ways to spoil a folder."""
    return beside("zarr_files")


@pytest.fixture(scope="session")
def tiff_files() -> ModuleType:
    """Return the module `tiff_files`: writers of QPTIFF, SVS with planes, and OME-TIFF."""
    return beside("tiff_files")
