"""File > Open Sample: slides made or fetched in a thread, so that the window stays alive.

Room: widgets.
"""

from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.plugin.sample_data import cmu_small_region, sample_slide_with_truth
from napari_focusqc.widgets.waiting import wait_for


def open_sample_slide() -> list[LayerData]:
    """Make the sample slide, the first time, and return its layers; see `plugin.sample_data`."""
    return wait_for("Making the sample slide", sample_slide_with_truth)


def open_cmu_small_region() -> list[LayerData]:
    """Download CMU-1-Small-Region, the first time, and return its layer."""
    return wait_for("Downloading CMU-1-Small-Region", cmu_small_region)
