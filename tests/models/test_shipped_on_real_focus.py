"""The shipped weights on focus that nobody simulated."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from napari_focusqc.geometry import Region
from napari_focusqc.pipeline import score_image
from napari_focusqc.slides.opening import open_slide

MODELS = ["focuslitenn", "convfocus"]
IN_FOCUS = 0.95
"""Share of a sharp slide's tiles that must be in focus."""


def _mean_score(path: Path, mpp: float, model: str) -> float:
    assert path.is_file(), path
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return float(score_image(pixels, mpp=mpp, model=model, tissue="none").scores.mean())


@pytest.mark.parametrize(("model", "classes"), [("focuslitenn", 5), ("convfocus", 6)])
def test_tcga_focus_patch_out_of_focus_scores_higher(
    test_data: Path, model: str, classes: float
) -> None:
    """The patch out of focus is a thick section: some of its nuclei are in focus, most are not."""
    folder = test_data / "focus/tcga-focus"  # its list says which is which
    sharp = _mean_score(folder / "TCGA@Focus_patch_i_32381_j_37784.png", 0.25, model)
    blurred = _mean_score(folder / "TCGA@Focus_patch_i_9651_j_81514.png", 0.25, model)
    assert blurred > sharp + classes


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_a_real_stack_scores_as_a_v(test_data: Path, mpp: float, model: str) -> None:
    """The step is not in µm and the field is grey; only the order of the planes is known."""
    planes = np.arange(-9, 10)
    scores = [_mean_score(test_data / f"focus/smear-stack/{z}.bmp", mpp, model) for z in planes]
    assert abs(planes[np.argmin(scores)]) <= 1
    assert spearmanr(planes[:10], scores[:10]).statistic < -0.95
    assert spearmanr(planes[9:], scores[9:]).statistic > 0.95


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "name", ["openslide-cmu/CMU-1-Small-Region.svs", "ome-tiff/images_OS-1-detail.ome.tif"]
)
def test_slides_published_as_sharp_are_in_focus(test_data: Path, name: str, model: str) -> None:
    slide = open_slide(test_data / "wsi" / name)
    try:
        pixels = slide.read(Region(0, 0, *slide.shape))
        assert slide.mpp is not None
        focus_map = score_image(pixels, mpp=slide.mpp, model=model)
    finally:
        slide.close()
    scored = focus_map.scores[np.isfinite(focus_map.scores)]
    assert focus_map.source.threshold is not None
    assert (scored <= focus_map.source.threshold).mean() > IN_FOCUS
