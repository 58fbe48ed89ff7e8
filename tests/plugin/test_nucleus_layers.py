"""Layers of nuclei as napari understands them: made into real ones, and asked where things are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.layers import Image, Layer, Points, Vectors
from numpy.typing import NDArray

from napari_focusqc.annotation.corrections import ADDED
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.layers import heatmap_layer, slide_layers
from napari_focusqc.plugin.nucleus_layers import (
    DASHES,
    NUCLEUS_COLORS,
    density_layer,
    focus_map_layers,
    frames_layer,
    nucleus_features,
    nucleus_layer,
    nucleus_look,
    proximity_layer,
    rows_after,
    shown_nuclei,
)
from napari_focusqc.results.density import density
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable
from napari_focusqc.results.slide_values import SlideValues

Make = Callable[..., Any]
CENTRES = [(0.0, 0.0), (10.5, 20.25), (399.0, 599.0)]
FLAGS = [FocusFlag.UNKNOWN, FocusFlag.IN_FOCUS, FocusFlag.OUT_OF_FOCUS]


def nuclei(mpp: float = 0.5, slide: str = "slide.svs") -> NucleusTable:
    source = NucleusSource(slide, mpp, "file", "micronet", {}, 0.1, "cpu", "0", "")
    table = NucleusTable.found(CENTRES, [0.2, 0.5, 0.9], source)
    table.focus[:] = [np.nan, 3.0, 25.0]
    table.in_focus[:] = FLAGS
    return table


def rows(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def made(layer_data: Any) -> Any:
    return Layer.create(*layer_data)


def test_points_lie_on_the_pixels_they_were_found_at_in_micrometres(make_slide: Make) -> None:
    slide = made(slide_layers(make_slide(400, 600, 0.5))[0])
    points = made(nucleus_layer(nuclei()))
    assert isinstance(points, Points)
    assert points.units == slide.units
    assert points.axis_labels == slide.axis_labels
    assert points.data_to_world((10.5, 20.25)) == pytest.approx((5.25, 10.125))
    for centre in CENTRES:
        assert slide.world_to_data(points.data_to_world(centre)) == pytest.approx(centre, abs=1e-4)


def test_points_are_4_um_wide() -> None:
    for mpp in (0.25, 0.5):
        points = made(nucleus_layer(nuclei(mpp)))
        np.testing.assert_allclose(points.size * points.scale[-1], 4.0)


def test_points_lie_on_a_slide_that_was_turned(make_slide: Make) -> None:
    slide = made(slide_layers(make_slide(400, 600, 0.5))[0])
    slide.rotate, slide.translate = 30, (100, -40)
    points = made(nucleus_layer(nuclei(), on=slide))
    for centre in CENTRES:
        assert slide.world_to_data(points.data_to_world(centre)) == pytest.approx(centre, abs=1e-3)


def test_dragging_a_point_does_not_change_the_table() -> None:
    table = nuclei()
    points = made(nucleus_layer(table))
    points.data[0] += 5
    assert table.centres[0].tolist() == [0, 0]


def test_features_are_floats_with_nan_for_the_unknown() -> None:
    points = made(nucleus_layer(nuclei()))
    assert all(kind == np.float32 for kind in points.features.dtypes)
    np.testing.assert_array_equal(points.features["in_focus"], [np.nan, 1, 0])
    np.testing.assert_array_equal(points.features["focus"], [np.nan, 3, 25])
    np.testing.assert_array_equal(points.features["added"], [0, 0, 0])
    added = nucleus_features(nuclei(), rows(0, ADDED, 1))["added"]
    np.testing.assert_array_equal(added, [0, 1, 0])


def test_a_table_without_nuclei_is_a_layer_too() -> None:
    points = made(nucleus_layer(nuclei().only(slice(0))))
    assert points.data.shape == (0, 2)
    points.add((3, 4))
    assert points.features.shape == (1, 4)


def test_marked_points_differ_in_colour_and_symbol() -> None:
    colours, symbols = nucleus_look(nuclei(), rows(0, 1, 2), by_focus=True)
    assert symbols.tolist() == ["disc", "disc", "x"]
    assert len({tuple(colour) for colour in colours}) == 3
    assert colours[2].tolist() == pytest.approx([0xE6 / 255, 0x9F / 255, 0, 1])
    alike, same = nucleus_look(nuclei(), rows(0, 1, 2), by_focus=False)
    assert (alike == alike[0]).all()
    assert set(same) == {"disc"}
    added, diamond = nucleus_look(nuclei(), rows(0, ADDED, 2), by_focus=True)
    assert diamond[1] == "diamond"
    assert added[1].tolist() == [1, 1, 1, 1]


def test_every_flag_has_a_colour_of_its_own() -> None:
    assert set(NUCLEUS_COLORS) == set(FocusFlag)
    assert len(set(NUCLEUS_COLORS.values())) == len(FocusFlag)


def test_points_are_shown_from_the_threshold_on() -> None:
    table = nuclei()
    at = float(table.peaks[1])
    every = rows(0, 1, 2)
    assert shown_nuclei(table, every, at, hide=False).tolist() == [False, True, True]
    above = float(np.nextafter(np.float32(at), np.float32(1)))
    assert shown_nuclei(table, every, above, hide=False).tolist() == [False, False, True]


def test_hidden_are_those_out_of_focus_that_nobody_added() -> None:
    assert shown_nuclei(nuclei(), rows(0, 1, 2), 0.1, hide=True).tolist() == [True, True, False]
    assert shown_nuclei(nuclei(), rows(0, 1, ADDED), 0.1, hide=True).all()


@pytest.mark.parametrize(
    ("action", "at", "count", "after"),
    [
        ("added", (-2, -1), 6, [0, 1, 2, 3, ADDED, ADDED]),
        ("removed", (0, 2), 2, [1, 3]),
        ("changed", (1,), 4, [0, ADDED, 2, 3]),
        ("changed", (0, 1, 2), 3, [ADDED] * 3),
        ("removed", (0, 1, 2, 3), 0, []),
    ],
)
def test_rows_follow_what_the_user_does(
    action: str, at: tuple[int, ...], count: int, after: list[int]
) -> None:
    assert rows_after(rows(0, 1, 2, 3), action, at, count).tolist() == after


def test_only_scored_maps_of_the_same_slide_and_plane_are_offered(make_map: Make) -> None:
    ours, other = make_map(), make_map(slide="other.svs")
    higher, empty = make_map(plane=1), make_map(reasons=[[1, 1, 1], [1, 1, 1]])
    layers = [made(heatmap_layer(each)) for each in (ours, other, higher, empty)]
    layers.append(Points(np.zeros((1, 2))))
    assert list(focus_map_layers(layers, nuclei().source)) == layers[:1]


def test_squares_of_the_density_lie_where_their_nuclei_do(make_slide: Make) -> None:
    slide = made(slide_layers(make_slide(400, 600, 0.5))[0])
    found = density(nuclei(), Region(0, 0, 400, 600))
    shown = made(density_layer(found, "slide.svs"))
    assert isinstance(shown, Image)
    for centre in CENTRES:
        row, col = np.rint(shown.world_to_data(slide.data_to_world(centre))).astype(int)
        assert shown.data[row, col] > 0
    assert (shown.data > 0).sum() == 2
    assert shown.contrast_limits == pytest.approx([0, found.values.max()])


def test_a_density_of_nothing_has_colours_too() -> None:
    found = density(nuclei().only(slice(0)), Region(0, 0, 400, 600))
    assert made(density_layer(found, "slide.svs")).contrast_limits == [0, 1]


def test_proximity_lies_on_its_pixels() -> None:
    values = SlideValues(np.zeros((3, 4), np.float32), 2.0, (100.5, 20.5), 0.25)
    shown = made(proximity_layer(values, "slide.svs"))
    assert shown.data_to_world((0, 0)) == pytest.approx((100.5 / 4, 20.5 / 4))
    assert shown.data_to_world((1, 2)) == pytest.approx((102.5 / 4, 24.5 / 4))


def test_frames_run_around_the_outer_edges_of_their_pixels() -> None:
    regions = [Region(10, 20, 100, 200), Region(300, 0, 50, 60)]
    shown = made(frames_layer(regions, "slide.svs", 0.5))
    assert isinstance(shown, Vectors)
    assert len(shown.data) == len(regions) * 4 * DASHES
    ends = shown.data.sum(axis=1)
    first, last = shown.data[: 4 * DASHES, 0], ends[: 4 * DASHES]
    assert first.min(axis=0).tolist() == [9.5, 19.5]
    assert last.max(axis=0).tolist() == [109.5, 219.5]
    assert len(made(frames_layer([], "slide.svs", 0.5)).data) == 0
