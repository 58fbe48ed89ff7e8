"""The order of the steps, from a slide to what is known of it; no other room knows it.

Room: pipeline. Widgets, command line and batch call what stands here.
"""

from napari_focusqc.pipeline.beginning import prepare
from napari_focusqc.pipeline.focus import score_image, score_slide

__all__ = ["prepare", "score_image", "score_slide"]
