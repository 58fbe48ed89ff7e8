"""The plots' pixels and words."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.errors import EvaluationError, OutputError
from napari_focusqc.evaluation.curves import write_loss_curve, write_roc, write_v_plot
from napari_focusqc.evaluation.metrics import roc_curve

Z = np.arange(-3.0, 4)
V = (Z, np.abs(Z), np.abs(Z) - 0.5, np.abs(Z) + 0.5)
ROC = roc_curve(np.arange(6.0), np.arange(6) > 2)


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def dark(path: Path) -> np.ndarray:
    """Return (row, column) of pixels in viridis's darkest colour, relative to the picture."""
    pixels = picture(path)
    found = np.argwhere(np.abs(pixels - (68, 1, 84)).sum(axis=2) < 6)
    return found / pixels.shape[:2]


def test_a_v_is_drawn_as_a_v(tmp_path: Path):
    """The lowest point of the line is in the middle, its highest are at both sides."""
    at = dark(write_v_plot(tmp_path / "v.png", {"model": V}))
    x = at[:, 1]
    line = at[(x > 0.2)]  # without the legend's sample
    lowest = line[line[:, 0] > line[:, 0].max() - 0.02][:, 1]
    assert lowest.mean() == pytest.approx((x.min() + x.max()) / 2, abs=0.03)


def test_more_models_give_more_colours(tmp_path: Path):
    one = picture(write_v_plot(tmp_path / "1.png", {"a": V}))
    two = picture(write_v_plot(tmp_path / "2.png", {"a": V, "b": (Z, 2 * V[1], V[2], V[3])}))
    green = (two[..., 1] > two[..., 0] + 40) & (two[..., 1] > two[..., 2] + 40)
    assert green.sum() > 200
    assert not ((one[..., 1] > one[..., 0] + 40) & (one[..., 1] > one[..., 2] + 40)).any()


def test_a_perfect_roc_goes_by_the_corner(tmp_path: Path):
    at = dark(write_roc(tmp_path / "roc.png", {"model": ROC}))
    assert (np.abs(at - at.min(axis=0)).max(axis=1) < 0.02).any()


def test_losses_are_drawn_with_and_without_validation(tmp_path: Path):
    falling = [100.0, 10.0, 1.0]
    alone = picture(write_loss_curve(tmp_path / "a.png", [1, 2, 3], falling, None))
    both = picture(write_loss_curve(tmp_path / "b.png", [1, 2, 3], falling, [90.0, 20.0, 5.0]))
    assert not np.array_equal(alone, both)


def test_losses_over_decades_have_a_logarithmic_scale(tmp_path: Path):
    """Equal factors are equal steps: the middle of 100, 10, 1 lies half way."""
    at = dark(write_loss_curve(tmp_path / "a.png", [1, 2, 3], [100.0, 10.0, 1.0], None))
    left, right = at[:, 1].min(), at[:, 1].max()
    middle = at[np.abs(at[:, 1] - (left + right) / 2) < 0.005]
    assert middle[:, 0].mean() == pytest.approx((at[:, 0].min() + at[:, 0].max()) / 2, abs=0.03)


@pytest.mark.parametrize(
    "draw",
    [
        lambda path: write_v_plot(path, {}),
        lambda path: write_roc(path, {}),
        lambda path: write_v_plot(path, {"a": (Z, Z[1:], Z, Z)}),
        lambda path: write_loss_curve(path, [], [], None),
        lambda path: write_loss_curve(path, [1, 2], [1.0, np.nan], None),
        lambda path: write_loss_curve(path, [1, 2], [1.0, 2.0], [1.0]),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_leaves_no_file(draw, tmp_path: Path):
    with pytest.raises(EvaluationError):
        draw(tmp_path / "x.png")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(OutputError, match="there is no folder"):
        write_v_plot(tmp_path / "nowhere" / "v.png", {"a": V})
