"""The default weights on focus that nobody simulated."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from napari_focusqc.geometry import Region
from napari_focusqc.pipeline import score_image
from napari_focusqc.slides.opening import open_slide


def _mean_score(path: Path, mpp: float) -> float:
    assert path.is_file(), path
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return float(score_image(pixels, mpp=mpp, tissue="none").scores.mean())


def test_tcga_focus_patch_out_of_focus_scores_higher(test_data: Path) -> None:
    folder = test_data / "focus/tcga-focus"  # its list says which is which
    sharp = _mean_score(folder / "TCGA@Focus_patch_i_32381_j_37784.png", 0.25)
    blurred = _mean_score(folder / "TCGA@Focus_patch_i_9651_j_81514.png", 0.25)
    assert blurred > sharp + 5


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_a_real_stack_scores_as_a_v(test_data: Path, mpp: float) -> None:
    """The step is not in µm and the field is grey; only the order of the planes is known."""
    planes = np.arange(-9, 10)
    scores = [_mean_score(test_data / f"focus/smear-stack/{z}.bmp", mpp) for z in planes]
    assert abs(planes[np.argmin(scores)]) <= 1
    assert spearmanr(planes[:10], scores[:10]).statistic < -0.95
    assert spearmanr(planes[9:], scores[9:]).statistic > 0.95


@pytest.mark.parametrize(
    "name", ["openslide-cmu/CMU-1-Small-Region.svs", "ome-tiff/images_OS-1-detail.ome.tif"]
)
def test_slides_published_as_sharp_are_in_focus(test_data: Path, name: str) -> None:
    slide = open_slide(test_data / "wsi" / name)
    try:
        pixels = slide.read(Region(0, 0, *slide.shape))
        assert slide.mpp is not None
        focus_map = score_image(pixels, mpp=slide.mpp)
    finally:
        slide.close()
    scored = focus_map.scores[np.isfinite(focus_map.scores)]
    assert focus_map.source.threshold is not None
    assert (scored <= focus_map.source.threshold).mean() > 0.95
