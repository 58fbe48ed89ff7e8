"""QuPath's detections: what is written, read again as strict JSON."""

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_focusqc.errors import OutputError
from napari_focusqc.results import qupath_nuclei
from napari_focusqc.results.focus_map import FocusMap
from napari_focusqc.results.nucleus_table import FocusFlag, NucleusSource, NucleusTable
from napari_focusqc.results.qupath_nuclei import FOCUS, PEAK, write_qupath_nuclei

SOURCE = NucleusSource(
    slide="slide.svs",
    mpp=0.25,
    mpp_source="file",
    model="micronet",
    weights={"name": "w “1”"},
    least=0.1,
    device="cpu",
    version="0.1.0",
    created="2026-01-01T00:00:00+00:00",
)


def table(centres: Any, **columns: Any) -> NucleusTable:
    found = NucleusTable.found(centres, np.full(len(centres), 0.5), SOURCE)
    return replace(found, **columns)


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def read(path: Path) -> dict[str, Any]:
    whole = path.read_bytes()
    return json.loads(
        gzip.decompress(whole) if path.suffix == ".gz" else whole, parse_constant=refuse
    )


def features(nuclei: NucleusTable, path: Path) -> list[dict[str, Any]]:
    return read(write_qupath_nuclei(nuclei, path))["features"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slide.geojson"


def test_a_nucleus_becomes_this_detection(path: Path) -> None:
    """At 0.25 µm/px the circle has a radius of 10 px; the first pixel's centre is at 0.5, 0.5."""
    nuclei = table([(100, 20)], focus=np.array([1.25], np.float32), in_focus=np.array([2], np.int8))
    (feature,) = features(nuclei, path)
    assert UUID(feature.pop("id"))
    ring = [[20.5, 90.5], [30.5, 100.5], [20.5, 110.5], [10.5, 100.5], [20.5, 90.5]]
    assert feature == {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring], "isEllipse": True},
        "properties": {
            "objectType": "detection",
            "classification": {"name": "Nucleus: out of focus", "color": [230, 159, 0]},
            "measurements": {"Nucleus peak": 0.5, "Focus score": 1.25},
        },
    }


def test_the_collection_says_where_its_nuclei_come_from(path: Path) -> None:
    whole = read(write_qupath_nuclei(table([]), path))
    assert whole.pop("focusqc") == {"format": 1, **SOURCE.to_dict()}
    assert whole == {"type": "FeatureCollection", "features": []}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    arrays(np.float32, st.tuples(st.integers(0, 9), st.just(2)),
           elements=st.floats(-4, 2**20, width=32)),
    st.floats(0.0625, 2, width=32),
)  # fmt: skip
def test_rings_are_closed_and_lie_around_the_nucleus(
    path: Path, centres: np.ndarray, mpp: float
) -> None:
    nuclei = replace(table(centres), source=replace(SOURCE, mpp=mpp))
    found = features(nuclei, path)
    assert len(found) == len(centres)
    for feature, (y, x) in zip(found, centres.astype(float), strict=True):
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1]
        xs, ys = np.array(ring).T
        for low, high, middle in ((xs.min(), xs.max(), x + 0.5), (ys.min(), ys.max(), y + 0.5)):
            assert abs((low + high) / 2 - middle) < 0.011
            assert abs((high - low) / 2 - 2.5 / mpp) < 0.011


@pytest.mark.parametrize("flag", FocusFlag)
def test_every_flag_is_a_class_with_a_colour_of_its_own(path: Path, flag: FocusFlag) -> None:
    (feature,) = features(table([(0, 0)], in_focus=np.array([flag], np.int8)), path)
    name, colour = qupath_nuclei.CLASSES[flag]
    assert feature["properties"]["classification"] == {"name": name, "color": list(colour)}
    assert name.partition(": ")[0] == "Nucleus"
    assert len({colour for _, colour in qupath_nuclei.CLASSES.values()}) == len(FocusFlag)


def test_nuclei_in_blurred_tiles_can_be_hidden_by_their_class(
    path: Path, make_map: Callable[..., FocusMap]
) -> None:
    """The small map: in focus, in focus, glass; out of focus, unreadable, abstained."""
    centres = [(y, x) for y in (20, 120) for x in (20, 100, 180)]
    found = features(table(centres).joined(make_map()), path)
    names = [feature["properties"]["classification"]["name"] for feature in found]
    assert names == [
        "Nucleus: in focus", "Nucleus: in focus", "Nucleus",
        "Nucleus: out of focus", "Nucleus", "Nucleus",
    ]  # fmt: skip


