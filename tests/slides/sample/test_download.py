import shutil
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from napari_focusqc.errors import DownloadError, OutputError
from napari_focusqc.slides.opening import open_slide
from napari_focusqc.slides.sample.download import CMU_SMALL_REGION, fetch_cmu_small_region


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        self.server.asked.append(self.path)


@contextmanager
def serving(folder):
    """Serve a folder on loopback; gives the address and the list of what was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    server.asked = []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_is_fetched_once_and_is_the_real_slide(test_data, tmp_path):
    site, cache = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    shutil.copy(test_data / "wsi/openslide-cmu" / CMU_SMALL_REGION, site)
    with serving(site) as (url, asked):
        path = fetch_cmu_small_region(cache, url)
        assert fetch_cmu_small_region(cache, url) == path == cache / CMU_SMALL_REGION
        assert asked == ["/" + CMU_SMALL_REGION]
    assert open_slide(path).shape == (2967, 2220)
    assert [file.name for file in cache.iterdir()] == [CMU_SMALL_REGION]


def test_another_file_is_refused_and_not_kept(tmp_path):
    site, cache = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    (site / CMU_SMALL_REGION).write_bytes(b"something else")
    with serving(site) as (url, _), pytest.raises(DownloadError, match="sha256 differs"):
        fetch_cmu_small_region(cache, url)
    assert list(cache.iterdir()) == []


def test_a_server_without_it_is_refused(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    with serving(site) as (url, _), pytest.raises(DownloadError, match="404"):
        fetch_cmu_small_region(tmp_path / "cache", url)


def test_no_server_is_refused(tmp_path):
    with serving(tmp_path) as (url, _):
        pass
    with pytest.raises(DownloadError, match="online"):
        fetch_cmu_small_region(tmp_path / "cache", url)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_cmu_small_region(tmp_path / "file" / "cache", "http://127.0.0.1:9/")
