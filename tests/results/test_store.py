"""A saved map is the map: nothing lost, nothing else overwritten, nothing damaged believed."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_focusqc.errors import MapFileError, OutputError
from napari_focusqc.results.focus_map import FocusMap, MapSource
from napari_focusqc.results.store import is_focus_map, load_map, save_map
from napari_focusqc.tiles.grid import TileGrid

MakeMap = Callable[..., FocusMap]


def assert_same(found: FocusMap, expected: FocusMap) -> None:
    """Compare bit by bit, so that NaN equals NaN and -0.0 does not equal 0.0."""
    for name in ("scores", "reasons", "tissue"):
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    assert found.grid == expected.grid
    assert found.source == expected.source


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def focus_maps(draw: st.DrawFn) -> FocusMap:
    rows, cols = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    side = st.integers(1, 2**31)
    grid = TileGrid(
        shape=(draw(side), draw(side)),
        scale=draw(st.floats(1e-3, 1e6)),
        tile_px=draw(st.integers(1, 2**20)),
        stride_px=draw(st.integers(1, 2**20)),
        row0=draw(st.integers(0, 2**31)),
        col0=draw(st.integers(0, 2**31)),
        rows=rows,
        cols=cols,
    )
    words = {
        f.name: draw(st.text()) for f in MapSource.__dataclass_fields__.values() if f.type is str
    }
    source = MapSource(
        **words,
        mpp=draw(st.floats(1e-6, 1e6)),
        plane=draw(st.integers(0, 2**31)),
        weights=draw(st.dictionaries(st.text(), json_values, max_size=4)),
        threshold=draw(st.none() | st.floats(allow_nan=False, allow_infinity=False)),
        min_structure=draw(st.none() | st.floats(0, allow_infinity=False)),
    )
    shape = (rows, cols)
    scores = draw(hnp.arrays(np.float32, shape, elements=st.floats(width=32)))
    return FocusMap(
        scores=np.where(np.isnan(scores), np.float32(np.nan), scores),
        reasons=draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, 4))),
        tissue=draw(hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32))),
        grid=grid,
        source=source,
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(expected=focus_maps())
def test_a_map_comes_back_as_it_was_saved(tmp_path: Path, expected: FocusMap) -> None:
    assert_same(load_map(save_map(expected, tmp_path / "map.ome.zarr")), expected)


def test_a_map_of_several_chunks_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    shape = (1030, 2050)
    expected = FocusMap(
        rng.normal(size=shape).astype(np.float32),
        rng.integers(0, 5, shape, np.uint8),
        rng.random(shape, np.float32),
        TileGrid((140_000, 270_000), 1.0, 235, 128, 0, 0, *shape),
        MapSource("s", 0.25, "file", 0, "m", {}, None, "none", "cpu", "0", "now"),
    )
    assert_same(load_map(save_map(expected, tmp_path / "big.ome.zarr")), expected)


def test_radii_come_back_with_the_map(
    tmp_path: Path, make_map: MakeMap, calibrated: dict[str, Any]
) -> None:
    expected = make_map(weights=calibrated)
    found = FocusMap.load(expected.save(tmp_path / "map.ome.zarr")).blur_radius_um()
    assert found.tobytes() == expected.blur_radius_um().tobytes()


def test_a_map_of_a_version_without_least_structure_is_read(
    tmp_path: Path, make_map: MakeMap
) -> None:
    path = save_map(make_map(min_structure=3.0), tmp_path / "map.ome.zarr")
    assert load_map(path).source.min_structure == 3.0
    _edit(path / "zarr.json", lambda v: v["attributes"]["focusqc"]["source"].pop("min_structure"))
    assert_same(load_map(path), make_map())


def test_the_front_door_saves_and_loads(tmp_path: Path, make_map: MakeMap) -> None:
    expected = make_map()
    path = expected.save(str(tmp_path / "map.ome.zarr"))
    assert path == tmp_path / "map.ome.zarr"
    assert_same(FocusMap.load(str(path)), expected)


def test_the_ngff_reference_reader_finds_scores_and_scale(
    tmp_path: Path, make_map: MakeMap
) -> None:
    """ome-zarr-py is the NGFF authors' own reader."""
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    grid = TileGrid((4000, 4000), 2.0, 100, 64, 3, 5, 2, 3)
    expected = make_map(grid=grid, mpp=0.25)
    path = save_map(expected, tmp_path / "map.ome.zarr")
    nodes = list(Reader(parse_url(str(path)))())
    assert len(nodes) == 1
    (level,) = nodes[0].data
    np.testing.assert_array_equal(level.compute(), expected.scores)
    assert nodes[0].metadata["axes"] == [
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    scale, translation = nodes[0].metadata["coordinateTransformations"][0]
    assert scale == {"type": "scale", "scale": [32.0, 32.0]}
    # Rows 3 × 128 px down, plus half a tile of 200 px, from the centre of the slide's first pixel.
    y_um, x_um = 0.25 * (3 * 128 + 100 - 0.5), 0.25 * (5 * 128 + 100 - 0.5)
    assert translation == {"type": "translation", "translation": [y_um, x_um]}


def test_plain_zarr_finds_the_extra_arrays(tmp_path: Path, make_map: MakeMap) -> None:
    expected = make_map()
    group = zarr.open_group(save_map(expected, tmp_path / "map.ome.zarr"), mode="r")
    np.testing.assert_array_equal(group["focusqc/reasons"][...], expected.reasons)
    np.testing.assert_array_equal(group["focusqc/tissue"][...], expected.tissue)
    assert np.isnan(group["0"].fill_value)
    assert group.attrs["ome"]["version"] == "0.5"


def test_a_map_is_replaced_by_the_next(tmp_path: Path, make_map: MakeMap) -> None:
    path = tmp_path / "map.ome.zarr"
    save_map(make_map(), path)
    second = make_map(scores=[[7.0]], reasons=[[0]])
    save_map(second, path)
    assert_same(load_map(path), second)
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.ome.zarr"]


def test_the_old_map_stays_while_the_new_one_fails(
    tmp_path: Path, make_map: MakeMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map.ome.zarr"
    expected = make_map()
    save_map(expected, path)
    rename = Path.rename

    def refuse_the_new(self: Path, target: Path) -> Path:
        if "partial" in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_the_new)
    with pytest.raises(OutputError, match="No space left"):
        save_map(make_map(scores=[[7.0]], reasons=[[0]]), path)
    assert_same(load_map(path), expected)
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.ome.zarr"]


def _file(path: Path, make_map: MakeMap) -> None:
    path.write_text("mine")


def _empty_folder(path: Path, make_map: MakeMap) -> None:
    path.mkdir()


def _foreign_zarr(path: Path, make_map: MakeMap) -> None:
    zarr.create_group(path, zarr_format=3, attributes={"ome": {"version": "0.5"}})


def _map_with_a_guest(path: Path, make_map: MakeMap) -> None:
    save_map(make_map(), path)
    (path / "labels").mkdir()


def _link_to_a_map(path: Path, make_map: MakeMap) -> None:
    path.symlink_to(save_map(make_map(), path.with_name("other.ome.zarr")))


@pytest.mark.parametrize(
    "put", [_file, _empty_folder, _foreign_zarr, _map_with_a_guest, _link_to_a_map]
)
def test_what_is_not_only_a_map_is_not_overwritten(
    put: Callable[[Path, MakeMap], None], tmp_path: Path, make_map: MakeMap
) -> None:
    path = tmp_path / "map.ome.zarr"
    put(path, make_map)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    with pytest.raises(OutputError, match="not overwritten; choose another name"):
        save_map(make_map(), path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_missing_folder_is_named(tmp_path: Path, make_map: MakeMap) -> None:
    with pytest.raises(OutputError, match=r"there is no folder .*nowhere"):
        save_map(make_map(), tmp_path / "nowhere" / "map.ome.zarr")


def test_a_file_is_no_folder_to_write_into(tmp_path: Path, make_map: MakeMap) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="there is no folder"):
        save_map(make_map(), tmp_path / "file" / "map.ome.zarr")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that even root cannot write")
def test_a_read_only_folder_is_refused(tmp_path: Path, make_map: MakeMap) -> None:
    with pytest.raises(OutputError, match=r"cannot be written .*choose a folder"):
        save_map(make_map(), Path("/proc/self") / "map.ome.zarr")


def test_a_full_disk_is_refused_and_leaves_nothing(tmp_path: Path, make_map: MakeMap) -> None:
    """A limit on file size makes the system refuse the write as a full disk does."""
    resource = pytest.importorskip("resource")
    big = make_map(np.ones((600, 600)), np.zeros((600, 600)))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(OutputError, match="has space"):
            save_map(big, tmp_path / "map.ome.zarr")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": float("nan")},
        {"weights": {"figures": {"spearman": float("nan")}}},
        {"weights": {"path": Path("w.pt")}},
        {"mpp": 0.0},
    ],
)
def test_a_source_that_json_cannot_hold_is_refused(
    change: dict[str, Any], tmp_path: Path, make_map: MakeMap
) -> None:
    with pytest.raises(OutputError):
        save_map(make_map(**change), tmp_path / "map.ome.zarr")
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_do_not_fit_the_grid_are_refused(tmp_path: Path, make_map: MakeMap) -> None:
    sound = make_map()
    for change in (
        {"scores": sound.scores.astype(np.float64)},
        {"tissue": sound.tissue[:1]},
        {"reasons": np.full_like(sound.reasons, 5)},
    ):
        with pytest.raises(OutputError):
            save_map(replace(sound, **change), tmp_path / "map.ome.zarr")


