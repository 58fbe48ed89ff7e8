"""The order of the steps, from a slide to what is known of it; no other room knows it.

Room: pipeline. Widgets, command line and batch call what stands here.
"""

from napari_focusqc.pipeline.beginning import prepare
from napari_focusqc.pipeline.focus import score_image, score_slide
from napari_focusqc.pipeline.nuclei import find_nuclei, find_nuclei_in_image, find_nuclei_to
from napari_focusqc.pipeline.stack import focus_distance, measure_stack

__all__ = [
    "find_nuclei",
    "find_nuclei_in_image",
    "find_nuclei_to",
    "focus_distance",
    "measure_stack",
    "prepare",
    "score_image",
    "score_slide",
]
