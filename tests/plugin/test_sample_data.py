"""The sample slides: one built, one fetched from a server on this machine."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer

from napari_focusqc.errors import DownloadError
from napari_focusqc.plugin import sample_data
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.sample_data import (
    CMU_NAME,
    CMU_SHA256,
    fetch,
    sample_slide_layers,
)
from napari_focusqc.slides.sample_slide import (
    CELL_PX,
    SampleLayout,
    build_sample_slide,
    true_defocus,
)

SMALL = SampleLayout(side_px=1024, glass_px=128, lane_radii_px=(0.0, 3.0, 8.0, 5.0), corner_px=256)


@pytest.fixture
def small_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the sample slide small; its path."""
    path = tmp_path / "sample.tif"
    monkeypatch.setattr(sample_data, "sample_slide", lambda _: build_sample_slide(path, SMALL))
    return path


def test_the_truth_lies_on_the_pixels_it_is_of(small_sample: Path) -> None:
    shown, truth = (Layer.create(*layer) for layer in sample_slide_layers())
    assert shown.data[0].shape == (1024, 1024, 3)
    assert not truth.visible
    assert truth.units == shown.units
    radius_um, _ = true_defocus(small_sample.with_name("sample-defocus-um.tif"))
    np.testing.assert_array_equal(truth.data, radius_um)
    for cell in ((0, 0), (3, 5), (15, 15)):
        middle = [n * CELL_PX + (CELL_PX - 1) / 2 for n in cell]
        assert shown.world_to_data(truth.data_to_world(cell)) == pytest.approx(middle)
    shown.metadata[METADATA_KEY]["slide"].close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing on the terminal."""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Return `serve(content)`, which offers bytes on this machine and returns their address."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def offer(content: bytes) -> str:
        (folder / "file.svs").write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}/file.svs"

    yield offer
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_is_fetched_once(tmp_path: Path, serve: Callable[[bytes], str]) -> None:
    address, digest = serve(b"slide"), hashlib.sha256(b"slide").hexdigest()
    first = fetch(address, "file.svs", digest, tmp_path / "cache")
    assert first.read_bytes() == b"slide"
    again = fetch("http://127.0.0.1:9/nobody", "file.svs", digest, tmp_path / "cache")
    assert again == first


def test_another_file_than_promised_is_thrown_away(
    tmp_path: Path, serve: Callable[[bytes], str]
) -> None:
    with pytest.raises(DownloadError, match="not the file.svs that was promised"):
        fetch(serve(b"other"), "file.svs", hashlib.sha256(b"slide").hexdigest(), tmp_path / "cache")
    assert not (tmp_path / "cache" / "file.svs").exists()


@pytest.mark.parametrize("path", ["nobody-listens", "missing"])
def test_what_cannot_be_fetched_is_refused(
    tmp_path: Path, serve: Callable[[bytes], str], path: str
) -> None:
    address = serve(b"").replace("file.svs", "none.svs")
    if path == "nobody-listens":
        address = "http://127.0.0.1:9/file.svs"
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch(address, "file.svs", "0" * 64, tmp_path / "cache")


def test_the_promised_checksum_is_the_real_slides(test_data: Path) -> None:
    content = (test_data / "wsi/openslide-cmu" / CMU_NAME).read_bytes()
    assert hashlib.sha256(content).hexdigest() == CMU_SHA256