def test_a_score_that_json_has_no_number_for_is_a_text(path: Path) -> None:
    """As in QuPath's own test of GsonTools."""
    focus = np.array([np.nan, 2, np.inf, -np.inf], np.float32)
    found = features(table([(n, n) for n in range(4)], focus=focus), path)
    scores = [feature["properties"]["measurements"][FOCUS] for feature in found]
    assert scores == ["NaN", 2, "Infinity", "-Infinity"]


def test_without_any_score_the_measurement_is_left_out(path: Path) -> None:
    (feature,) = features(table([(0, 0)]), path)
    assert feature["properties"]["measurements"] == {PEAK: 0.5}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(arrays(np.float32, 5, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_measurements_are_the_same_float32(path: Path, values: np.ndarray) -> None:
    nuclei = table([(n, n) for n in range(5)], peaks=values, focus=values[::-1])
    told = [feature["properties"]["measurements"] for feature in features(nuclei, path)]
    assert [np.float32(each[PEAK]) for each in told] == values.tolist()
    assert [np.float32(each[FOCUS]) for each in told] == values[::-1].tolist()


def ids(nuclei: NucleusTable, path: Path) -> list[str]:
    return [feature["id"] for feature in features(nuclei, path)]


def test_an_id_is_a_uuid_that_depends_on_slide_and_place_only(path: Path) -> None:
    nuclei = table([(1, 2), (3, 4)])
    first, second = ids(nuclei, path)
    assert str(UUID(first)) == first
    assert (UUID(first).version, UUID(first).variant) == (8, RFC_4122)
    assert ids(table([(3, 4), (9, 9), (1, 2)]).at_least(0.5), path)[::2] == [second, first]
    for other in ({"slide": "other.svs"}, {"plane": 1}):
        assert first not in ids(replace(nuclei, source=replace(SOURCE, **other)), path)


def test_no_two_places_share_an_id(path: Path) -> None:
    """Places as peaks have them, 32nds of a pixel, also such that y and x change roles."""
    places = np.array([(y, x) for y in range(60) for x in range(60)], np.float32)
    every = np.concatenate([places + 40_000, places / 32, -places[1:] - 1])
    found = ids(table(every), path)
    assert Counter(found).most_common(1)[0][1] == 1
    assert len({each[:8] for each in found}) > 0.99 * len(found)


def test_another_plane_than_the_first_is_named(path: Path) -> None:
    nuclei = replace(table([(0, 0)]), source=replace(SOURCE, plane=3))
    assert features(nuclei, path)[0]["geometry"]["plane"] == {"c": -1, "z": 3, "t": 0}


def test_the_file_does_not_depend_on_the_steps_it_is_written_in(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nuclei = table(np.random.default_rng(0).uniform(0, 9999, (100, 2)))
    whole = write_qupath_nuclei(nuclei, path).read_bytes()
    for step in (1, 7, 100):
        monkeypatch.setattr(qupath_nuclei, "_STEP", step)
        assert write_qupath_nuclei(nuclei, path).read_bytes() == whole


def test_a_packed_file_holds_the_same_and_is_always_the_same(tmp_path: Path) -> None:
    nuclei = table(np.random.default_rng(0).uniform(0, 9999, (1000, 2)))
    plain = write_qupath_nuclei(nuclei, tmp_path / "n.geojson").read_bytes()
    packed = write_qupath_nuclei(nuclei, tmp_path / "n.geojson.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 3
    assert write_qupath_nuclei(nuclei, tmp_path / "other.geojson.GZ").read_bytes() == packed


def test_a_file_is_replaced_whole_or_stays(path: Path) -> None:
    path.write_text("old")
    with pytest.raises(OutputError, match="cannot be stored as JSON"):
        write_qupath_nuclei(replace(table([]), source=replace(SOURCE, mpp=np.nan)), path)
    assert path.read_text() == "old"
    assert features(table([(0, 0)]), path)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_qupath_nuclei(table([]), tmp_path / "nowhere" / "n.geojson")
