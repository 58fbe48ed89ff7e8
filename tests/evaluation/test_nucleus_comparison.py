"""Found points beside true ones: counts, errors and curve, and a truth from every kind of file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_focusqc.errors import AnnotationError, EvaluationError
from napari_focusqc.evaluation.nucleus_comparison import Comparison, Nuclei, compare
from napari_focusqc.evaluation.nucleus_metrics import RADII_PX
from napari_focusqc.evaluation.nucleus_truth import read_truth, within
from napari_focusqc.geometry import Region
from napari_focusqc.progress import finish
from napari_focusqc.results.nucleus_files import save_nuclei
from napari_focusqc.results.nucleus_table import NucleusSource, NucleusTable

TRUE_UM = np.array([(10.0, 10.0), (50.0, 50.0), (90.0, 90.0)])
FOUND_UM = np.array([(10.0, 12.0), (50.0, 53.5), (200.0, 200.0)])
SOURCE = NucleusSource("slide.svs", 0.25, "file", "micronet", {}, 0.1, "cpu", "0", "2026-01-01")


def compared(found: Nuclei, true: Nuclei, radius_px: float = 16.0) -> Comparison:
    return finish(compare(found, true, radius_px))


def test_figures_by_hand() -> None:
    """2 µm away is 8 px at 40x, 3.5 µm is 14 px."""
    found = compared(Nuclei(FOUND_UM), Nuclei(TRUE_UM))
    assert [found.scores[radius].tp for radius in RADII_PX] == [0, 1, 2]
    assert found.scores[16.0].distance_px == pytest.approx(11)
    np.testing.assert_allclose(found.matched_um, FOUND_UM[:2])
    np.testing.assert_allclose(found.errors.centres, [FOUND_UM[2], TRUE_UM[2]])
    assert found.curve is None
    assert found.sentence() == "Within 4 µm 2 of 3 nuclei were found, and 1 points are none."


def test_a_radius_of_ones_own_stands_among_the_usual_ones() -> None:
    found = compared(Nuclei(FOUND_UM), Nuclei(TRUE_UM), 10.0)
    assert sorted(found.scores) == [6.0, 10.0, 12.0, 16.0]
    assert len(found.errors) == 4
    assert [row[0] for row in found.table().rows] == ["6", "10", "12", "16"]


def test_hidden_points_count_in_the_curve_alone() -> None:
    peaks, shown = np.array([0.9, 0.3, 0.2]), np.array([True, False, False])
    found = compared(Nuclei(FOUND_UM, peaks, shown), Nuclei(TRUE_UM))
    assert (found.scores[16.0].tp, found.scores[16.0].fp) == (1, 0)
    assert found.curve is not None
    np.testing.assert_allclose(found.curve.threshold, [0.2, 0.3, 0.9])
    assert (found.curve.tp.tolist(), found.curve.found.tolist()) == ([2, 2, 1], [3, 2, 1])


def test_nuclei_set_by_hand_are_as_sure_as_the_surest() -> None:
    found = compared(Nuclei(FOUND_UM, np.array([np.nan, 0.4, 0.2])), Nuclei(TRUE_UM))
    assert found.curve is not None
    assert found.curve.found.tolist() == [3, 2]
    assert compared(Nuclei(FOUND_UM, np.full(3, np.nan)), Nuclei(TRUE_UM)).curve is None


def test_nothing_found_is_a_result_and_nothing_at_all_is_none() -> None:
    empty = Nuclei(np.empty((0, 2)), np.empty(0))
    assert compared(empty, Nuclei(TRUE_UM)).scores[16.0].recall == 0
    with pytest.raises(EvaluationError, match="neither found nor true"):
        compared(empty, empty)


# --- Truths -----------------------------------------------------------------------------------


def test_a_truth_is_read_from_every_kind_of_file(tmp_path: Path) -> None:
    """The same nucleus, its middle pixel (3, 5)."""
    labels = np.zeros((12, 10), np.uint8)
    labels[2:5, 4:7] = 1
    Image.fromarray(labels).save(tmp_path / "t.png")
    marks = "".join(f'<Vertex X="{x}" Y="{y}"/>' for y, x in ((2, 4), (2, 7), (5, 7), (5, 4)))
    region = f"<Region><Vertices>{marks}</Vertices></Region>"
    xml = f"<Annotations><Annotation><Regions>{region}</Regions></Annotation></Annotations>"
    (tmp_path / "t.xml").write_text(xml)
    (tmp_path / "t.csv").write_text("image,y_px,x_px\nslide,3,5\nother,1,1\n")
    save_nuclei(NucleusTable.found([(3, 5)], [1], SOURCE), tmp_path / "t.parquet")
    for kind in ("png", "xml", "csv", "parquet"):
        found = read_truth(tmp_path / f"t.{kind}", "slide.svs")
        np.testing.assert_allclose(found.centres, [(3, 5)])
        assert found.shape == ((12, 10) if kind == "png" else None)


def test_a_table_of_one_image_needs_no_name_and_one_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("image,y_px,x_px\nfield,3,5\n")
    assert len(read_truth(path, "slide.svs").centres) == 1
    path.write_text("image,y_px,x_px\na,3,5\nb,1,1\n")
    with pytest.raises(EvaluationError, match=r"nuclei of 2 images and none of slide\.svs"):
        read_truth(path, "slide.svs")


def test_other_files_are_no_truth(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="no truth known here"):
        read_truth(tmp_path / "t.docx", "slide")
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_truth(tmp_path / "t.xml", "slide")


def test_a_region_holds_its_first_pixel_and_not_the_one_after_its_last() -> None:
    places = np.array([(2.0, 3.0), (1.49, 3.0), (5.49, 3.0), (5.5, 3.0)])
    assert within(places, Region(2, 3, 4, 5)).tolist() == [True, False, True, False]
    assert within(places, None).all()
