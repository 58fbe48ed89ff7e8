"""napari-focusqc: where a whole-slide image is out of focus, how badly, and what that costs.

The names below are imported when they are first used, so that importing the package costs
nothing: no torch, no napari, no Qt.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_focusqc.errors import FocusQCError
    from napari_focusqc.geometry import Region
    from napari_focusqc.pipeline import (
        find_nuclei,
        find_nuclei_in_image,
        find_nuclei_to,
        focus_distance,
        measure_stack,
        score_image,
        score_slide,
    )
    from napari_focusqc.pipeline.stack import StackResult
    from napari_focusqc.progress import Progress, finish
    from napari_focusqc.results.distance_map import DistanceMap
    from napari_focusqc.results.focus_map import BlockUpdate, FocusMap, Reason, Verdict
    from napari_focusqc.results.nucleus_table import FocusFlag, NucleusTable
    from napari_focusqc.settings.detecting import NucleusSettings
    from napari_focusqc.settings.scoring import ScoreSettings
    from napari_focusqc.settings.stacks import StackSettings
    from napari_focusqc.slides.array_slide import ArraySlide
    from napari_focusqc.slides.opening import open_slide
    from napari_focusqc.slides.plane_files import open_plane_files
    from napari_focusqc.slides.slide import Slide

__version__ = "0.1.0"

_HOMES = {
    "ArraySlide": "slides.array_slide",
    "BlockUpdate": "results.focus_map",
    "DistanceMap": "results.distance_map",
    "FocusFlag": "results.nucleus_table",
    "FocusMap": "results.focus_map",
    "FocusQCError": "errors",
    "NucleusSettings": "settings.detecting",
    "NucleusTable": "results.nucleus_table",
    "Progress": "progress",
    "Reason": "results.focus_map",
    "Region": "geometry",
    "ScoreSettings": "settings.scoring",
    "Slide": "slides.slide",
    "StackResult": "pipeline.stack",
    "StackSettings": "settings.stacks",
    "Verdict": "results.focus_map",
    "find_nuclei": "pipeline",
    "find_nuclei_in_image": "pipeline",
    "find_nuclei_to": "pipeline",
    "finish": "progress",
    "focus_distance": "pipeline",
    "measure_stack": "pipeline",
    "open_plane_files": "slides.plane_files",
    "open_slide": "slides.opening",
    "score_image": "pipeline",
    "score_slide": "pipeline",
}

__all__ = [
    "ArraySlide",
    "BlockUpdate",
    "DistanceMap",
    "FocusFlag",
    "FocusMap",
    "FocusQCError",
    "NucleusSettings",
    "NucleusTable",
    "Progress",
    "Reason",
    "Region",
    "ScoreSettings",
    "Slide",
    "StackResult",
    "StackSettings",
    "Verdict",
    "__version__",
    "find_nuclei",
    "find_nuclei_in_image",
    "find_nuclei_to",
    "finish",
    "focus_distance",
    "measure_stack",
    "open_plane_files",
    "open_slide",
    "score_image",
    "score_slide",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the room it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
