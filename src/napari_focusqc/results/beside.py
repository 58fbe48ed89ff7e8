"""Files and folders that appear whole or not at all.

Room: results. Everything is written beside its place, as `NAME.partial-…` in the same folder,
and renamed when it is complete; what stood there before stays until then.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from napari_focusqc.errors import FocusQCError, OutputError


@contextmanager
def file_beside(path: Path) -> Iterator[Path]:
    """Give a path to write to; on leaving, it becomes `path`.

    Parameters
    ----------
    path
        Where the file shall stand; a file that is there already is replaced.

    Yields
    ------
    A path in the same folder with the same ending, where nothing stands yet.

    Raises
    ------
    OutputError
        The folder is missing, read-only or full, or `path` is a folder.
    """
    _check_folder(path)
    partial = path.with_name(f"{path.stem}.partial-{uuid4().hex[:8]}{path.suffix}")
    try:
        with as_output_error(path):
            yield partial
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def folder_beside(path: Path, replaceable: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a folder to fill; on leaving, it becomes `path`.

    Parameters
    ----------
    path
        Where the folder shall stand.
    replaceable
        Says whether what stands at `path` already may be replaced; asked only if something does.

    Yields
    ------
    A new, empty folder beside `path`.

    Raises
    ------
    OutputError
        The parent folder is missing, read-only or full, or what stands at `path` must stay.
    """
    _check_folder(path)
    partial = _aside(path, "partial")
    try:
        with as_output_error(path):
            check_replaceable(path, replaceable)
            partial.mkdir()
            yield partial
            swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_replaceable(path: Path, replaceable: Callable[[Path], bool]) -> None:
    """Refuse a place that something stands at which must stay.

    Raises
    ------
    OutputError
        `replaceable` says so of what stands there.
    """
    if os.path.lexists(path) and not replaceable(path):
        raise OutputError(
            f"{path} exists and is not only a focus map, so it is not overwritten; "
            "choose another name"
        )


def swap(partial: Path, path: Path) -> None:
    """Rename `partial` to `path`; what stood there comes back if that fails, else is removed."""
    if not path.exists():
        partial.rename(path)
        return
    old = _aside(path, "replaced")
    path.rename(old)
    try:
        partial.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _aside(path: Path, word: str) -> Path:
    return path.with_name(f"{path.name}.{word}-{uuid4().hex[:8]}")


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent} to write {path.name} into; make it")


@contextmanager
def as_output_error(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one sentence about `path`; for a ``with``."""
    try:
        yield
    except FocusQCError:
        raise
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}); choose a folder that is "
            "writable and has space"
        ) from error
