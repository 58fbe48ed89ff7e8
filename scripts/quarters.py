"""Cut a slide's level 0 into four images: a data set for training from one region of one slide.

    python scripts/quarters.py SLIDE FOLDER NAME LICENCE

writes FOLDER/{00,01,10,11}.png, without a margin, so no two share a pixel, and
FOLDER/dataset.json.
"""

import json
import sys
from pathlib import Path

from PIL import Image

from napari_focusqc.geometry import Region
from napari_focusqc.slides.opening import open_slide

NOTE = "four quarters of one region of one slide; what was kept out shares its slide and its stain"


def cut(path: Path, folder: Path, name: str, licence: str) -> None:
    """Write the quarters and what they are."""
    folder.mkdir(parents=True)
    slide = open_slide(path)
    height, width = (side // 2 for side in slide.shape)
    for row in range(2):
        for column in range(2):
            quarter = slide.read(Region(row * height, column * width, height, width))
            Image.fromarray(quarter).save(folder / f"{row}{column}.png")
    facts = {"name": name, "licence": licence, "mpp": slide.mpp, "note": NOTE}
    slide.close()
    (folder / "dataset.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    source, target, title, terms = sys.argv[1:]
    cut(Path(source), Path(target), title, terms)
