"""Make the README's picture: the real window, the real button, a real slide.

Usage: python scripts/screenshots.py SLIDE [PICTURE]

It needs a display; `make screenshots SLIDE=…` brings a virtual one where there is none.
"""

import argparse
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from napari_focusqc.widgets.window import open_window, settle

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "score-focus-cmu1.png"
MOST_BYTES = 600_000
PATIENCE_S = 600.0


def main() -> None:
    """Read the arguments, score the slide in a window, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, help="for instance CMU-1-Small-Region.svs")
    parser.add_argument("picture", type=Path, nargs="?", default=PICTURE)
    options = parser.parse_args()
    write_picture(score_in_window(options.slide), options.picture)
    print(f"wrote {options.picture} ({options.picture.stat().st_size:,} bytes)")


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
    """Write a PNG; where it would be too big for a README, the last bits are left out."""
    for step in (1, 4, 8):
        content = BytesIO()
        rounded = picture.point([value // step * step + step // 2 for value in range(256)] * 3)
        rounded.save(content, "PNG", optimize=True)
        if content.tell() <= MOST_BYTES:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.getvalue())
            return
    raise SystemExit(f"{path.name} stays above {MOST_BYTES:,} bytes; use a smaller window")


if __name__ == "__main__":
    main()
