"""`focusqc info`: what a slide is.

Room: cli.
"""

import argparse
import json

from napari_focusqc.slides.facts import describe, facts
from napari_focusqc.slides.opening import open_slide


def info(arguments: argparse.Namespace) -> None:
    """Say what a slide is: format, size, levels, resolution, planes, pictures."""
    slide = open_slide(arguments.slide, mpp=arguments.mpp, z_step_um=arguments.z_step)
    try:
        if arguments.json:
            print(json.dumps(describe(slide), indent=2, ensure_ascii=False))
            return
        for label, value in facts(slide):
            print(f"{label:<12} {value}")
    finally:
        slide.close()
