"""What stands in a file of weights, before anybody knows what it means.

Room: models. Loads no torch.
"""

import hashlib
from pathlib import Path

from napari_focusqc.errors import WeightsError
from napari_focusqc.models.card import WeightsCard

MAX_WEIGHTS_BYTES = 512 * 2**20


def content_of(path: Path) -> bytes:
    """Read a file of weights.

    Raises
    ------
    WeightsError
        It is not there, is too large for weights, or cannot be read.
    """
    if not path.is_file():
        raise WeightsError(
            f"there is no weights file {path}; give a .safetensors file with its .json card beside "
            "it, a published file, or a name that “focusqc models” lists"
        )
    try:
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise WeightsError(
                f"{path.name} has {path.stat().st_size / 2**20:.0f} MiB; weights have at most "
                f"{MAX_WEIGHTS_BYTES / 2**20:.0f} MiB, so this is another kind of file"
            )
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"{path.name} cannot be read ({error.strerror}); check its permissions"
        ) from error


def check_sum(card: WeightsCard, content: bytes, name: str) -> None:
    """Compare a file with the checksum on its card, where the card has one.

    Raises
    ------
    WeightsError
        It is another file.
    """
    if card.sha256 and hashlib.sha256(content).hexdigest() != card.sha256:
        raise WeightsError(
            f"{name} is not the file its card describes (its sha256 differs); put the pair that "
            "training wrote back together"
        )
