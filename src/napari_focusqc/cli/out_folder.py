"""The folder that a command writes its results to.

Room: cli.
"""

import os
from pathlib import Path

from napari_focusqc.errors import OutputError


def make_out_folder(folder: Path) -> Path:
    """Make the folder for results now, so that a run is not lost for want of a place.

    Raises
    ------
    OutputError
        It cannot be made, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".focusqc-{os.getpid()}.partial"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"nothing can be written in {folder} ({error.strerror}); choose another --out"
        ) from error
    return folder
