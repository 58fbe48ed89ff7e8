"""The folders where users keep weights of their own, and what else they made.

Room: models. Paths alone; opens no file, loads no torch.
"""

import os
from pathlib import Path

from platformdirs import user_data_path

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.published import PUBLISHED_AS

FOLDER_VARIABLE = "FOCUSQC_WEIGHTS"
"""Environment variable that names another folder."""

ENDINGS = (".safetensors", *PUBLISHED_AS)

LEFT_BY_TRAINING = "checkpoint.pt"
"""Where a stopped training goes on from; it lies beside the weights and is none."""


def own_folder() -> Path:
    """Return where the user's weights are looked for; the folder need not be there."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    return own_data_folder() / "weights"


def own_data_folder() -> Path:
    """Return where what the user made is kept; the folder need not be there."""
    return user_data_path("napari-focusqc", appauthor=False)


def own_files() -> tuple[Path, ...]:
    """List the weights files of the user's folder by name; a card without weights stands for both.

    Returns
    -------
    `.safetensors`, whether they or their `.json` cards are there, and published files. Nothing
    where there is no folder.

    Raises
    ------
    WeightsError
        The folder cannot be listed.
    """
    folder = own_folder()
    try:
        inside = list(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise WeightsError(
            f"your weights folder {folder} cannot be listed ({error.strerror}); check it, or name "
            f"another one in {FOLDER_VARIABLE}"
        ) from error
    paths = {p.with_suffix(".safetensors") if p.suffix == ".json" else p for p in inside}
    return tuple(sorted(p for p in paths if p.suffix in ENDINGS and p.name != LEFT_BY_TRAINING))


def own_file(name: str) -> Path | None:
    """Find a weights file of the user's folder by its name, with or without its ending.

    Raises
    ------
    WeightsError
        Several files have this name.
    """
    found = [path for path in own_files() if path.is_file() and name in (path.name, path.stem)]
    if len(found) > 1:
        raise WeightsError(
            f"{name} may be {' or '.join(path.name for path in found)} of your weights folder; "
            "give the name with its ending"
        )
    return found[0] if found else None