# --- Damage -----------------------------------------------------------------------------------


def _edit(path: Path, change: Callable[[Any], None]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def _ours(key: str, value: Any) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        _edit(path / "zarr.json", lambda v: v["attributes"]["focusqc"].__setitem__(key, value))

    return damage


def _grid(key: str, value: Any) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        _edit(
            path / "zarr.json", lambda v: v["attributes"]["focusqc"]["grid"].__setitem__(key, value)
        )

    return damage


def _source(key: str, value: Any) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        _edit(
            path / "zarr.json",
            lambda v: v["attributes"]["focusqc"]["source"].__setitem__(key, value),
        )

    return damage


def _array(name: str, key: str, value: Any) -> Callable[[Path], None]:
    return lambda path: _edit(path / name / "zarr.json", lambda v: v.__setitem__(key, value))


def _huge_claim(path: Path) -> None:
    """Claim a terabyte everywhere alike."""
    _grid("rows", 10_000)(path)
    _grid("cols", 10_000)(path)
    for name in ("0", "focusqc/reasons", "focusqc/tissue"):
        _array(name, "shape", [10_000, 10_000])(path)


def _huge_chunks(path: Path) -> None:
    _array(
        "0", "chunk_grid", {"name": "regular", "configuration": {"chunk_shape": [200_000, 200_000]}}
    )(path)


def _compressed(path: Path) -> None:
    """Swap an array for one whose small chunk would unpack to anything."""
    shutil.rmtree(path / "focusqc/tissue")
    zarr.create_array(path / "focusqc/tissue", data=np.ones((2, 3), np.float32))


def _other_shape(path: Path) -> None:
    shutil.rmtree(path / "focusqc/tissue")
    zarr.create_array(path / "focusqc/tissue", data=np.ones((3, 2), np.float32), compressors=None)


def _bit_flip(path: Path) -> None:
    chunk = path / "0/c/0/0"
    data = bytearray(chunk.read_bytes())
    data[5] ^= 1
    chunk.write_bytes(data)


def _unnamed_reason(path: Path) -> None:
    zarr.open_array(path / "focusqc/reasons", mode="r+")[0, 0] = 9


def _truncate(name: str) -> Callable[[Path], None]:
    return lambda path: os.truncate(path / name, (path / name).stat().st_size // 2)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "no scores": lambda path: shutil.rmtree(path / "0"),
    "no reasons": lambda path: shutil.rmtree(path / "focusqc/reasons"),
    "no tissue": lambda path: shutil.rmtree(path / "focusqc/tissue"),
    "no chunk": lambda path: (path / "0/c/0/0").unlink(),
    "half a chunk": _truncate("0/c/0/0"),
    "half the json": _truncate("zarr.json"),
    "half an array's json": _truncate("focusqc/reasons/zarr.json"),
    "a flipped bit": _bit_flip,
    "no attributes": lambda path: _edit(path / "zarr.json", lambda v: v.pop("attributes")),
    "attributes in a list": lambda path: _edit(
        path / "zarr.json", lambda v: v.__setitem__("attributes", [])
    ),
    "json in a list": lambda path: (path / "zarr.json").write_text("[]"),
    "nested json": lambda path: (path / "zarr.json").write_text("[" * 100_000),
    "huge json": lambda path: (path / "zarr.json").write_text(" " * (2 << 20)),
    "json not utf-8": lambda path: (path / "zarr.json").write_bytes(b"\xff\xfe\xff"),
    "format as text": _ours("format", "1"),
    "format true": _ours("format", True),
    "format zero": _ours("format", 0),
    "no grid": _ours("grid", None),
    "no source": _ours("source", []),
    "other reasons": _ours("reasons", {"scored": 1}),
    "huge claim": _huge_claim,
    "rows beyond belief": _grid("rows", 10**9),
    "tiles beyond belief": lambda path: (_grid("rows", 10**7)(path), _grid("cols", 10**7)(path))[0],
    "no rows": _grid("rows", 0),
    "negative first row": _grid("row0", -1),
    "rows as float": _grid("rows", 2.0),
    "rows that differ": _grid("rows", 3),
    "flat shape": _grid("shape", [160]),
    "shape as text": _grid("shape", ["160", "200"]),
    "scale nan": _grid("scale", float("nan")),
    "scale zero": _grid("scale", 0),
    "mpp as text": _source("mpp", "0.25"),
    "mpp missing": _source("mpp", None),
    "threshold as text": _source("threshold", "2"),
    "least structure as text": _source("min_structure", "2"),
    "least structure below zero": _source("min_structure", -1.0),
    "slide as number": _source("slide", 3),
    "weights as list": _source("weights", []),
    "array's own shape": _array("0", "shape", [2, 4]),
    "array's own type": _array("0", "data_type", "float64"),
    "array of objects": _array("0", "data_type", "object"),
    "array as group": _array("0", "node_type", "group"),
    "unknown codec": _array("0", "codecs", [{"name": "pickle"}]),
    "no codecs": _array("0", "codecs", []),
    "huge chunks": _huge_chunks,
    "compressed": _compressed,
    "other shape": _other_shape,
    "unnamed reason": _unnamed_reason,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_map_is_refused(
    damage: Callable[[Path], None], tmp_path: Path, make_map: MakeMap
) -> None:
    path = save_map(make_map(), tmp_path / "map.ome.zarr")
    damage(path)
    with pytest.raises(MapFileError) as caught:
        load_map(path)
    assert "\n" not in str(caught.value)


def test_a_newer_format_says_update(tmp_path: Path, make_map: MakeMap) -> None:
    path = save_map(make_map(), tmp_path / "map.ome.zarr")
    _ours("format", 2)(path)
    with pytest.raises(MapFileError, match="update napari-focusqc"):
        load_map(path)


def test_nothing_is_allocated_for_a_huge_claim(tmp_path: Path, make_map: MakeMap) -> None:
    """The claim of 400 MB is refused by the size of its files, before any array is made."""
    import tracemalloc

    path = save_map(make_map(), tmp_path / "map.ome.zarr")
    _huge_claim(path)
    tracemalloc.start()
    with pytest.raises(MapFileError):
        load_map(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("name", ["nothing.ome.zarr", "file.txt", "folder"])
def test_what_is_no_map_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    assert not is_focus_map(tmp_path / name)
    with pytest.raises(MapFileError):
        load_map(tmp_path / name)


def test_a_map_is_known_as_one(tmp_path: Path, make_map: MakeMap) -> None:
    assert is_focus_map(save_map(make_map(), tmp_path / "map.ome.zarr"))
