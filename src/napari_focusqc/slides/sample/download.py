"""A real slide from OpenSlide's public test data, for those who are online.

Room: slides. Nothing is fetched unless the user asks for it.

References
----------
.. [1] https://openslide.cs.cmu.edu/download/openslide-testdata/ (CMU-1-Small-Region.svs, CC0)
"""

import os
from pathlib import Path

import pooch

from napari_focusqc.errors import DownloadError, OutputError

CMU_SMALL_REGION = "CMU-1-Small-Region.svs"
CMU_SMALL_REGION_SHA256 = "ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7"
OPENSLIDE_APERIO = "https://openslide.cs.cmu.edu/download/openslide-testdata/Aperio/"
_TIMEOUT_S = 30


def fetch_cmu_small_region(folder: Path | None = None, base_url: str = OPENSLIDE_APERIO) -> Path:
    """Return CMU-1-Small-Region.svs (H&E, 0.499 µm/px, 2 MB), downloading it the first time.

    Parameters
    ----------
    folder
        Where it is kept; the user's cache when None.
    base_url
        Where it is fetched from, ending in a slash.

    Raises
    ------
    DownloadError
        It cannot be fetched, or what came is not the promised file.
    OutputError
        The folder cannot be written.
    """
    folder = Path(pooch.os_cache("napari-focusqc")) if folder is None else folder
    path = folder / CMU_SMALL_REGION
    if _is_promised(path):
        return path
    part = folder / f".{CMU_SMALL_REGION}.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise OutputError(
            f"{CMU_SMALL_REGION} cannot be written to {folder} ({error.strerror}); "
            "choose a folder you may write to"
        ) from error
    try:
        _download(base_url + CMU_SMALL_REGION, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _is_promised(path: Path) -> bool:
    """Say whether the file is there and is the very one."""
    return path.is_file() and pooch.file_hash(str(path)) == CMU_SMALL_REGION_SHA256


def _download(url: str, part: Path) -> None:
    """Fetch a file and compare its hash.

    Raises
    ------
    DownloadError
        The server does not answer, or sends something else.
    """
    try:
        pooch.HTTPDownloader(timeout=_TIMEOUT_S)(url, str(part), None)
    except OSError as error:  # requests' exceptions are OSErrors
        raise DownloadError(
            f"{url} could not be fetched ({error}); see whether you are online and try again"
        ) from error
    if not _is_promised(part):
        raise DownloadError(
            f"what {url} sent is not {CMU_SMALL_REGION} (its sha256 differs); try again later"
        )
