"""Points of any layer are brought to µm, and what came out lies where it should."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Points
from PIL import Image

from napari_focusqc.errors import MissingMppError
from napari_focusqc.plugin.layers import METADATA_KEY
from napari_focusqc.plugin.nucleus_comparison import (
    KINDS,
    asked,
    compared,
    comparison_layer,
    comparison_points,
    is_ours,
    nuclei_of,
    ring_layer,
)
from napari_focusqc.progress import finish

PX = np.array([(10.0, 20.0), (100.0, 40.0)])


def points(data: Any = PX, **keywords: Any) -> Points:
    ndim = np.shape(data)[1]
    placed = {"scale": (0.25,) * ndim, "units": ("µm",) * ndim}
    return Points(data, **placed | keywords)


@pytest.mark.parametrize(
    "layer",
    [
        points(),
        points(PX * 0.25, scale=(1.0, 1.0)),
        points(scale=(0.25e-3, 0.25e-3), units=("mm", "mm")),
        points(PX - 4, translate=(1.0, 1.0)),
        points([(7, *place) for place in PX]),
        points(PX[:, ::-1], affine=[[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
    ],
    ids=["px", "µm", "mm", "moved", "with planes", "turned"],
)
def test_points_lie_in_um_however_their_layer_is_scaled(layer: Points) -> None:
    np.testing.assert_allclose(nuclei_of(layer).centres_um, PX * 0.25)


def test_a_layer_in_pixels_is_refused() -> None:
    with pytest.raises(MissingMppError, match="lies in pixels"):
        nuclei_of(points(units=("pixel", "pixel")))


def test_peaks_and_what_is_shown_come_along() -> None:
    layer = points(features={"peak": [0.9, 0.1]}, shown=[True, False])
    nuclei = nuclei_of(layer)
    assert nuclei.peaks is not None
    assert nuclei.shown is not None
    assert (nuclei.peaks.tolist(), nuclei.shown.tolist()) == ([0.9, 0.1], [True, False])
    assert nuclei_of(points()).peaks is None


def test_a_file_counts_in_the_px_of_the_found_layer(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,y_px,x_px\nx,10,20\nx,100,48\n")
    found = finish(compared(asked(points(), tmp_path / "t.csv"), 16.0))
    assert (found.scores[6.0].tp, found.scores[16.0].tp) == (1, 2)
    assert found.scores[16.0].distance_px == pytest.approx(4)


def test_found_points_beyond_a_label_image_do_not_count(tmp_path: Path) -> None:
    labels = np.zeros((50, 50), np.uint8)
    labels[8:13, 18:23] = 1
    Image.fromarray(labels).save(tmp_path / "t.png")
    score = finish(compared(asked(points(), tmp_path / "t.png"), 16.0)).scores[16.0]
    assert (score.tp, score.fp, score.fn) == (1, 0, 0)


def test_every_point_is_of_one_kind_and_lies_where_it_was() -> None:
    found = points([(10, 20), (100, 40)])
    true = points([(10, 22), (300, 300)])
    shown = comparison_points(finish(compared(asked(found, true), 16.0)))
    np.testing.assert_allclose(shown["matched"], [(2.5, 5)])
    np.testing.assert_allclose(shown["false positives"], [(25, 10)])
    np.testing.assert_allclose(shown["false negatives"], [(75, 75)])
    for kind, places in shown.items():
        data, keywords, _ = comparison_layer(kind, places, "x")
        layer = Points(data, **keywords)
        np.testing.assert_allclose(nuclei_of(layer).centres_um, places)
        assert is_ours(layer)
    assert not is_ours(found)


def test_results_differ_in_colour_and_in_shape() -> None:
    assert len({colour for colour, _ in KINDS.values()}) == len(KINDS)
    assert len({symbol for _, symbol in KINDS.values()}) == len(KINDS)


def test_the_ring_lies_around_its_place() -> None:
    data, keywords, _ = ring_layer((3.0, 4.0))
    assert data.tolist() == [[3.0, 4.0]]
    assert keywords["metadata"][METADATA_KEY]["layer"] == "comparison"
