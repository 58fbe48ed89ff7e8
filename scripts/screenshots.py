"""Make the pictures of the guides: the real window, the real buttons, a real slide.

Usage: python scripts/screenshots.py SLIDE [NAME ...]

It needs a display; `make screenshots SLIDE=…` brings a virtual one where there is none.
"""

import argparse
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import napari
from PIL import Image
from qtpy.QtCore import QSettings

from napari_focusqc.widgets.window import PLUGIN, WINDOW_PX, open_window, settle

IMAGES = Path(__file__).parents[1] / "docs" / "images"
MOST_BYTES = 600_000
PATIENCE_S = 600.0


def main() -> None:
    """Read the arguments, work in a window, write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, help="for instance CMU-1-Small-Region.svs")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(PICTURES)
    if unknown:
        parser.error(f"no picture {', '.join(unknown)}; there are: {', '.join(PICTURES)}")
    for name in options.names or PICTURES:
        path = IMAGES / f"{name}.png"
        write_picture(PICTURES[name](options.slide), path)
        print(f"wrote {path} ({path.stat().st_size:,} bytes)")


def score_in_window(slide: Path) -> Image.Image:
    """Open a slide, click “Score focus”, wait for the result, and take the whole window."""
    viewer, widget = open_window(slide)
    viewer.theme = "dark"
    settle(1.0)
    widget.score_button.click()
    wait_until(lambda: not widget.run.running)
    if len(viewer.layers) < 3:
        raise SystemExit(f"no result: {widget.run.status.text()}")
    settle(1.0)
    return taken(viewer)


def open_in_window(slide: Path) -> Image.Image:
    """Pick a slide in “Open slide…”, click “Open”, and take the whole window."""
    scratch = TemporaryDirectory()
    scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(*scope, scratch.name)  # the user's own last folder stays remembered
    viewer = napari.Viewer()
    viewer.window.resize(*WINDOW_PX)
    viewer.theme = "dark"
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Open slide…")
    settle(1.0)
    widget.file.pick(str(slide))
    wait_until(lambda: not widget.run.running)
    widget.open_button.click()
    wait_until(lambda: not widget.run.running)
    if not viewer.layers:
        raise SystemExit(f"no layer: {widget.run.status.text()}")
    settle(0.5)
    viewer.reset_view()
    settle(1.5)
    return taken(viewer)


def taken(viewer: napari.Viewer) -> Image.Image:
    """Return a picture of the whole window, and close it."""
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    viewer.close()
    return picture


def wait_until(true: Callable[[], bool]) -> None:
    """Let the window live until something is true."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"the run did not end within {PATIENCE_S:g} s")
        settle(0.1)


def write_picture(picture: Image.Image, path: Path) -> None:
    """Write a PNG; where it would be too big for a page, the last bits are left out."""
    for step in (1, 4, 8):
        content = BytesIO()
        rounded = picture.point([value // step * step + step // 2 for value in range(256)] * 3)
        rounded.save(content, "PNG", optimize=True)
        if content.tell() <= MOST_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.getvalue())
            return
    raise SystemExit(f"{path.name} stays above {MOST_BYTES:,} bytes; use a smaller window")


PICTURES = {"score-focus-cmu1": score_in_window, "open-slide-cmu1": open_in_window}


if __name__ == "__main__":
    main()
