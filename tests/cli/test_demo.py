"""`focusqc demo` on a machine without a display: what it writes and what it claims."""

import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from napari_focusqc.cli import main
from napari_focusqc.cli.demo import show_window
from napari_focusqc.errors import OutputError


@pytest.mark.slow
def test_the_demo_finds_the_known_defocus_and_takes_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["demo", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    uniform, every = re.findall(r"(-?\d\.\d+) \((\d+) tiles\)", printed)
    assert float(uniform[0]) >= 0.95
    assert int(every[1]) > int(uniform[1]) > 1000
    picture = Image.open(tmp_path / "out" / "screenshot.png").convert("RGB")
    assert picture.width > 1000
    assert len(picture.getcolors(picture.width * picture.height)) > 1000
    for line in printed.splitlines():
        if line.startswith("wrote "):
            assert Path(line.removeprefix("wrote ")).exists()


def test_a_window_that_cannot_open_is_one_sentence() -> None:
    with pytest.raises(OutputError, match="could not show them"):
        show_window([sys.executable, "-c", "raise SystemExit(3)"])
